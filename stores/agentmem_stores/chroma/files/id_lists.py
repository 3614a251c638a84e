"""Lists of the ids in index folders, and copies of them that survive a kill of Chroma.

Index files name a vector by a number, its label; only `index_metadata.pickle` says which row has
which label. Chroma rewrites this list in place, as the last file of a save, and truncates it
first. Then it removes from the log in its database what it has saved. So a kill in between would
lose the vectors of all earlier saves.

Therefore a list is copied before any request that may make Chroma save again. The copy lacks only
rows that are still in the log. It replaces the former copy at once, by a rename, and starts with
the sizes and times of all files of the folder, so that the next opening can tell whether Chroma
has written to the folder since.
"""

from __future__ import annotations

import pickle
import sqlite3
import struct
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from agentmem_stores.errors import StoreError
from agentmem_stores.locks import ReadWriteLock

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

__all__ = ["IDS", "INDEX_FILES", "IdList", "IdLists", "is_unchanged", "parse", "read_copy"]

IDS = "index_metadata.pickle"
# In the order in which Chroma saves them.
INDEX_FILES = ("header.bin", "data_level0.bin", "length.bin", "link_lists.bin", IDS)
COPY = "agentmem.ids"
# The size, and the time of the last change in nanoseconds, of each file.
_FINGERPRINT = struct.Struct(f"<{2 * len(INDEX_FILES)}q")
# Two changes within this many nanoseconds may get the same time from the operating system.
_CLOCK_TICK = 20_000_000
_SEGMENT_OF = "SELECT id FROM segments WHERE scope = 'VECTOR' AND collection = ?"
_SEGMENTS = "SELECT id FROM segments WHERE scope = 'VECTOR'"
# What unpickling raises for bytes that are no pickle, or not all of one.
_UNREADABLE = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
)


class IdList(NamedTuple):
    """The content of a list.

    Attributes:
        labels: the label of each row id.
        n_elements: how many vectors were ever added to the index, deleted ones included.
    """

    labels: Mapping[str, int]
    n_elements: int


class IdLists:
    """Copies the lists of a store: all of them now, and each again before it may change.

    Args:
        path: the directory of the store.
        database: Chroma's database in it.
        lock: keeps out other threads while a list is copied, because the first read of a
            collection may make Chroma save too.
    """

    def __init__(self, path: Path, database: Path, lock: ReadWriteLock) -> None:
        self._path = path
        self._database = database
        self._lock = lock
        # Of each collection, its index folder.
        self._folders: dict[str, Path] = {}
        # Of each folder, the size and time of the list that was copied last.
        self._copied: dict[Path, tuple[int, int]] = {}
        with closing(_connect(database)) as db:
            folders = [path / name for (name,) in db.execute(_SEGMENTS)]
        for folder in folders:
            # A store that cannot be written can still be read.
            with suppress(OSError):
                if not is_unchanged(folder):
                    self._copy(folder)

    def protect(self, collection: Collection) -> None:
        """Copy the list of a collection if Chroma has saved it since the last copy.

        Must be called before each request that writes to the collection.

        Raises:
            StoreError: a failed save has left a part of the list.
        """
        folder = self._folders.get(str(collection.id))
        if folder is None:
            with closing(_connect(self._database)) as db:
                [(name,)] = db.execute(_SEGMENT_OF, (str(collection.id),)).fetchall()
            folder = self._folders[str(collection.id)] = self._path / name
        try:
            status = (folder / IDS).stat()
        except FileNotFoundError:
            return  # Chroma has not saved yet, so the log has all vectors.
        if self._copied.get(folder) != (status.st_size, status.st_mtime_ns):
            with self._lock.exclusive():
                self._copy(folder)

    def _copy(self, folder: Path) -> None:
        """Copy a list.

        Raises:
            StoreError: a failed save has left a part of it.
        """
        fingerprint = _read_fingerprint(folder)
        if time.time_ns() - max(fingerprint[1::2]) < _CLOCK_TICK:
            # A save that starts now could leave these times as they are.
            self._copied.pop(folder, None)
            fingerprint = (0,) * len(fingerprint)
        else:
            self._copied[folder] = fingerprint[-2], fingerprint[-1]
        content = (folder / IDS).read_bytes()
        # Chroma pickles one dictionary, so a complete file ends with SETITEMS and STOP.
        if content[-2:] != b"u.":
            raise StoreError(f"{folder / IDS} was only partly saved; try again")
        new = folder / f"{COPY}.new"
        new.write_bytes(_FINGERPRINT.pack(*fingerprint) + content)
        new.replace(folder / COPY)


def is_unchanged(folder: Path) -> bool:
    """Return whether no file of an index folder has changed since its list was copied."""
    try:
        with (folder / COPY).open("rb") as file:
            fingerprint = file.read(_FINGERPRINT.size)
        return fingerprint == _FINGERPRINT.pack(*_read_fingerprint(folder))
    except FileNotFoundError:
        return False


def read_copy(folder: Path) -> bytes | None:
    """Return the copy of the list of an index folder; None if there is none."""
    try:
        return (folder / COPY).read_bytes()[_FINGERPRINT.size :]
    except FileNotFoundError:
        return None


def parse(content: bytes) -> IdList | None:
    """Return what is in a list; None if it is not complete."""
    try:
        fields = _PlainUnpickler(BytesIO(content)).load()
        labels, n_elements = fields["id_to_label"], fields["total_elements_added"]
        return IdList({str(i): int(label) for i, label in labels.items()}, int(n_elements))
    except _UNREADABLE:
        return None


class _PlainUnpickler(pickle.Unpickler):
    """Reads only built-in types, because a damaged file could name any class."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"an index has no {module}.{name}")


def _read_fingerprint(folder: Path) -> tuple[int, ...]:
    statuses = [(folder / name).stat() for name in INDEX_FILES]
    return tuple(n for status in statuses for n in (status.st_size, status.st_mtime_ns))


def _connect(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)

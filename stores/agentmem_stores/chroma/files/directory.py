"""The directory of an embedded store: its lock, its creation and its integrity."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from agentmem_stores.chroma.files.hnsw_files import (
    check_database,
    find_damaged_segments,
    reset_segments,
)
from agentmem_stores.chroma.files.hnsw_recovery import save_vectors
from agentmem_stores.chroma.registry import REGISTRY
from agentmem_stores.errors import StoreFormatError, StoreLockedError, StoreUnavailableError

__all__ = ["Directory", "is_vacant"]

DATABASE = "chroma.sqlite3"
LOCK = "agentmem.lock"
# Where a new store, or a compacted one, is created before it is moved in.
ASIDE = ".agentmem-new"
# Where a store with the vectors of another embedder is filled before it replaces this one.
REPLACEMENT = ".agentmem-reembed"
DERIVED = "agentmem-derived"
# Files of a server that owns the store; they may be there before the store is.
SERVER_FILES = frozenset(["agentmem-server.json", "agentmem-server.log", "agentmem-tokens.json"])
_BESIDE = SERVER_FILES | {LOCK, ASIDE}
# Free bytes below which nothing is written: on a full disk Chroma may truncate index files.
MIN_FREE = 64 * 2**20
# Chroma names index folders after their segments.
_INDEX_FOLDER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Directory:
    """The directory of a store, locked by this object until `release`.

    Args:
        path: created if it does not exist.

    Attributes:
        path: the directory.
        database: Chroma's database.
        derived: the folder for files that are derived from the store.

    Raises:
        StoreUnavailableError: the path is not a directory, or not writable.
        StoreLockedError: another object has locked it.
    """

    def __init__(self, path: Path) -> None:
        # Imported here, because it takes longer than the rest of the package.
        from filelock import FileLock, Timeout

        self.path = path
        self.database = path / DATABASE
        self.derived = path / DERIVED
        try:
            path.mkdir(parents=True, exist_ok=True)
            # If the directory turns out not to be a store, the lock file is removed again.
            self._created_lock = not (path / LOCK).exists()
            # Not thread-local, because any thread may close the store.
            self._lock = FileLock(path / LOCK, timeout=0, thread_local=False)
            self._lock.acquire()
            # Only for the error message below; the operating system keeps the lock.
            (path / LOCK).write_text(str(os.getpid()))
            self._lock_file = path / LOCK
            status = self._lock_file.stat()
            self._identity = status.st_dev, status.st_ino
        except Timeout as error:
            raise StoreLockedError(
                f"{path} is in use{_lock_holder(path)}; close the other store, or let one process "
                f"own it for all: agentmem serve --store {path}"
            ) from error
        except (OSError, NotImplementedError, ValueError) as error:
            raise StoreUnavailableError(
                f"{path} cannot be used ({error}); pass a directory that can be written"
            ) from error

    def require_present(self) -> None:
        """Check that the directory is still the one that was opened.

        Raises:
            StoreUnavailableError: it was removed or replaced, for example by a clean-up job or
                because a volume was mounted again.
        """
        # Runs with every read and write, so the common case calls no other function.
        try:
            status = self._lock_file.stat()
            is_present = (status.st_dev, status.st_ino) == self._identity
        except OSError:
            is_present = False
        if not is_present:
            raise StoreUnavailableError(
                f"{self.path} was removed or replaced while it was open; close this store and "
                "open it again"
            )

    def release(self) -> None:
        """Release the lock; calling it twice is allowed."""
        self._lock.release()

    def prepare(self, create: Callable[[Path], None], *, repair: bool = False) -> None:
        """Check the store, or create one in an empty directory.

        A new store is created aside and then moved in, so an incomplete store is always a damaged
        one, never one that was not finished.

        Args:
            create: creates a store in the directory that it is called with.
            repair: remove damaged index files with the vectors in them.

        Raises:
            StoreFormatError: the directory is not agentmem's, or damaged.
        """
        names = {entry.name for entry in self.path.iterdir()} - _BESIDE
        if not names:
            self.create_aside(create)
            self.move_in()
            return
        try:
            self._check_database(names)
        except StoreFormatError:
            if self._created_lock:
                (self.path / LOCK).unlink(missing_ok=True)
            raise
        self._remove_leftovers()
        self.recover_segments(repair=repair)
        # A read-only store can still be read.
        with suppress(OSError):
            self.derived.mkdir(exist_ok=True)

    def require_space(self, size: int = 0) -> None:
        """Check that the disk has `size` bytes free, and 64 MB more.

        Raises:
            StoreUnavailableError: it has not.
        """
        free = shutil.disk_usage(self.path).free
        if free < size + MIN_FREE:
            raise StoreUnavailableError(
                f"{self.path} has {free / 1e6:.0f} MB left, but {(size + MIN_FREE) / 1e6:.0f} MB "
                "are needed; make room on the disk, then try again"
            )

    def create_aside(self, create: Callable[[Path], None]) -> None:
        """Let `create` create a store in a folder beside this one."""
        aside = self.path / ASIDE
        shutil.rmtree(aside, ignore_errors=True)
        self.require_space()
        aside.mkdir()
        create(aside)

    def move_in(self) -> None:
        """Replace this store, which no client may have open, by the one created aside.

        The database names the valid index folders, so moving it decides: a crash before leaves
        the old store, a crash after it the new one.
        """
        aside = self.path / ASIDE
        shutil.rmtree(self.derived, ignore_errors=True)
        for entry in sorted(aside.iterdir(), key=lambda e: e.name == DATABASE):
            entry.replace(self.path / entry.name)
        self._remove_leftovers()
        # From now on this folder shows that a directory without a database has lost it.
        self.derived.mkdir(exist_ok=True)

    @property
    def replacement(self) -> Path:
        """The folder of a store that shall replace this one; it outlives an interruption."""
        return self.path / REPLACEMENT

    def discard_replacement(self) -> None:
        """Remove an unfinished replacement, which may have texts that are deleted here."""
        if self.replacement.exists():
            shutil.rmtree(self.replacement)

    def adopt_replacement(self) -> None:
        """Put the replacement, which no client may have open, where `move_in` looks for it."""
        shutil.rmtree(self.path / ASIDE, ignore_errors=True)
        (self.replacement / LOCK).unlink(missing_ok=True)
        self.replacement.replace(self.path / ASIDE)

    def check(self) -> list[str]:
        """Return what is wrong with the files, one sentence each; reads all of them."""
        messages = [
            f"{self.database}: {reason}; restore it from a backup, or export what can be read"
            for reason in check_database(self.database)
        ]
        damaged = find_damaged_segments(self.path, self.database, deep=True)
        messages += [
            f"{self.path / name}: {reason}; close the store and run `agentmem check --repair`"
            for name, reason in damaged.items()
        ]
        return messages

    def recover_segments(self, *, repair: bool = False) -> None:
        """Save the vectors of damaged index folders, if any, for `restore_vectors`.

        Args:
            repair: remove folders whose vectors are lost.

        Raises:
            StoreFormatError: vectors are lost.
        """
        damaged = find_damaged_segments(self.path, self.database, deep=repair)
        if not damaged:
            return
        if not save_vectors(self.path, self.database, list(damaged)) and not repair:
            name, reason = next(iter(damaged.items()))
            raise StoreFormatError(
                f"{self.path / name}: {reason}; the texts are intact, and "
                "`agentmem check --repair` embeds them again"
            )
        reset_segments(self.path, self.database, list(damaged))

    def _remove_leftovers(self) -> None:
        """Remove what an interrupted move left, and index folders that the database forgot."""
        shutil.rmtree(self.path / ASIDE, ignore_errors=True)
        segments = _select_names(self.database, "SELECT id FROM segments")
        for entry in self.path.iterdir():
            if _INDEX_FOLDER.fullmatch(entry.name) and entry.name not in segments:
                shutil.rmtree(entry)

    def _check_database(self, names: set[str]) -> None:
        if DATABASE not in names:
            raise StoreFormatError(
                f"{self.path} has {', '.join(sorted(names)[:3])} but no {DATABASE}; restore that "
                "from a backup, or pass a new or empty directory and import an export"
            )
        # First, because reading the database rolls back what a killed process left unfinished.
        collections = _select_names(self.database, "SELECT name FROM collections")
        if _is_truncated(self.database):
            raise StoreFormatError(
                f"{self.database} is truncated; restore it from a backup, or create a new store "
                "and import an export"
            )
        if REGISTRY not in collections:
            raise StoreFormatError(
                f"{self.path} has a Chroma database that agentmem did not write; "
                "pass a new or empty directory"
            )


def is_vacant(path: Path) -> bool:
    """Return whether a path has neither a store nor parts of one, so that one can be created.

    >>> is_vacant(Path("no-such-directory"))
    True
    """
    try:
        return not path.is_file() and {entry.name for entry in path.iterdir()} <= _BESIDE
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        # Opening the store will raise the same error with an explanation.
        return False


def _lock_holder(path: Path) -> str:
    try:
        process = (path / LOCK).read_text()
    except OSError:
        return ""
    return f" by process {process}" if process.isdecimal() else ""


def _is_truncated(database: Path) -> bool:
    """Compare the size with the header's (https://www.sqlite.org/fileformat.html, 1.3)."""
    with database.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or header[:16] != b"SQLite format 3\0":
        return True
    page_size = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    # The page count is valid only if these two counters agree.
    valid = header[24:28] == header[92:96]
    return valid and database.stat().st_size < pages * (65536 if page_size == 1 else page_size)


def _select_names(database: Path, query: str) -> set[str]:
    # With SQLite, because Chroma would add its tables to a database of another program.
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as db:
            return {name for (name,) in db.execute(query)}
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "no such table" in str(error):
            return set()
        raise StoreFormatError(
            f"{database} cannot be read ({error}); restore it from a backup, or create a new "
            "store and import an export"
        ) from error

"""The directory of an embedded store: who may have it, and whether it is whole."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from agentmem_stores.chroma.files.hnsw_files import damaged_segments, database_faults, set_aside
from agentmem_stores.chroma.files.hnsw_recovery import read_out
from agentmem_stores.errors import StoreFormatError, StoreLockedError, StoreUnavailableError

__all__ = ["REGISTRY", "Directory", "is_vacant"]

REGISTRY = "agentmem"
DATABASE = "chroma.sqlite3"
LOCK = "agentmem.lock"
NURSERY = ".agentmem-new"
DERIVED = "agentmem-derived"
# Chroma keeps an index in a folder named after its segment.
# Chroma that meets a full disk may leave an index file cut short, so it is not to meet one.
SPARE = 64 * 2**20
_FOLDER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Directory:
    """A path owned by this object from `open` until `release`.

    Raises:
        StoreUnavailableError: the path is no directory, or cannot be written.
        StoreLockedError: something else owns it.
        StoreFormatError: what lies there is no whole store of agentmem.
    """

    def __init__(self, path: Path) -> None:
        # Not at the top: importing it takes longer than all of this package.
        from filelock import FileLock, Timeout

        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            # In a directory that turns out to be somebody else's, nothing is to be left behind.
            self._is_guest = not (path / LOCK).exists()
            # Not per thread: whoever closes the store releases it.
            self._lock = FileLock(path / LOCK, timeout=0, thread_local=False)
            self._lock.acquire()
            # For the message of whoever comes second; the lock itself is the system's.
            (path / LOCK).write_text(str(os.getpid()))
        except Timeout as error:
            raise StoreLockedError(
                f"{path} is in use{_holder(path)}; close the other store, or share one through a "
                f"Chroma server: chroma run --path {path}, then ChromaStore.connect(...)"
            ) from error
        except (OSError, NotImplementedError, ValueError) as error:
            raise StoreUnavailableError(
                f"{path} cannot be used ({error}); pass a directory that can be written"
            ) from error

    def release(self) -> None:
        """Give the path free; doing so twice is allowed."""
        self._lock.release()

    def prepare(self, create: Callable[[Path], None], *, repair: bool = False) -> None:
        """Check the store, or let `create` make one where there is none.

        With `repair`, index files that are damaged are taken out, with the vectors in them.

        It is made aside and moved in as a last step, so that a store which is not whole is
        always a broken one and never a beginning.
        """
        found = {entry.name for entry in self.path.iterdir()} - {LOCK, NURSERY}
        if found:
            try:
                self._check(found)
            except StoreFormatError:
                if self._is_guest:
                    (self.path / LOCK).unlink(missing_ok=True)
                raise
            self._tidy()
            self._check_segments(repair=repair)
            # Reading goes on where nothing can be written.
            with suppress(OSError):
                self.derived.mkdir(exist_ok=True)
            return
        self.make_aside(create)
        self.move_in()

    def require_room(self, size: int = 0) -> None:
        """Check that the disk has room for something of a size in bytes, and some to spare.

        Raises:
            StoreUnavailableError: it has not.
        """
        free = shutil.disk_usage(self.path).free
        if free < size + SPARE:
            raise StoreUnavailableError(
                f"{self.path} has {free / 1e6:.0f} MB left, and {(size + SPARE) / 1e6:.0f} MB are "
                "wanted before anything is written; make room on the disk, then try again"
            )

    def make_aside(self, create: Callable[[Path], None]) -> None:
        """Let `create` make a store beside this one."""
        nursery = self.path / NURSERY
        shutil.rmtree(nursery, ignore_errors=True)
        self.require_room()
        nursery.mkdir()
        create(nursery)

    @property
    def database(self) -> Path:
        """Chroma's database."""
        return self.path / DATABASE

    @property
    def derived(self) -> Path:
        """The folder of what is derived from the store, and says nothing that it does not."""
        return self.path / DERIVED

    def move_in(self) -> None:
        """Put the store made aside in place of this one, which nobody may have open.

        The database says which index folders count, so its move decides: until then a crash
        leaves the old store, from then on the new one.
        """
        nursery = self.path / NURSERY
        shutil.rmtree(self.derived, ignore_errors=True)
        for entry in sorted(nursery.iterdir(), key=lambda e: e.name == DATABASE):
            entry.replace(self.path / entry.name)
        self._tidy()
        # From now on its being there says that a store without a database has lost it.
        self.derived.mkdir(exist_ok=True)

    def _check_segments(self, *, repair: bool) -> None:
        database = self.path / DATABASE
        damaged = damaged_segments(self.path, database, deep=repair)
        if damaged and (read_out(self.path, database, list(damaged)) or repair):
            set_aside(self.path, database, list(damaged))
        elif damaged:
            name, fault = next(iter(damaged.items()))
            raise StoreFormatError(
                f"{self.path / name}: {fault}; the texts are whole, and `agentmem check --repair` "
                "embeds them anew"
            )

    def faults(self) -> list[str]:
        """What is wrong with the files; reads all of them."""
        database = self.path / DATABASE
        damaged = damaged_segments(self.path, database, deep=True)
        return [
            *(
                f"{database}: {said}; restore it from a backup, or export what can be read"
                for said in database_faults(database)
            ),
            *(
                f"{self.path / name}: {said}; close the store and run `agentmem check --repair`"
                for name, said in damaged.items()
            ),
        ]

    def _tidy(self) -> None:
        """Remove what an interrupted move left, and index folders that no database names."""
        shutil.rmtree(self.path / NURSERY, ignore_errors=True)
        live = _names(self.path / DATABASE, "SELECT id FROM segments")
        for entry in self.path.iterdir():
            if _FOLDER.fullmatch(entry.name) and entry.name not in live:
                shutil.rmtree(entry)

    def _check(self, found: set[str]) -> None:
        if DATABASE not in found:
            raise StoreFormatError(
                f"{self.path} holds {', '.join(sorted(found)[:3])} but no {DATABASE}; restore that "
                "from a backup, or pass a new or empty directory and import an export"
            )
        database = self.path / DATABASE
        # First, because reading it also rolls back what a killed process left half-written.
        collections = _names(database, "SELECT name FROM collections")
        if _is_cut_short(database):
            raise StoreFormatError(
                f"{database} is cut short; restore it from a backup, or make a new store and "
                "import an export"
            )
        if REGISTRY not in collections:
            raise StoreFormatError(
                f"{self.path} holds a Chroma database that agentmem did not write; "
                "pass a new or empty directory"
            )


def is_vacant(path: Path) -> bool:
    """Whether there is no store at a path, nor anything of one: there one can only be begun."""
    try:
        return not path.is_file() and {entry.name for entry in path.iterdir()} <= {LOCK, NURSERY}
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        # Whoever opens it will be told what is wrong.
        return False


def _holder(path: Path) -> str:
    try:
        process = (path / LOCK).read_text()
    except OSError:
        return ""
    return f" by process {process}" if process.isdecimal() else ""


def _is_cut_short(database: Path) -> bool:
    """Compare the size with the header's (https://www.sqlite.org/fileformat.html, 1.3)."""
    with database.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or header[:16] != b"SQLite format 3\0":
        return True
    page_size = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    current = header[24:28] == header[92:96]
    return current and database.stat().st_size < pages * (65536 if page_size == 1 else page_size)


def _names(database: Path, query: str) -> set[str]:
    # Read without Chroma, which would add its tables to a foreign database.
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as db:
            return {name for (name,) in db.execute(query)}
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "no such table" in str(error):
            return set()
        raise StoreFormatError(
            f"{database} cannot be read ({error}); restore it from a backup, or make a new store "
            "and import an export"
        ) from error

"""When the derived index of a scope is written beside an embedded store, and read again.

It says nothing that the store does not say, so it may be missing or out of date at any time: what
was written since is read from the store, and whatever is not as it should be is made anew. Where
anything is deleted or replaced its file goes first, so that no file outlives a text.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from agentmem_retrievers.index.array_file import ArrayFile, DamagedFileError
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import Batch, Entry, Granularity, Memory, MemoryStore, Scope

__all__ = ["IndexPersistence"]

_log = logging.getLogger("agentmem")

# A smaller index is made anew in no time.
LEAST = 1000
# It is written again when so much of it is not in the file.
SHARE = 0.1
# Room that is left on the disk, see `agentmem_stores`.
SPARE = 64 * 2**20


class IndexPersistence:
    """Keeps the indexes of scopes in files."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def load(self, scope: Scope) -> ScopeIndex | None:
        """Return a scope's index as it is now; None where no file helps to make it."""
        path = self._path(scope)
        if path is None:
            return None
        revision = self._store.revision(scope)
        try:
            frozen = ArrayFile.read(path, self._about(scope))
            index = ScopeIndex.from_arrays(
                frozen, self._noted(scope), dimension=self._dimension, revision=revision
            )
        except FileNotFoundError:
            return None
        except (OSError, DamagedFileError, ValueError, LookupError, TypeError) as error:
            _log.warning("the index in %s is made anew: %s", path, error)
            return None
        return index if self._catch_up(scope, index, frozen.about["mark"]) else None

    def keep(self, scope: Scope, index: ScopeIndex) -> bool:
        """Write a scope's index, if that pays; tell whether it was written."""
        path = self._path(scope)
        if path is None or len(index) < LEAST or index.revision != self._store.revision(scope):
            return False
        words = index.tables[Granularity.TURN].vocabulary.unkept()
        if path.exists() and max(index.unkept / len(index), words) < SHARE:
            return False
        frozen = index.to_arrays()
        frozen.about = {**self._about(scope), "mark": self._store.last_sequence(scope)}
        try:
            path.parent.mkdir(exist_ok=True)
            if shutil.disk_usage(path.parent).free < frozen.nbytes + SPARE:
                return False
            frozen.write(path)
        except OSError as error:
            _log.warning("the index of %s could not be kept in %s: %s", scope, path, error)
            return False
        index.unkept = 0
        return True

    def before(self, batch: Batch, index: ScopeIndex) -> None:
        """Take out the file of a scope where a batch takes a text out of the store."""
        replaced = (e.memory.id in index.tables[e.memory.granularity].row_of for e in batch.put)
        if batch.delete or any(replaced):
            self.drop(batch.scope)

    def drop(self, scope: Scope) -> None:
        """Take out a scope's file, if there is one."""
        path = self._path(scope)
        if path is not None:
            path.unlink(missing_ok=True)

    def _path(self, scope: Scope) -> Path | None:
        folder = self._store.derived_folder()
        return folder and folder / f"{scope.key}.index"

    @property
    def _dimension(self) -> int:
        return self._store.embedder.dimension

    def _about(self, scope: Scope) -> dict[str, Any]:
        spec = self._store.embedder
        return {"scope": scope.key, "embedder": spec.name, "dimension": spec.dimension,
                "edition": _edition()}  # fmt: skip

    def _noted(self, scope: Scope) -> list[Memory]:
        noted = (Granularity.FACT, Granularity.CITATION)
        return [memory for g in noted for memory in self._store.scan(scope, g)]

    def _catch_up(self, scope: Scope, index: ScopeIndex, mark: str) -> bool:
        """Take over what was written since a mark; False where that does not suffice."""
        changes = self._store.changes_since(scope, mark)
        if changes is None or len(changes.written) > len(index) // 2:
            return False
        put: list[Entry] = []
        for granularity in Granularity:
            ids = [i for g, i in changes.written if g is granularity]
            put += self._store.get(scope, granularity, ids)
        batch = Batch(scope, put=put)
        if put:
            self.before(batch, index)
            index.apply(batch, index.revision)
        return len(index) == changes.count


@lru_cache(maxsize=1)
def _edition() -> str:
    """What stands for the code that an index is derived with: another one may derive another."""
    sources = [f for f in files(__package__).iterdir() if f.name.endswith(".py")]
    content = b"".join(f.read_bytes() for f in sorted(sources, key=lambda f: f.name))
    return hashlib.sha256(content).hexdigest()[:16]

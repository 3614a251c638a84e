"""Persistence of derived indexes beside an embedded store.

A file says nothing that the store does not say, so it may be missing or out of date at any time:
the index catches up with what was written since, and is rebuilt where the file does not help.
The file is deleted before any text is deleted or replaced, so that no file outlives a text.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any, ClassVar

from agentmem_retrievers.index.array_file import ArrayFile, DamagedFileError
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import Batch, Entry, Granularity, MemoryStore, Scope

__all__ = ["INDEX_FORMAT", "IndexPersistence"]

_log = logging.getLogger("agentmem")

# Increase it with every change of what an index derives from the same records, or of its arrays.
INDEX_FORMAT = 9
# A file is written again when this share of the index is not in it.
_REWRITE_SHARE = 0.1
# Disk space left free, as in `agentmem_stores`.
_SPARE_BYTES = 64 * 2**20


class IndexPersistence:
    """Loads and saves the indexes of a store's scopes.

    Attributes:
        min_size: indexes of fewer memories are not saved, since building them takes no time.
    """

    min_size: ClassVar[int] = 1000

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def load(self, scope: Scope) -> ScopeIndex | None:
        """Return the up-to-date index of a scope, or None where no file helps to make it."""
        path = self._path(scope)
        if path is None:
            return None
        revision = self._store.revision(scope)
        derived = (Granularity.FACT, Granularity.CITATION)
        try:
            file = ArrayFile.read(path, self._metadata(scope))
            index = ScopeIndex.from_arrays(
                file,
                [memory for g in derived for memory in self._store.scan(scope, g)],
                dimension=self._store.embedder.dimension,
                revision=revision,
            )
        except FileNotFoundError:
            return None
        except (OSError, DamagedFileError, ValueError, LookupError, TypeError) as error:
            _log.warning("rebuilding the index of %s: %s", scope, error)
            return None
        return index if self._catch_up(scope, index, file.metadata["mark"]) else None

    def save(self, scope: Scope, index: ScopeIndex) -> bool:
        """Write the index of a scope if that pays; return whether it was written."""
        path = self._path(scope)
        if path is None or len(index) < self.min_size:
            return False
        if index.revision != self._store.revision(scope):
            return False
        unpersisted = max(
            index.n_unpersisted / len(index),
            index.tables[Granularity.TURN].vocabulary.unpersisted_share(),
        )
        if path.exists() and unpersisted < _REWRITE_SHARE:
            return False
        file = index.to_arrays()
        file.metadata = {**self._metadata(scope), "mark": self._store.last_sequence(scope)}
        try:
            path.parent.mkdir(exist_ok=True)
            if shutil.disk_usage(path.parent).free < file.nbytes + _SPARE_BYTES:
                return False
            file.write(path)
        except OSError as error:
            _log.warning("could not save the index of %s: %s", scope, error)
            return False
        index.n_unpersisted = 0
        return True

    def delete(self, scope: Scope) -> None:
        """Delete the file of a scope, if there is one."""
        path = self._path(scope)
        if path is not None:
            path.unlink(missing_ok=True)

    def _path(self, scope: Scope) -> Path | None:
        folder = self._store.derived_folder()
        return folder and folder / f"{scope.key}.index"

    def _metadata(self, scope: Scope) -> dict[str, Any]:
        embedder = self._store.embedder
        return {
            "scope": scope.key,
            "embedder": embedder.name,
            "dimension": embedder.dimension,
            "format": INDEX_FORMAT,
        }

    def _catch_up(self, scope: Scope, index: ScopeIndex, mark: str) -> bool:
        """Apply what was written since a mark; return False where rebuilding is better."""
        changes = self._store.changes_since(scope, mark)
        if changes is None or len(changes.written) > len(index) // 2:
            return False
        put: list[Entry] = []
        for granularity in Granularity:
            ids = [i for g, i in changes.written if g is granularity]
            put += self._store.get(scope, granularity, ids)
        if put:
            batch = Batch(scope, put=put)
            if index.is_replaced_by(batch):
                self.delete(scope)
            index.apply(batch, index.revision)
        return len(index) == changes.count

"""A store in the memory of this process, for tests and notebooks."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import RLock

import numpy as np
from typing_extensions import override

from agentmem_stores.errors import ClosedError
from agentmem_stores.exact import ExactIndex
from agentmem_stores.records import Granularity, Memory, Scope
from agentmem_stores.store import (
    DEFAULT_EMBEDDER,
    Batch,
    EmbedderSpec,
    Entry,
    MemoryStore,
    Neighbor,
    Vectors,
    require_existing,
    validate_batch,
    validate_queries,
)

__all__ = ["InMemoryStore"]


class InMemoryStore(MemoryStore):
    """Holds memories in dictionaries and searches them exactly; nothing is persisted.

    Args:
        embedder: whose vectors it holds; all-MiniLM-L6-v2 by default.

    >>> with InMemoryStore() as store:
    ...     store.embedder.dimension
    384
    """

    def __init__(self, embedder: EmbedderSpec | None = None) -> None:
        self.embedder = embedder or DEFAULT_EMBEDDER
        self._entries: dict[tuple[Scope, Granularity], dict[str, Entry]] = {}
        self._revisions: dict[Scope, int] = {}
        self._lock = RLock()
        self._closed = False

    @override
    def write(self, batch: Batch) -> str:
        with self._lock:
            validate_batch(batch, self.embedder)
            entries = {g: self._entries_of(batch.scope, g) for g in Granularity}
            known = [memory for memory in batch.patch if memory.id in entries[memory.granularity]]
            require_existing(batch.patch, {(memory.granularity, memory.id) for memory in known})
            for entry in batch.put:
                # Copied, because the caller may reuse its array.
                vector = np.array(entry.vector, dtype=np.float32)
                memory = _copy(entry.memory)
                entries[memory.granularity][memory.id] = Entry(memory, vector, entry.token_codes)
            for memory in batch.patch:
                old = entries[memory.granularity][memory.id]
                new = replace(_copy(memory), text=old.memory.text)
                entries[memory.granularity][memory.id] = replace(old, memory=new)
            for granularity, memory_id in batch.delete:
                entries[granularity].pop(memory_id, None)
            if batch:
                self._revisions[batch.scope] = self._revisions.get(batch.scope, 0) + 1
            return self.revision(batch.scope)

    @override
    def get(self, scope: Scope, granularity: Granularity, ids: Sequence[str]) -> list[Entry]:
        with self._lock:
            entries = self._entries_of(scope, granularity)
            return [entries[i] for i in ids if i in entries]

    @override
    def scan(self, scope: Scope, granularity: Granularity) -> Iterator[Memory]:
        with self._lock:
            entries = list(self._entries_of(scope, granularity).values())
        return (entry.memory for entry in entries)

    @override
    def nearest(
        self, scope: Scope, granularity: Granularity, vectors: Vectors, n: int
    ) -> list[list[Neighbor]]:
        with self._lock:
            entries = self._entries_of(scope, granularity)
            vectors = validate_queries(vectors, n, self.embedder)
            if not entries:
                return [[] for _ in vectors]
            stored = np.array([entry.vector for entry in entries.values()], dtype=np.float32)
            return ExactIndex(list(entries), stored).nearest(vectors, n)

    @override
    def scopes(self) -> list[Scope]:
        with self._lock:
            self._require_open()
            return sorted(self._revisions, key=lambda s: (s.user_id, s.agent_id or ""))

    @override
    def revision(self, scope: Scope) -> str:
        with self._lock:
            self._require_open()
            return str(self._revisions.get(scope, 0))

    @override
    def close(self) -> None:
        self._closed = True

    def _entries_of(self, scope: Scope, granularity: Granularity) -> dict[str, Entry]:
        self._require_open()
        return self._entries.setdefault((scope, granularity), {})

    def _require_open(self) -> None:
        if self._closed:
            raise ClosedError("this InMemoryStore is closed; open another one")


def _copy(memory: Memory) -> Memory:
    # The caller may change its metadata afterwards.
    return replace(memory, metadata=copy.deepcopy(dict(memory.metadata)))

"""A store in this process's memory, for tests and notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import RLock

import numpy as np

from agentmem_stores.checks import check_batch, check_patched, check_queries, closed
from agentmem_stores.chroma.codec import decode, encode, row_id
from agentmem_stores.exact import Matrix
from agentmem_stores.records import Granularity, Memory, Scope
from agentmem_stores.store import (
    DEFAULT_EMBEDDER,
    Batch,
    EmbedderSpec,
    Entry,
    MemoryStore,
    Neighbor,
    Vectors,
)

__all__ = ["InMemoryStore"]

Table = dict[str, Entry]


class InMemoryStore(MemoryStore):
    """Holds memories in dictionaries and compares vectors one by one; nothing outlives it.

    Args:
        embedder: whose vectors it holds; the offline default's when not given.
    """

    def __init__(self, embedder: EmbedderSpec | None = None) -> None:
        self.embedder = embedder or DEFAULT_EMBEDDER
        self._tables: dict[tuple[Scope, Granularity], Table] = {}
        self._revisions: dict[Scope, int] = {}
        self._lock = RLock()
        self._closed = False

    def write(self, batch: Batch) -> str:
        with self._lock:
            self._require_open()
            check_batch(batch, self.embedder)
            tables = {g: self._table(batch.scope, g) for g in Granularity}
            check_patched(batch.patch, _known(batch.patch, tables))
            batch = replace(
                batch,
                put=[_copied(entry) for entry in batch.put],
                patch=[_kept(memory) for memory in batch.patch],
            )
            if batch:
                _apply(batch, tables)
                self._revisions[batch.scope] = self._revisions.get(batch.scope, 0) + 1
            return self.revision(batch.scope)

    def get(self, scope: Scope, granularity: Granularity, ids: Sequence[str]) -> list[Entry]:
        with self._lock:
            self._require_open()
            table = self._table(scope, granularity)
            return [table[i] for i in ids if i in table]

    def scan(self, scope: Scope, granularity: Granularity) -> Iterator[Memory]:
        with self._lock:
            self._require_open()
            entries = list(self._table(scope, granularity).values())
        return (entry.memory for entry in entries)

    def nearest(
        self, scope: Scope, granularity: Granularity, vectors: Vectors, n: int
    ) -> list[list[Neighbor]]:
        with self._lock:
            self._require_open()
            vectors = check_queries(vectors, n, self.embedder)
            table = self._table(scope, granularity)
            if not table:
                return [[] for _ in vectors]
            stored = np.array([entry.vector for entry in table.values()], dtype=np.float32)
            return Matrix(list(table), stored).nearest(vectors, n)

    def scopes(self) -> list[Scope]:
        with self._lock:
            self._require_open()
            return sorted(self._revisions, key=lambda s: (s.user_id, s.agent_id or ""))

    def revision(self, scope: Scope) -> str:
        with self._lock:
            self._require_open()
            return str(self._revisions.get(scope, 0))

    def close(self) -> None:
        self._closed = True

    def _table(self, scope: Scope, granularity: Granularity) -> Table:
        return self._tables.setdefault((scope, granularity), {})

    def _require_open(self) -> None:
        if self._closed:
            raise closed("InMemoryStore")


def _known(memories: Iterable[Memory], tables: Mapping[Granularity, Table]) -> set[tuple[str, str]]:
    return {(m.granularity, m.id) for m in memories if m.id in tables[m.granularity]}


def _copied(entry: Entry) -> Entry:
    # The caller may use its array again.
    vector = np.array(entry.vector, np.float32)
    return replace(entry, memory=_kept(entry.memory), vector=vector)


def _kept(memory: Memory) -> Memory:
    # Written and read again, so that what a real store would refuse or change is seen here too.
    row = row_id(memory.scope, memory.id)
    return decode(memory.scope, memory.granularity, row, memory.text, encode(memory))


def _apply(batch: Batch, tables: Mapping[Granularity, Table]) -> None:
    for entry in batch.put:
        tables[entry.memory.granularity][entry.memory.id] = entry
    for memory in batch.patch:
        table = tables[memory.granularity]
        old = table[memory.id]
        table[memory.id] = replace(old, memory=replace(memory, text=old.memory.text))
    for granularity, memory_id in batch.delete:
        tables[granularity].pop(memory_id, None)

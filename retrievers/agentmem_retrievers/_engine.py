"""The search: channels, router, fusion, graph, retention, and the best k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Batch, Granularity, Memory, MemoryStore, Neighbour, Scope, Vectors

from ._forgetting import ForgettingCurve
from ._fusion import FusionWeights, scaled
from ._graph import personalised_pagerank
from ._index import ScopeIndex, Table
from ._lexical import tokenize
from ._results import Recall, RecalledMemory
from ._router import Routing, route

__all__ = ["Query", "SearchEngine"]


@dataclass(frozen=True, eq=False)
class Query:
    """A question put to one scope.

    Attributes:
        vector: the question's embedding, float32 of shape (dimension,), unit length.
        now: the moment from which retention is counted, UTC.
        as_of: answer as the memory stood then; None for as it stands.
    """

    text: str
    vector: Vectors
    now: datetime
    k: int = 5
    granularity: Granularity = Granularity.TURN
    as_of: datetime | None = None
    include_archived: bool = False
    explain: bool = False


class SearchEngine:
    """Finds memories in a store; keeps a derived index for each scope it has been asked about."""

    def __init__(
        self,
        store: MemoryStore,
        *,
        curve: ForgettingCurve | None = None,
        weights: FusionWeights | None = None,
        candidates: int = 100,
    ) -> None:
        self._store = store
        self._curve = curve or ForgettingCurve()
        self._weights = weights or FusionWeights()
        self._candidates = candidates
        self._indexes: dict[Scope, ScopeIndex] = {}
        self._lock = RLock()

    def index(self, scope: Scope) -> ScopeIndex:
        """The scope's index, rebuilt from the store when something else wrote to it."""
        with self._lock:
            index = self._indexes.get(scope)
            if index is None or index.revision != self._store.revision(scope):
                index = self._indexes[scope] = ScopeIndex.build(self._store, scope)
            return index

    def write(self, batch: Batch) -> None:
        """Write to the store and keep the index in step."""
        if not batch:
            return
        with self._lock:
            index = self.index(batch.scope)
            self._store.write(batch)
            index.apply(batch, self._store.revision(batch.scope))

    def search(self, scope: Scope, query: Query) -> Recall:
        """Rank a scope's memories; see `Recall`."""
        with self._lock:
            return _Search(self._store, self.index(scope), scope, query, self).run()

    @property
    def weights(self) -> FusionWeights:
        """What each part of the score counts."""
        return self._weights

    @property
    def candidates(self) -> int:
        """How many nearest memories of each granularity are compared."""
        return self._candidates


class _Search:
    """One query on its way through the channels."""

    def __init__(
        self,
        store: MemoryStore,
        index: ScopeIndex,
        scope: Scope,
        query: Query,
        engine: SearchEngine,
    ) -> None:
        self.store, self.index, self.scope, self.query = store, index, scope, query
        self.engine = engine
        self.turns = index.tables[Granularity.TURN]

    def run(self) -> Recall:
        near = {g: self._nearest(g) for g in Granularity if len(self.index.tables[g])}
        routing = route({g: [n.similarity for n in found] for g, found in near.items()})
        parts = self._parts(near, routing)
        rows, total = self._rank(parts)
        hits = tuple(self._hits(rows, total, parts))
        confidence = self._confidence(near)
        return Recall(
            self.query.text, hits, routing, confidence, self.query.as_of or self.query.now
        )

    def _nearest(self, granularity: Granularity) -> list[Neighbour]:
        vectors = self.query.vector[np.newaxis]
        found = self.store.nearest(self.scope, granularity, vectors, self.engine.candidates)[0]
        table = self.index.tables[granularity]
        shown = self._shown(table)
        return [n for n in found if n.id in table.row_of and shown[table.row_of[n.id]]]

    def _shown(self, table: Table) -> NDArray[np.bool_]:
        return table.visible(self.query.as_of, include_archived=self.query.include_archived)

    def _column(self, table: Table, near: Sequence[Neighbour]) -> NDArray[np.float64]:
        values = np.full(len(table.ids), min((n.similarity for n in near), default=0.0))
        for neighbour in near:
            values[table.row_of[neighbour.id]] = neighbour.similarity
        return values

    def _parts(
        self, near: dict[Granularity, list[Neighbour]], routing: Routing
    ) -> dict[str, NDArray[np.float64]]:
        weights, parts = self.engine.weights, {}
        for granularity, found in near.items():
            table = self.index.tables[granularity]
            column = scaled(self._column(table, found))
            if granularity is not self.query.granularity:
                column = self._by_session(table, column)
            parts[granularity.value] = weights.dense * routing.weights[granularity] * column
        table = self.index.tables[self.query.granularity]
        terms = tokenize(self.query.text)
        parts["lexical"] = weights.lexical * scaled(table.words.bm25(terms).astype(np.float64))
        now = self.query.as_of or self.query.now
        parts["graph"] = weights.graph * self._graph(table, sum(parts.values()))
        parts["retention"] = weights.retention * table.retention(now)
        return parts

    def _by_session(self, table: Table, column: NDArray[np.float64]) -> NDArray[np.float64]:
        best: dict[str, float] = {}
        for row, value in enumerate(column):
            session = table.session_of(row)
            best[session] = max(best.get(session, 0.0), float(value))
        asked = self.index.tables[self.query.granularity]
        return np.array([best.get(asked.session_of(r), 0.0) for r in range(len(asked.ids))])

    def _graph(self, table: Table, score: NDArray[np.float64]) -> NDArray[np.float64]:
        spread = np.zeros(len(table.ids))
        seeds = {table.ids[r]: float(score[r]) for r in np.argsort(-score, kind="stable")[:10]}
        for memory_id, share in personalised_pagerank(self.index.edges, seeds).items():
            if memory_id in table.row_of:
                spread[table.row_of[memory_id]] = share
        return scaled(spread)

    def _rank(self, parts: dict[str, NDArray[np.float64]]) -> tuple[list[int], NDArray[np.float64]]:
        table = self.index.tables[self.query.granularity]
        total = sum(parts.values(), start=np.zeros(len(table.ids)))
        order = np.argsort(-total, kind="stable")
        shown = self._shown(table)
        return [int(r) for r in order if shown[r]][: self.query.k], total

    def _hits(
        self, rows: list[int], total: NDArray[np.float64], parts: dict[str, NDArray[np.float64]]
    ) -> list[RecalledMemory]:
        table = self.index.tables[self.query.granularity]
        ids = [table.ids[r] for r in rows]
        found = {
            e.memory.id: e.memory for e in self.store.read(self.scope, self.query.granularity, ids)
        }
        now = self.query.as_of or self.query.now
        return [
            RecalledMemory(
                memory=found[memory_id],
                score=float(total[row]),
                retention=self.engine._curve.retention_of(found[memory_id], now),
                contributions={n: float(p[row]) for n, p in parts.items()}
                if self.query.explain
                else {},
                load_context=lambda m=found[memory_id]: self._context(m),
            )
            for row, memory_id in zip(rows, ids, strict=True)
        ]

    def _context(self, memory: Memory) -> tuple[Memory, ...]:
        ids = self.index.turns_of(memory.session_id)
        return tuple(e.memory for e in self.store.read(self.scope, Granularity.TURN, ids))

    def _confidence(self, near: dict[Granularity, list[Neighbour]]) -> float:
        best = max((n.similarity for found in near.values() for n in found), default=0.0)
        return float(np.clip(best, 0.0, 1.0))

"""Candidates: the nearest memories of each granularity, and turns that share rare words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import NONE, Rows, Table, VisibilityMask
from agentmem_retrievers.routing import Routing, route
from agentmem_retrievers.settings import SearchSettings
from agentmem_stores import Granularity, MemoryStore, Neighbor, Scope, Vectors
from agentmem_stores.store import paginate

__all__ = ["CandidateSources", "Candidates", "candidate_rows"]

# The neighbors in the session of this many best candidates of each source are candidates too.
WITH_NEIGHBORS = 40
# Comparing so many turns with a question takes 12 ms, less than most stores take to find as many
# neighbors as a filter leaves over.
MAX_SCANNED = 20_000


@dataclass(frozen=True)
class Candidates:
    """Visible memories of one granularity nearest to a question, best first.

    Attributes:
        rows: rows of the granularity's table.
        similarities: their cosines, shape of `rows`.
    """

    rows: Rows
    similarities: NDArray[np.float64]


class CandidateSources:
    """Queries the store for the nearest memories, each granularity when it is first needed.

    Ranking turns needs one granularity; routing needs all of them.

    Args:
        vector: the question's embedding, shape (dimension,).
        masks: what the question may find, by granularity.

    Attributes:
        scope: whose memories.
        granularities: those that can be queried.
    """

    def __init__(
        self,
        store: MemoryStore,
        scope: Scope,
        index: ScopeIndex,
        vector: Vectors,
        masks: Mapping[Granularity, VisibilityMask],
        settings: SearchSettings,
    ) -> None:
        self.granularities = [
            g
            for g, table in index.tables.items()
            if table.row_of and g.of_session and g.value not in settings.off
        ]
        self.scope = scope
        self._store, self._index = store, index
        self._vector, self._masks, self._settings = vector, masks, settings
        self._pending: dict[Granularity, Callable[[], list[list[Neighbor]]]] = {}
        self._candidates: dict[Granularity, Candidates] = {}

    def start(self, granularity: Granularity) -> None:
        """Start to query a granularity without waiting for the answer."""
        if self._filtered(granularity):
            return
        if granularity in self.granularities and granularity not in self._pending:
            self._pending[granularity] = self._store.start_nearest(
                self.scope, granularity, self._vector[np.newaxis], self._settings.candidates
            )

    def _filtered(self, granularity: Granularity) -> bool:
        """Whether the candidates are chosen among turns that a filter allows."""
        return granularity is Granularity.TURN and self._masks[granularity].allowed is not None

    def nearest(self, granularity: Granularity) -> Candidates | None:
        """Return the candidates of a granularity; None where it cannot be queried."""
        if granularity not in self.granularities:
            return None
        if granularity not in self._candidates and self._filtered(granularity):
            self._candidates[granularity] = _nearest_allowed(
                self._store,
                self.scope,
                self._vector,
                self._masks[granularity],
                self._settings.candidates,
            )
        if granularity not in self._candidates:
            self.start(granularity)
            [neighbors] = self._pending[granularity]()
            self._candidates[granularity] = visible_candidates(
                neighbors, self._index.tables[granularity], self._masks[granularity]
            )
        return self._candidates[granularity]

    def all(self) -> dict[Granularity, Candidates]:
        """Return the candidates of all granularities."""
        nearest = {g: self.nearest(g) for g in self.granularities}
        return {g: candidates for g, candidates in nearest.items() if candidates is not None}

    def routing(self) -> Routing:
        """Return the trust in each granularity; equal for all if the router is off."""
        routing = route({g: candidates.similarities for g, candidates in self.all().items()})
        if "router" in self._settings.off and self.granularities:
            equal = dict.fromkeys(self.granularities, 1 / len(self.granularities))
            return Routing(equal, routing.entropies)
        return routing


def visible_candidates(neighbors: list[Neighbor], table: Table, mask: VisibilityMask) -> Candidates:
    """Return the visible ones of a store's neighbors."""
    row_of = table.row_of
    rows = np.array([row_of.get(n.id, NONE) for n in neighbors], dtype=np.intp)
    similarities = np.array([n.similarity for n in neighbors], dtype=np.float64)
    known = rows != NONE
    rows, similarities = rows[known], similarities[known]
    visible = mask.at(rows)
    return Candidates(rows[visible], similarities[visible])


def _nearest_allowed(
    store: MemoryStore, scope: Scope, vector: Vectors, mask: VisibilityMask, n: int
) -> Candidates:
    """Return the `n` nearest turns among those that a filter allows.

    Few allowed turns are compared with the question one by one, which is exact. Where many are
    allowed, the store is asked for so many more neighbors that enough of them are.
    """
    table, rows = mask.table, np.flatnonzero(mask.at())
    if len(rows) > MAX_SCANNED:
        more = int(1.5 * n * len(table) / len(rows))
        [neighbors] = store.nearest(scope, Granularity.TURN, vector[np.newaxis], more)
        near = visible_candidates(neighbors, table, mask)
        if len(near.rows) >= n:
            return Candidates(near.rows[:n], near.similarities[:n])
    similarities = np.concatenate(
        [np.empty(0), *(np.vecdot(table.vectors(block), vector) for block in _blocks(rows))]
    )
    return _best(rows, similarities, n)


def nearest_stored(
    store: MemoryStore,
    scope: Scope,
    granularity: Granularity,
    vector: Vectors,
    mask: VisibilityMask,
) -> Candidates:
    """Return all allowed memories of a granularity without vectors in the index, nearest first."""
    table = mask.table
    ids = [table.ids[row] for row in np.flatnonzero(mask.at())]
    entries = [entry for page in paginate(ids) for entry in store.get(scope, granularity, page)]
    rows = np.array([table.row_of[entry.memory.id] for entry in entries], dtype=np.intp)
    similarities = np.array([entry.vector @ vector for entry in entries], dtype=np.float64)
    return _best(rows, similarities, len(rows))


def _blocks(rows: Rows) -> list[Rows]:
    return np.array_split(rows, -(-len(rows) // MAX_SCANNED)) if len(rows) else []


def _best(rows: Rows, similarities: NDArray[np.float64], n: int) -> Candidates:
    order = np.argsort(-similarities, kind="stable")[:n]
    return Candidates(rows[order], similarities[order].astype(np.float64))


def candidate_rows(
    table: Table,
    nearest: Candidates | None,
    lexical: tuple[Rows, NDArray[np.float64]],
    mask: VisibilityMask,
    n: int,
    at_least: int,
    exact: Rows,
) -> Rows:
    """Return the turns that are compared in full, ascending.

    They are the nearest by embedding, the best `n` by words, and the neighbors in the session of
    the best of both. If they are fewer than `at_least`, the latest turns are added.

    Args:
        lexical: rows that share words with the question, ascending, and how well they match.
        exact: rows that contain a literal of the question, or are the question; always included.
    """
    rows, scores = lexical
    if mask.allowed is not None:
        # Before the best are chosen, so that what a filter leaves out takes no place.
        allowed = mask.allowed[rows]
        rows, scores = rows[allowed], scores[allowed]
    if len(scores) > n:
        # Sort only those that can be among the best.
        enough = scores >= np.partition(scores, -n)[-n]
        rows, scores = rows[enough], scores[enough]
    best = np.argsort(-scores, kind="stable")[:n]
    sources = [rows[best[scores[best] > 0]]]
    if nearest is not None:
        sources.append(nearest.rows)
    first = np.concatenate([source[:WITH_NEIGHBORS] for source in sources])
    neighbors = [table.neighbors(first, -1), table.neighbors(first, 1)]
    rows = np.unique(np.concatenate([*sources, *neighbors, exact]))
    rows = rows[rows != NONE]
    rows = rows[mask.at(rows)]
    if len(rows) < at_least:
        latest = np.flatnonzero(mask.at())
        latest = latest[np.argsort(-table.column("said_at")[latest], kind="stable")][:at_least]
        rows = np.union1d(rows, latest)
    return rows.astype(np.intp)

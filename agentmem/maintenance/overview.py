"""Keeping a scope in order: fading and counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from agentmem.writing.sessions import is_item_session
from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import Batch, EmbedderSpec, Granularity, Memory, MemoryStore, Scope, State

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Maintenance", "Stats", "SweepReport"]


@dataclass(frozen=True)
class SweepReport:
    """What a sweep did: the ids it archived, and how many active memories it left."""

    archived: tuple[str, ...]
    kept: int


@dataclass(frozen=True)
class Stats:
    """How much a scope holds.

    Attributes:
        memories: number of current memories by granularity.
        states: number of current memories by state.
        versions: number of former versions kept for `history` and `as_of`.
        sessions: number of sessions with turns.
        associations: number of edges of the association graph.
        mean_retention: of the active memories, in [0, 1]; 0 where there are none.
        embedder: whose vectors they are found by.
    """

    scope: str
    memories: dict[str, int]
    states: dict[str, int]
    versions: int
    sessions: int
    associations: int
    mean_retention: float
    embedder: EmbedderSpec


@dataclass(frozen=True)
class Maintenance:
    """Verbs on a whole scope that need no embedder."""

    store: MemoryStore
    memories: IndexedStore
    curve: ForgettingCurve

    def sweep(self, scope: Scope, now: datetime) -> SweepReport:
        """Archive the active memories whose retention at `now` is below the threshold."""
        index = self.memories.index(scope)
        faded: list[Memory] = []
        kept = 0
        for granularity, table in index.tables.items():
            active = table.visible(None)
            below = active & (table.retention(now) < self.curve.archive_below)
            kept += int(active.sum() - below.sum())
            ids = [table.ids[row] for row in np.flatnonzero(below)]
            faded.extend(entry.memory for entry in self.store.get(scope, granularity, ids))
        patch = [replace(m, state=State.ARCHIVED, state_changed_at=now) for m in faded]
        self.memories.write(Batch(scope, patch=patch))
        return SweepReport(tuple(memory.id for memory in faded), kept)

    def stats(self, scope: Scope, now: datetime) -> Stats:
        """Count what a scope holds."""
        index = self.memories.index(scope)
        held = [m for g in Granularity for m in self.store.scan(scope, g)]
        current = [m for m in held if m.version_of is None]
        active = [m for m in current if m.state is State.ACTIVE]
        kept = [self.curve.retention_of(m, now) for m in active]
        return Stats(
            scope=str(scope),
            memories={
                g.value: n for g, n in sorted(Counter(m.granularity for m in current).items())
            },
            states={s.value: n for s, n in sorted(Counter(m.state for m in current).items())},
            versions=len(held) - len(current),
            sessions=sum(not is_item_session(s) for s in index.session_ids()),
            associations=sum(len(m.edges) for m in held),
            mean_retention=float(np.mean(kept)) if kept else 0.0,
            embedder=self.store.embedder,
        )

    def graph(self, scope: Scope, now: datetime) -> nx.Graph:
        """A scope's association graph; see `MemoryController.graph`."""
        import networkx as nx

        graph = nx.Graph()
        for memory in (m for g in Granularity for m in self.store.scan(scope, g)):
            if memory.version_of is None:
                graph.add_node(
                    memory.id,
                    granularity=memory.granularity.value,
                    text=memory.text,
                    session_id=memory.session_id,
                    said_at=memory.said_at,
                    state=memory.state.value,
                    retention=self.curve.retention_of(memory, now),
                )
        graph.add_weighted_edges_from(_edges(self.memories.index(scope), graph))
        return graph


def _edges(index: ScopeIndex, graph: nx.Graph) -> Iterable[tuple[str, str, float]]:
    for a, targets in index.edges.items():
        for b, weight in targets.items():
            if a < b and a in graph and b in graph:
                yield a, b, weight

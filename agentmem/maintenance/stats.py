"""Count what a scope holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from agentmem.maintenance.check import read_scope
from agentmem.writing.sessions import is_item_session
from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import EmbedderSpec, Scope, State

__all__ = ["Stats", "collect_stats"]


@dataclass(frozen=True)
class Stats:
    """How much a scope holds.

    Attributes:
        memories: number of current memories by granularity.
        states: number of current memories by state.
        versions: number of former versions, for `history` and `as_of`.
        sessions: number of conversations.
        associations: number of edges of the association graph.
        mean_retention: of the active memories, in [0, 1]; 0 if there are none.
        embedder: name and dimension of the embedder.
    """

    scope: str
    memories: dict[str, int]
    states: dict[str, int]
    versions: int
    sessions: int
    associations: int
    mean_retention: float
    embedder: EmbedderSpec


def collect_stats(
    memories: IndexedStore, curve: ForgettingCurve, scope: Scope, now: datetime
) -> Stats:
    """Return the statistics of a scope, with retention at `now`."""
    records = read_scope(memories.store, scope).values()
    current = [memory for memory in records if memory.version_of is None]
    active = [memory for memory in current if memory.state is State.ACTIVE]
    granularities = Counter(memory.granularity for memory in current)
    states = Counter(memory.state for memory in current)
    retention = [curve.retention_of(memory, now) for memory in active]
    return Stats(
        scope=str(scope),
        memories={granularity.value: n for granularity, n in sorted(granularities.items())},
        states={state.value: n for state, n in sorted(states.items())},
        versions=len(records) - len(current),
        sessions=sum(not is_item_session(s) for s in memories.index(scope).session_ids()),
        associations=sum(len(memory.edges) for memory in records),
        mean_retention=float(np.mean(retention)) if retention else 0.0,
        embedder=memories.store.embedder,
    )

"""Export the association graph of a scope as a networkx graph."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from agentmem.maintenance.check import read_scope
from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import Scope

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["export_graph"]


def export_graph(
    memories: IndexedStore, curve: ForgettingCurve, scope: Scope, now: datetime
) -> nx.Graph:
    """Return the association graph of a scope; see `MemoryController.graph`.

    Nodes are the ids of current memories, former versions are left out. `retention` is that at
    `now`.
    """
    import networkx as nx

    graph = nx.Graph()
    for memory in read_scope(memories.store, scope).values():
        if memory.version_of is None:
            graph.add_node(
                memory.id,
                granularity=memory.granularity.value,
                text=memory.text,
                session_id=memory.session_id,
                said_at=memory.said_at,
                state=memory.state.value,
                retention=curve.retention_of(memory, now),
            )
    graph.add_weighted_edges_from(
        (source, target, weight)
        for source, targets in memories.index(scope).edges.items()
        for target, weight in targets.items()
        # The adjacency has both directions of every edge.
        if source < target and source in graph and target in graph
    )
    return graph

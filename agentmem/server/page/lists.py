"""Choose what lists show from the derived index, so that only what is shown is read.

Reading 2,000 memories takes 0.3 s; the first page, which reads eight of them, takes 0.04 s.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import networkx as nx
import numpy as np

from agentmem.writing.sessions import is_item_session
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import STATES
from agentmem_stores import Granularity, State

__all__ = ["Links", "Overview", "archived_ids", "linked_turns", "overview"]


@dataclass(frozen=True)
class Overview:
    """What a scope holds.

    Attributes:
        messages: number of active and archived turns.
        associations: number of links between any memories.
        mean_retention: of the active turns, in [0, 1]; 0 without any.
        recent: ids of the latest active turns, the latest first.
        fading: ids of the active turns that a sweep will archive next, the first one first.
    """

    messages: int
    conversations: int
    associations: int
    archived: int
    mean_retention: float
    recent: tuple[str, ...]
    fading: tuple[str, ...]


@dataclass(frozen=True)
class Links:
    """The best linked active turns.

    Attributes:
        graph: their links, with a `weight` each.
        unlinked: how many active turns have no link to another one.
        left_out: how many linked turns the graph leaves out.
    """

    graph: nx.Graph
    unlinked: int
    left_out: int


def overview(index: ScopeIndex, now: datetime, *, few: int, faint: tuple[float, float]) -> Overview:
    """Return what a scope holds.

    Args:
        few: the maximum length of each list.
        faint: the retention of fading turns: at least the first, below the second.
    """
    table = index.tables[Granularity.TURN]
    active = table.visible(None)
    retention = table.retention(now)
    rows = np.flatnonzero(active)
    latest = rows[np.argsort(table.column("said_at")[rows], kind="stable")[::-1][:few]]
    low, high = faint
    fading = np.flatnonzero(active & (retention >= low) & (retention < high))
    fading = fading[np.argsort(retention[fading], kind="stable")[:few]]
    return Overview(
        messages=int(table.visible(None, include_archived=True).sum()),
        conversations=sum(not is_item_session(session) for session in index.session_ids()),
        associations=sum(len(index.edges.successors(node)) for node in index.edges),
        archived=len(archived_ids(index)),
        mean_retention=float(retention[rows].mean()) if len(rows) else 0.0,
        recent=tuple(table.ids[row] for row in latest),
        fading=tuple(table.ids[row] for row in fading),
    )


def archived_ids(index: ScopeIndex) -> list[str]:
    """Return the ids of all archived memories, the latest archived first."""
    strengths: list[tuple[float, str]] = []
    for table in index.tables.values():
        archived = table.column("alive") & (table.column("state") == STATES[State.ARCHIVED])
        since = table.column("state_changed_at")
        strengths += [(float(since[row]), table.ids[row]) for row in np.flatnonzero(archived)]
    return [memory_id for _, memory_id in sorted(strengths, reverse=True)]


def linked_turns(index: ScopeIndex, members: Collection[str] | None, limit: int) -> Links:
    """Return the links between active turns.

    Args:
        members: only between these; None for all.
        limit: how many turns at most, the best linked and then the latest first.
    """
    table = index.tables[Granularity.TURN]
    active = {table.ids[row] for row in np.flatnonzero(table.visible(None))}
    chosen = active if members is None else active.intersection(members)
    neighbors = {
        node: {i: w for i, w in index.edges[node].items() if i in chosen}
        for node in index.edges
        if node in chosen
    }
    said_at = table.column("said_at")
    linked = sorted(
        (node for node, others in neighbors.items() if others),
        key=lambda node: (-len(neighbors[node]), -said_at[table.row_of[node]], node),
    )
    graph = nx.Graph()
    graph.add_nodes_from(linked[:limit])
    graph.add_weighted_edges_from(
        (node, other, weight)
        for node in linked[:limit]
        for other, weight in neighbors[node].items()
        if other in graph
    )
    return Links(graph, len(chosen) - len(linked), max(len(linked) - limit, 0))

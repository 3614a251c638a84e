"""Spreading activation over the association graph."""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx

__all__ = ["neighbourhood", "personalised_pagerank"]


def neighbourhood(
    edges: Mapping[str, Mapping[str, float]], seeds: Mapping[str, float], limit: int = 200
) -> nx.Graph:
    """Return the graph around the seeds: breadth first, until `limit` nodes are reached.

    PageRank over all of a large graph would cost hundreds of milliseconds; what lies far from
    every seed gets next to nothing of their weight anyway.
    """
    graph = nx.Graph()
    graph.add_nodes_from(seeds)
    frontier = list(seeds)
    while frontier and len(graph) < limit:
        reached: dict[str, None] = {}
        for node in frontier:
            for target, weight in sorted(edges.get(node, {}).items(), key=lambda e: (-e[1], e[0])):
                if target not in graph:
                    if len(graph) >= limit:
                        continue
                    reached[target] = None
                graph.add_edge(node, target, weight=weight)
        frontier = list(reached)
    return graph


def personalised_pagerank(
    edges: Mapping[str, Mapping[str, float]],
    seeds: Mapping[str, float],
    *,
    damping: float = 0.5,
    limit: int = 200,
) -> dict[str, float]:
    """Let the seeds' relevance flow to what they are associated with (MemGAS, section 3.3).

    Args:
        edges: id to associated ids, with weights above 0; symmetric.
        seeds: id to relevance, not negative.
        damping: the share of weight passed on at each step, in [0, 1).
        limit: the most nodes that are looked at.

    Returns:
        id to share, summing to 1; empty when no seed has weight.
    """
    start = {node: weight for node, weight in seeds.items() if weight > 0}
    if not start:
        return {}
    graph = neighbourhood(edges, start, limit)
    ranks: dict[str, float] = nx.pagerank(graph, alpha=damping, personalization=start)
    return ranks

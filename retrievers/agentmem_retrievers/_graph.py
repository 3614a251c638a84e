"""Spreading activation over the association graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["neighbourhood", "personalised_pagerank"]

# The mean change of a share from one step to the next at which the shares are taken as final.
PRECISE = 1e-6
STEPS = 100
# What a search looks at, counted from its ten seeds.
LIMIT = 100

Edges = Mapping[str, Mapping[str, float]]


def neighbourhood(
    edges: Edges, seeds: Mapping[str, float], limit: int = LIMIT
) -> tuple[list[str], NDArray[np.float64]]:
    """Return what lies around the seeds: breadth first, until `limit` nodes are reached.

    PageRank over all of a large graph would cost hundreds of milliseconds; what lies far from
    every seed gets next to nothing of their weight anyway.

    Returns:
        The nodes, seeds first, and the weights between them, shape (nodes, nodes), symmetric.
    """
    place = {node: i for i, node in enumerate(seeds)}
    found: list[tuple[int, int, float]] = []
    frontier = list(seeds)
    while frontier and len(place) < limit:
        reached: list[str] = []
        for node in frontier:
            held = sorted(((-w, target) for target, w in edges.get(node, {}).items()))
            for weight, target in held:
                if target not in place:
                    if len(place) >= limit:
                        continue
                    place[target] = len(place)
                    reached.append(target)
                found.append((place[node], place[target], -weight))
        frontier = reached
    weights = np.zeros((len(place), len(place)))
    for one, other, weight in found:
        weights[one, other] = weights[other, one] = weight
    return list(place), weights


def personalised_pagerank(
    edges: Edges,
    seeds: Mapping[str, float],
    *,
    damping: float = 0.5,
    limit: int = LIMIT,
) -> dict[str, float]:
    """Let the seeds' relevance flow to what they are associated with (MemGAS, section 3.3).

    The power iteration of PageRank on a dense matrix: of so few nodes it takes a fraction of
    what `networkx.pagerank` does, which it agrees with.

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
    nodes, weights = neighbourhood(edges, start, limit)
    sought = np.zeros(len(nodes))
    sought[: len(start)] = list(start.values())
    sought /= sought.sum()
    out = weights.sum(axis=1)
    # What a node without associations would pass on goes back to the seeds.
    passed = np.divide(weights, out[:, np.newaxis], where=out[:, np.newaxis] > 0, out=weights)
    stranded = out == 0
    ranks = sought
    for _ in range(STEPS):
        before = ranks
        ranks = damping * (before @ passed + before[stranded].sum() * sought)
        ranks = ranks + (1 - damping) * sought
        if np.abs(ranks - before).sum() < PRECISE * len(nodes):
            break
    return dict(zip(nodes, ranks.tolist(), strict=True))

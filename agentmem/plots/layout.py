"""Layout of an association graph: communities as discs that do not overlap.

Within a disc and between discs networkx places nodes. It has no layout that keeps communities
apart: ForceAtlas2 draws nodes of a community over each other and leaves most of the page empty,
because unconnected components drift away.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

__all__ = ["Layout", "lay_out"]

# networkx layouts are random; a fixed seed makes plots reproducible.
_SEED = 7
# Width / height of a page.
_ASPECT = 1.45
# Nodes without edges per row.
_PER_ROW = 28
# Largest community that Kamada-Kawai places, which spaces nodes evenly but slowly: 60 nodes take
# 0.6 s, and a page has several communities.
_KAMADA_KAWAI = 60

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Positions of everything, in one plane.

    Attributes:
        places: (x, y) of each node.
        community: number of the community of each node with edges.
        discs: center and radius of each community of three or more.
        isolated_top: height of the line above the nodes without edges; None without such nodes.
        left, right, bottom, top: bounds with a margin.
    """

    places: dict[Any, tuple[float, float]]
    community: dict[Any, int]
    discs: list[tuple[tuple[float, float], float]]
    isolated_top: float | None
    left: float
    right: float
    bottom: float
    top: float


def lay_out(graph: nx.Graph) -> Layout:
    """Place the nodes of a graph; the result depends only on its content."""
    linked = _subgraph(graph, [n for n in graph if graph.degree(n) > 0])
    groups = _communities(linked)
    community = {node: i for i, group in enumerate(groups) for node in group}
    inner = [_place_in_disc(_subgraph(graph, group)) for group in groups]
    radii = np.array([radius for _, radius in inner])
    centers = _place_discs(linked, community, radii)
    places = {
        node: (float(cx + x), float(cy + y))
        for (offsets, _), (cx, cy) in zip(inner, centers, strict=True)
        for node, (x, y) in offsets.items()
    }
    discs = [
        ((float(cx), float(cy)), float(radius))
        for group, (cx, cy), radius in zip(groups, centers, radii, strict=True)
        if len(group) > 2
    ]
    left, right, bottom, top = _bounds(centers, radii)
    isolated = sorted(graph.nodes - linked.nodes, key=str)
    isolated_top = bottom - 0.3 if isolated else None
    if isolated_top is not None:
        rows = _place_in_rows(isolated, left, right, isolated_top)
        places |= rows
        bottom = min(y for _, y in rows.values()) - 0.4
    margin = 0.02 * (right - left)
    return Layout(
        places=places,
        community=community,
        discs=discs,
        isolated_top=isolated_top,
        left=left - margin,
        right=right + margin,
        bottom=bottom,
        top=top + 0.1,
    )


def _subgraph(graph: nx.Graph, nodes: Iterable[Any]) -> nx.Graph:
    """Copy a part of a graph, sorted: layouts depend on the order of nodes and edges."""
    part = nx.Graph()
    part.add_nodes_from(sorted(nodes, key=str))
    edges = (
        (*sorted((a, b), key=str), weight)
        for a, b, weight in graph.edges(data="weight", default=1.0)
        if a in part and b in part
    )
    part.add_weighted_edges_from(sorted(edges, key=str))
    return part


def _place_in_rows(
    nodes: Sequence[Any], left: float, right: float, top: float
) -> dict[Any, tuple[float, float]]:
    height = max(0.7, (right - left) * 0.045)
    gap = (right - left) / min(len(nodes), _PER_ROW)
    return {
        node: (left + gap * (n % _PER_ROW + 0.35), top - height * (n // _PER_ROW + 0.7))
        for n, node in enumerate(nodes)
    }


def _communities(graph: nx.Graph) -> list[list[Any]]:
    if not graph:
        return []
    groups = nx.community.louvain_communities(graph, weight="weight", seed=_SEED)
    return sorted((sorted(group, key=str) for group in groups), key=lambda g: (-len(g), str(g[0])))


def _place_in_disc(graph: nx.Graph) -> tuple[dict[Any, Points], float]:
    """Place a community around the origin; return offsets and the radius of its disc.

    The area of a disc is proportional to the number of its nodes.
    """
    radius = 0.62 * math.sqrt(len(graph))
    if len(graph) <= _KAMADA_KAWAI and nx.is_connected(graph):
        # Without weights, which would draw strongly associated nodes over each other.
        offsets = nx.kamada_kawai_layout(graph, weight=None)
    else:
        offsets = nx.spring_layout(graph, weight=None, seed=_SEED, iterations=80)
    points = np.array(list(offsets.values()))
    points = points - (points.max(0) + points.min(0)) / 2
    reach = max(float(np.linalg.norm(points, axis=1).max()), 1e-9)
    points = points / reach * radius
    return dict(zip(offsets, points, strict=True)), radius + 0.42


def _place_discs(graph: nx.Graph, community: dict[Any, int], radii: Points) -> Points:
    """Return the centers of the discs: associated ones near each other, none overlapping."""
    if len(radii) < 2:
        return np.zeros((len(radii), 2))
    links = Counter(
        tuple(sorted((community[a], community[b])))
        for a, b in graph.edges
        if community[a] != community[b]
    )
    between = nx.Graph()
    between.add_nodes_from(range(len(radii)))
    between.add_weighted_edges_from((i, j, count) for (i, j), count in sorted(links.items()))
    spread = float(np.sqrt((radii**2).sum()))
    start = nx.spring_layout(between, seed=_SEED, iterations=200, scale=spread)
    return _separate(np.array([start[i] for i in range(len(radii))]), radii)


def _separate(centers: Points, radii: Points) -> Points:
    """Pull discs to the origin and push overlapping ones apart, until they lie side by side."""
    for step in range(600):
        # Pulling more in height than in width gives the page its aspect. The last steps only push.
        if step < 500:
            centers = centers * np.array([1 - 0.010 / _ASPECT, 1 - 0.010 * _ASPECT])
        apart = centers[:, None] - centers[None]
        distance = np.maximum(np.linalg.norm(apart, axis=2), 1e-6)
        overlap = np.maximum(radii[:, None] + radii[None] + 0.15 - distance, 0.0)
        np.fill_diagonal(overlap, 0.0)
        centers = centers + (apart / distance[..., None] * overlap[..., None] / 2).sum(1) * 0.9
    return centers


def _bounds(centers: Points, radii: Points) -> tuple[float, float, float, float]:
    """Return left, right, bottom and top of the discs, widened to the aspect of a page."""
    low, high = np.array([0.0, 0.0]), np.array([0.0, 0.0])
    if len(centers):
        low, high = (centers - radii[:, None]).min(0), (centers + radii[:, None]).max(0)
    width, height = high - low
    height = max(height, 2.5, width / _ASPECT) if len(centers) else 0.0
    half = np.array([max(width, 5.0, height * _ASPECT), height]) / 2
    (left, bottom), (right, top) = (low + high) / 2 - half, (low + high) / 2 + half
    return float(left), float(right), float(bottom), float(top)

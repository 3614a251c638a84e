"""Places for the nodes of an association graph: communities as discs that do not overlap."""

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

_SEED = 7
_WIDE = 1.45  # pages are wider than high
_ROW = 28

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Where everything is, in one plane.

    Attributes:
        places: node to (x, y).
        home: node to the number of its community, for nodes with edges.
        groups: centre and radius of each community of three or more.
        shelf: the height of the line above the nodes without edges; None where all have some.
        left, right, bottom, top: what the plane holds, with a margin.
    """

    places: dict[Any, tuple[float, float]]
    home: dict[Any, int]
    groups: list[tuple[tuple[float, float], float]]
    shelf: float | None
    left: float
    right: float
    bottom: float
    top: float


def lay_out(graph: nx.Graph) -> Layout:
    """Place the nodes of a graph; the same graph always gets the same places."""
    linked = _part(graph, [n for n in graph if graph.degree(n) > 0])
    groups = _communities(linked)
    home = {node: i for i, group in enumerate(groups) for node in group}
    discs = [_disc(_part(graph, group)) for group in groups]
    radii = np.array([radius for _, radius in discs])
    centres = _centres(linked, home, radii)
    places = {
        node: (float(cx + x), float(cy + y))
        for (inner, _), (cx, cy) in zip(discs, centres, strict=True)
        for node, (x, y) in inner.items()
    }
    circles = [
        ((float(cx), float(cy)), float(radius))
        for group, (cx, cy), radius in zip(groups, centres, radii, strict=True)
        if len(group) > 2
    ]
    left, right, bottom, top = _box(centres, radii)
    alone = sorted(graph.nodes - linked.nodes, key=str)
    shelf = bottom - 0.3 if alone else None
    if shelf is not None:
        shelved = _in_rows(alone, left, right, shelf)
        places |= shelved
        bottom = min(y for _, y in shelved.values()) - 0.4
    margin = 0.02 * (right - left)
    return Layout(
        places=places,
        home=home,
        groups=circles,
        shelf=shelf,
        left=left - margin,
        right=right + margin,
        bottom=bottom,
        top=top + 0.1,
    )


def _part(graph: nx.Graph, nodes: Iterable[Any]) -> nx.Graph:
    """A copy of part of a graph, in an order that does not hang on that of sets."""
    part = nx.Graph()
    part.add_nodes_from(sorted(nodes, key=str))
    inside = (
        edge
        for edge in graph.edges(data="weight", default=1.0)
        if edge[0] in part and edge[1] in part
    )
    ends = ((*sorted((a, b), key=str), weight) for a, b, weight in inside)
    part.add_weighted_edges_from(sorted(ends, key=str))
    return part


def _in_rows(
    alone: Sequence[Any], left: float, right: float, shelf: float
) -> dict[Any, tuple[float, float]]:
    height = max(0.7, (right - left) * 0.045)
    gap = (right - left) / min(len(alone), _ROW)
    return {
        node: (left + gap * (n % _ROW + 0.35), shelf - height * (n // _ROW + 0.7))
        for n, node in enumerate(alone)
    }


def _communities(graph: nx.Graph) -> list[list[Any]]:
    if not graph:
        return []
    found = nx.community.louvain_communities(graph, weight="weight", seed=_SEED)
    return sorted((sorted(group, key=str) for group in found), key=lambda g: (-len(g), str(g[0])))


def _disc(graph: nx.Graph) -> tuple[dict[Any, Points], float]:
    """A community around the origin, and its radius: discs have the same room for every node."""
    radius = 0.62 * math.sqrt(len(graph))
    if len(graph) <= 60 and nx.is_connected(graph):
        # Even distances: strong links should not pile nodes on top of each other.
        inner = nx.kamada_kawai_layout(graph, weight=None)
    else:
        inner = nx.spring_layout(graph, weight=None, seed=_SEED, iterations=80)
    points = np.array(list(inner.values()))
    points = points - (points.max(0) + points.min(0)) / 2
    reach = max(float(np.linalg.norm(points, axis=1).max()), 1e-9)
    points = points / reach * radius
    return dict(zip(inner, points, strict=True)), radius + 0.42


def _centres(graph: nx.Graph, home: dict[Any, int], radii: Points) -> Points:
    """Centres of the discs, related ones near each other, none overlapping."""
    if len(radii) < 2:
        return np.zeros((len(radii), 2))
    links = Counter((home[a], home[b]) for a, b in graph.edges if home[a] != home[b])
    between = nx.Graph()
    between.add_nodes_from(range(len(radii)))
    for (i, j), count in sorted(links.items()):
        known = between.get_edge_data(i, j, {"weight": 0})["weight"]
        between.add_edge(i, j, weight=known + count)
    spread = float(np.sqrt((radii**2).sum()))
    start = nx.spring_layout(between, seed=_SEED, iterations=200, scale=spread)
    return _apart(np.array([start[i] for i in range(len(radii))]), radii)


def _apart(centres: Points, radii: Points) -> Points:
    """Pull discs together and push overlapping ones apart, until they lie side by side."""
    for step in range(600):
        # Pulling harder on height than on width makes the whole wider than high.
        if step < 500:
            centres = centres * np.array([1 - 0.010 / _WIDE, 1 - 0.010 * _WIDE])
        apart = centres[:, None] - centres[None]
        distance = np.maximum(np.linalg.norm(apart, axis=2), 1e-6)
        overlap = np.maximum(radii[:, None] + radii[None] + 0.15 - distance, 0.0)
        np.fill_diagonal(overlap, 0.0)
        centres = centres + (apart / distance[..., None] * overlap[..., None] / 2).sum(1) * 0.9
    return centres


def _box(centres: Points, radii: Points) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of what the discs need, widened to the shape of a page."""
    low, high = np.array([0.0, 0.0]), np.array([0.0, 0.0])
    if len(centres):
        low, high = (centres - radii[:, None]).min(0), (centres + radii[:, None]).max(0)
    width, height = high - low
    height = max(height, 2.5, width / _WIDE) if len(centres) else 0.0
    half = np.array([max(width, 5.0, height * _WIDE), height]) / 2
    (left, bottom), (right, top) = (low + high) / 2 - half, (low + high) / 2 + half
    return float(left), float(right), float(bottom), float(top)

"""Draw an association graph; needs matplotlib."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Transform

from agentmem.plots.figure import INK
from agentmem.plots.fonts import drawable, families
from agentmem.plots.labels import Page
from agentmem.plots.layout import Layout, lay_out

__all__ = ["draw_graph"]

# Marker, color and area of each granularity; Okabe and Ito's colors, distinguishable with any color
# vision.
_MARKERS: Mapping[str, tuple[str, str, float]] = {
    "turn": ("o", "#0072b2", 70.0),
    "session": ("s", "#e69f00", 100.0),
    "summary": ("D", "#009e73", 90.0),
    "keywords": ("^", "#cc79a7", 110.0),
}
_OTHER = ("o", "#7b838f", 70.0)


def draw_graph(figure: Figure, graph: nx.Graph, title: str) -> None:
    """Draw a graph of memories; see `agentmem.plots.plot_graph`."""
    axes = figure.add_subplot()
    axes.set_axis_off()
    layout = lay_out(graph)
    axes.set_xlim(layout.left, layout.right)
    axes.set_ylim(layout.bottom, layout.top)
    _draw_discs(axes, layout)
    _draw_edges(axes, graph, layout)
    _draw_nodes(axes, graph, layout)
    _draw_legend(figure, axes, graph)
    heading = figure.suptitle(
        drawable(title) or _heading(graph),
        x=0.01,
        ha="left",
        fontsize=13,
        color=INK,
        weight="bold",
    )
    heading.set_parse_math(False)
    heading.set_fontfamily(families())
    # Labels are placed by their size in pixels, which is known once the rest is laid out.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    _draw_labels(figure, axes, graph, layout)


def _heading(graph: nx.Graph) -> str:
    nodes, edges = len(graph), graph.number_of_edges()
    memories = "1 memory" if nodes == 1 else f"{nodes} memories"
    return f"{memories}, {edges} association{'' if edges == 1 else 's'}"


def _draw_discs(axes: Axes, layout: Layout) -> None:
    for (x, y), radius in layout.discs:
        axes.add_patch(
            Ellipse((x, y), 2 * radius, 2 * radius, facecolor="#f1f3f6", edgecolor="none", zorder=0)
        )
    if layout.isolated_top is not None:
        axes.axhline(layout.isolated_top, color="#d5d9df", linewidth=0.9, zorder=0)
        axes.text(
            layout.left, layout.isolated_top, "no associations", fontsize=8.5, color="#7b838f",
            va="bottom", ha="left",
        )  # fmt: skip


def _draw_edges(axes: Axes, graph: nx.Graph, layout: Layout) -> None:
    edges = sorted(graph.edges(data="weight", default=1.0), key=lambda edge: edge[2])
    if not edges:
        return
    low, high = edges[0][2], edges[-1][2]
    shares = [(weight - low) / (high - low) if high > low else 0.5 for *_, weight in edges]
    # Edges between communities cross the page, so they are fainter and do not hide the rest.
    opacity = [1.0 if layout.community[a] == layout.community[b] else 0.45 for a, b, _ in edges]
    size = _scale(graph)
    axes.add_collection(
        LineCollection(
            [(layout.places[a], layout.places[b]) for a, b, _ in edges],
            linewidths=[
                size * near * (0.7 + 2.0 * s) for s, near in zip(shares, opacity, strict=True)
            ],
            colors=[
                to_rgba("#5a6572", near * (0.25 + 0.5 * s))
                for s, near in zip(shares, opacity, strict=True)
            ],
            zorder=1,
        ),
        autolim=False,
    )


def _draw_nodes(axes: Axes, graph: nx.Graph, layout: Layout) -> None:
    for node, data in graph.nodes(data=True):
        active = data.get("state", "active") == "active"
        retention = float(data.get("retention", 1.0)) if active else None
        kind = str(data.get("granularity"))
        _draw_node(axes, layout.places[node], kind, retention, _scale(graph))


def _draw_node(
    axes: Axes,
    place: tuple[float, float],
    kind: str,
    retention: float | None,
    scale: float = 1.0,
    label: str | None = None,
) -> None:
    """Draw a memory; hollow and dotted if it is not active (`retention` None)."""
    marker, color, size = _MARKERS.get(kind, _OTHER)
    axes.scatter(
        *place,
        s=size * scale,
        marker=marker,
        facecolor="white" if retention is None else _fade(color, retention),
        edgecolor=color,
        linewidth=1.3,
        linestyle=":" if retention is None else "-",
        label=label,
        zorder=3,
    )


def _scale(graph: nx.Graph) -> float:
    return 1.4 if len(graph) <= 30 else 1.0 if len(graph) <= 100 else 0.7


def _fade(color: str, retention: float) -> tuple[float, float, float]:
    """Mix a color with white; transparency would show the edges below."""
    share = 0.12 + 0.88 * min(max(retention, 0.0), 1.0)
    red, green, blue = (1 - share * (1 - part) for part in to_rgba(color)[:3])
    return red, green, blue


def _draw_legend(figure: Figure, axes: Axes, graph: nx.Graph) -> None:
    nowhere = (math.nan, math.nan)
    present = {str(data.get("granularity")) for _, data in graph.nodes(data=True)}
    for kind in _MARKERS:
        if kind in present:
            _draw_node(axes, nowhere, kind, 1.0, label=kind)
    for share in (1.0, 0.5, 0.0):
        _draw_node(axes, nowhere, "turn", share, label=f"retention {share:.0%}")
    if any(data.get("state", "active") != "active" for _, data in graph.nodes(data=True)):
        _draw_node(axes, nowhere, "turn", None, label="archived or superseded")
    figure.legend(
        loc="outside lower center",
        ncols=8,
        frameon=False,
        fontsize=9,
        handletextpad=0.2,
        columnspacing=1.4,
    )


def _draw_labels(figure: Figure, axes: Axes, graph: nx.Graph, layout: Layout) -> None:
    """Label as many memories as there is room for, the best connected first."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    to_page, to_data = axes.transData, axes.transData.inverted()
    spots = {node: _point(to_page, place) for node, place in layout.places.items()}
    lines = np.array([[spots[a], spots[b]] for a, b in graph.edges]).reshape(-1, 2, 2)
    gap = figure.dpi / 72 * 7.0
    page = Page(axes.get_window_extent(renderer), list(spots.values()), lines, gap)
    for node in sorted(graph, key=lambda n: (-graph.degree(n), str(n))):
        text = _short(str(graph.nodes[node].get("text", node)))
        label = axes.text(0, 0, text, fontsize=7.5, color=INK, parse_math=False, zorder=4)
        label.set_fontfamily(families())
        label.set_path_effects([withStroke(linewidth=2, foreground="white", alpha=0.8)])
        box = label.get_window_extent(renderer)
        corner = page.place(spots[node], box.width, box.height)
        if corner is None:
            label.remove()
        else:
            label.set_position(_point(to_data, corner))
            label.set_verticalalignment("bottom")


def _point(transform: Transform, point: tuple[float, float]) -> tuple[float, float]:
    x, y = transform.transform(point)
    return float(x), float(y)


def _short(text: str) -> str:
    # Only what can fit: texts of sessions are long.
    lines = textwrap.wrap(drawable(text[:200]), 25, max_lines=2, placeholder=" …")
    return "\n".join(lines) or "…"

"""Plots of the forgetting curve and of the association graph; needs the extra `plot`.

Nothing here touches pyplot or matplotlib's settings, so a program's own figures do not change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from agentmem.plots.figure import check_plot, new_figure, picture_path, save_figure
from agentmem_retrievers import ForgettingCurve
from agentmem_stores import InvalidInputError

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["check_plot", "default_until", "plot_forgetting_curve", "plot_graph"]


def plot_forgetting_curve(
    curve: ForgettingCurve,
    recalls_days: Iterable[float],
    until_days: float | None,
    out: str | PathLike[str],
    *,
    surprise: float = 0.5,
    importance: float = 0.0,
) -> Path:
    """Plot the retention of a memory over time, with its recalls and without them.

    Args:
        recalls_days: days on which it is recalled, counted from when it was said, in any order.
        until_days: last day of the plot; None for `default_until`.
        out: a file ending in .png, .svg or .pdf.
        surprise, importance: as for `ForgettingCurve.initial_strength`, in [0, 1].

    Returns:
        The path written.

    Raises:
        InvalidInputError: a number is out of range, or the file has another suffix.
        MissingExtraError: matplotlib is not installed.
        StoreUnavailableError: the file cannot be written.

    >>> from agentmem import ForgettingCurve
    >>> plot_forgetting_curve(ForgettingCurve(), [1, 7], None, "curve.png").name
    'curve.png'
    """
    path = picture_path(out)
    recalls = _recalls(recalls_days)
    strength = curve.initial_strength(surprise, importance)
    until = default_until(curve, recalls, strength) if until_days is None else until_days
    if not 0 < until < math.inf:
        raise InvalidInputError(f"until_days={until} must be finite and > 0")
    figure = new_figure(9.6, 5.2)

    from agentmem.plots.curve import draw_curve

    draw_curve(figure, curve, strength, recalls, until)
    return save_figure(figure, path)


def plot_graph(graph: nx.Graph, out: str | PathLike[str], *, title: str = "") -> Path:
    """Plot an association graph, as `MemoryController.graph` returns it.

    Color and shape show the granularity, opacity the retention, and line width the weight of an
    association. Communities are discs; memories without associations are rows at the bottom. The
    best connected memories are labeled, as far as there is room.

    Args:
        graph: nodes with `granularity`, `text` and `retention`, edges with `weight`.
        out: a file ending in .png, .svg or .pdf.

    Returns:
        The path written.

    Raises:
        InvalidInputError: the file has another suffix.
        MissingExtraError: matplotlib is not installed.
        StoreUnavailableError: the file cannot be written.

    >>> import networkx as nx
    >>> plot_graph(nx.path_graph(0), "graph.svg").name
    'graph.svg'
    """
    path = picture_path(out)
    width = min(8.5 + 0.05 * len(graph), 18.0)
    figure = new_figure(width, width * 0.7)

    from agentmem.plots.graph import draw_graph

    draw_graph(figure, graph, title)
    return save_figure(figure, path)


def default_until(curve: ForgettingCurve, recalls_days: Sequence[float], strength: float) -> float:
    """Return the day on which a memory with these recalls falls below the sweep's threshold."""
    last = 0.0
    for recall in sorted(recalls_days):
        strength, last = curve.strengthened(strength, recall - last), recall
    # A margin of 8 % shows the curve below the threshold; without a threshold, down to 1 %.
    return 1.08 * (last + curve.days_until(max(curve.archive_below, 0.01), strength))


def _recalls(days: Iterable[float]) -> list[float]:
    recalls = sorted(days)
    for day in recalls:
        if not 0 <= day < math.inf:
            raise InvalidInputError(f"recall day {day} must be finite and >= 0")
    return recalls

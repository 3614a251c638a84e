"""Pictures of forgetting and of what is associated with what; needs the extra `plot`.

Nothing here touches pyplot or matplotlib's settings, so a program's own figures stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from agentmem_retrievers import ForgettingCurve
from agentmem_stores import InvalidInputError, MissingExtraError, StoreUnavailableError

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.figure import Figure

__all__ = ["default_until", "plot_forgetting_curve", "plot_graph"]

_KINDS = (".png", ".svg", ".pdf")


def plot_forgetting_curve(
    curve: ForgettingCurve,
    recalls_days: Iterable[float],
    until_days: float | None,
    out: str | PathLike[str],
    *,
    surprise: float = 0.5,
    importance: float = 0.0,
) -> Path:
    """Draw the retention of one memory over time, with its recalls and without them.

    Args:
        recalls_days: when it is recalled, in days since it was said, in any order.
        until_days: where the picture ends; None for `default_until`.
        out: a file ending in .png, .svg or .pdf.
        surprise, importance: as for `ForgettingCurve.initial_strength`, in [0, 1].

    Returns:
        The path written.

    Raises:
        InvalidInputError: a number is out of its range, or the file's ending names no picture.
        MissingExtraError: matplotlib is not installed.
        StoreUnavailableError: the file cannot be written.
    """
    path = _picture(out)
    recalls = _recalls(recalls_days)
    strength = curve.initial_strength(surprise, importance)
    until = default_until(curve, recalls, strength) if until_days is None else until_days
    if not 0 < until < math.inf:
        raise InvalidInputError(f"until_days={until} must be finite and above 0")
    figure = _figure(9.6, 5.2)

    from agentmem.plots.curve import draw_curve

    draw_curve(figure, curve, strength, recalls, until)
    return _save(figure, path)


def plot_graph(graph: nx.Graph, out: str | PathLike[str], *, title: str = "") -> Path:
    """Draw an association graph as `MemoryController.graph` gives it.

    Kinds of memory differ by colour and shape, what is better retained is more opaque, stronger
    associations are thicker, and what belongs together lies together. Memories that are
    associated with nothing stand in rows at the bottom. Short texts name as many as have room,
    the best connected ones first.

    Args:
        graph: nodes with `granularity`, `text` and `retention`, edges with `weight`.
        out: a file ending in .png, .svg or .pdf.

    Returns:
        The path written.

    Raises:
        InvalidInputError: the file's ending names no picture.
        MissingExtraError: matplotlib is not installed.
        StoreUnavailableError: the file cannot be written.
    """
    path = _picture(out)
    width = min(8.5 + 0.05 * len(graph), 18.0)
    figure = _figure(width, width * 0.7)

    from agentmem.plots.graph import draw_graph

    draw_graph(figure, graph, title)
    return _save(figure, path)


def default_until(curve: ForgettingCurve, recalls_days: Sequence[float], strength: float) -> float:
    """Return the days until a memory recalled like this has faded below the sweep's threshold."""
    last = 0.0
    for recall in sorted(recalls_days):
        strength, last = curve.strengthened(strength, recall - last), recall
    return 1.08 * (last - strength * math.log(max(curve.archive_below, 0.01)))


def _picture(out: str | PathLike[str]) -> Path:
    path = Path(out)
    if path.suffix.lower() not in _KINDS:
        raise InvalidInputError(f"{path} names no kind of picture; end it in {', '.join(_KINDS)}")
    return path


def _recalls(days: Iterable[float]) -> list[float]:
    recalls = sorted(days)
    for day in recalls:
        if not 0 <= day < math.inf:
            raise InvalidInputError(f"a recall on day {day} is not possible; count days from 0 up")
    return recalls


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            'pictures need matplotlib; install it with: pip install "ebbinghaus-agentmem[plot]"'
        ) from error
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> Path:
    try:
        figure.savefig(path)
    except OSError as error:
        raise StoreUnavailableError(f"cannot write {path}: {error}") from error
    return path

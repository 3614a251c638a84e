"""Figures: make one without pyplot, check its file name, and save it."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from agentmem_stores import InvalidInputError, MissingExtraError, StoreUnavailableError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["GRID", "INK", "check_plot", "new_figure", "picture_path", "save_figure", "style_axes"]

INK = "#2b2f36"
GRID = "#e4e7eb"

_SUFFIXES = (".png", ".svg", ".pdf")


def check_plot(out: str | PathLike[str]) -> None:
    """Check that a plot can be saved to a file of this name.

    Raises:
        InvalidInputError: the suffix is not .png, .svg or .pdf.
        MissingExtraError: matplotlib is not installed.
    """
    picture_path(out)
    new_figure(1, 1)


def picture_path(out: str | PathLike[str]) -> Path:
    """Return the path of a picture.

    Raises:
        InvalidInputError: the suffix is not .png, .svg or .pdf.
    """
    path = Path(out)
    if path.suffix.lower() not in _SUFFIXES:
        raise InvalidInputError(f"{path} must end in {', '.join(_SUFFIXES)}")
    return path


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure; pyplot and matplotlib's settings stay untouched.

    Args:
        width, height: in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            'plots need matplotlib; run pip install "ebbinghaus-agentmem[plot]"'
        ) from error
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def style_axes(axes: Axes, grid: str = "") -> None:
    """Give axes the look of all plots here.

    Args:
        grid: "x" or "y" for grid lines along that axis' ticks; empty for none.
    """
    if grid:
        axes.grid(axis="x" if grid == "x" else "y", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)


def save_figure(figure: Figure, path: Path) -> Path:
    """Save a figure and return the path.

    Raises:
        StoreUnavailableError: the file cannot be written.
    """
    try:
        figure.savefig(path)
    except OSError as error:
        raise StoreUnavailableError(f"cannot write {path}: {error}") from error
    return path

"""An evaluation's report as a picture; needs the extra `plot`."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agentmem.evaluation.report import Report
from agentmem.plots import _figure, _picture, _save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["check_plot", "plot_report"]

_INK = "#2b2f36"
_GRID = "#e4e7eb"
# Distinguishable with any colour vision (Okabe and Ito).
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")


def check_plot(out: str | PathLike[str]) -> None:
    """Raise what `plot_report` would raise of the file's ending and of matplotlib."""
    _picture(out)
    _figure(1, 1)


def plot_report(report: Report, out: str | PathLike[str]) -> Path:
    """Draw the headline of a report by category, and below it what each part contributes.

    Args:
        out: a file ending in .png, .svg or .pdf.

    Returns:
        The path written.

    Raises:
        InvalidInputError: the file's ending names no picture.
        MissingExtraError: matplotlib is not installed.
        StoreUnavailableError: the file cannot be written.
    """
    path = _picture(out)
    below = len(report.compared)
    rows = 2 if below else 1
    width = min(6.5 + 0.7 * len(report.by_category), 18.0)
    figure = _figure(width, 4.6 + (1.6 + 0.32 * below) * (rows - 1))
    heights = [4.2, 1.4 + 0.32 * below][:rows]
    axes = np.atleast_1d(figure.subplots(rows, 1, height_ratios=heights))
    _draw_categories(axes[0], report)
    if below:
        _draw_compared(axes[1], report)
    figure.suptitle(
        f"{report.dataset}: {report.overall.n_questions} questions",
        x=0.01, ha="left", fontsize=13, color=_INK, weight="bold",
    )  # fmt: skip
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(len(labels), 3), frameon=False,
        fontsize=9,
    )  # fmt: skip
    return _save(figure, path)


def _draw_categories(axes: Axes, report: Report) -> None:
    groups = {"all": report.overall} | dict(report.by_category)
    labels = [f"{_wrapped(name)}\n(n = {s.n_questions})" for name, s in groups.items()]
    values = [[s.named().get(name, np.nan) for s in groups.values()] for name in report.shown]
    step = 0.82 / max(len(values), 1)
    for i, (name, heights) in enumerate(zip(report.shown, values, strict=True)):
        at = np.arange(len(groups)) + (i - (len(values) - 1) / 2) * step
        bars = axes.bar(at, heights, step * 0.92, color=_COLOURS[i % len(_COLOURS)], label=name)
        if len(groups) * len(values) <= 36:
            axes.bar_label(bars, fmt="%.0f", fontsize=7.5, color=_INK, padding=1)
    axes.set_xticks(range(len(groups)), labels, fontsize=8.5)
    axes.set_ylim(0, 106)
    axes.set_ylabel("percent", color=_INK)
    _dress(axes, "y")


def _draw_compared(axes: Axes, report: Report) -> None:
    differences = [report.differences(found) for found in report.compared.values()]
    step = 0.82 / max(len(report.shown), 1)
    for i, name in enumerate(report.shown):
        at = np.arange(len(differences)) + (i - (len(report.shown) - 1) / 2) * step
        widths = [difference[name] for difference in differences]
        axes.barh(at, widths, step * 0.92, color=_COLOURS[i % len(_COLOURS)])
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks(range(len(differences)), list(report.compared), fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel("difference in points; to the left, what is left out was of use", color=_INK)
    _dress(axes, "x")


def _wrapped(name: str) -> str:
    return _joined(name.replace("-", "- ").split(), 13)


def _joined(words: Sequence[str], width: int) -> str:
    lines = [""]
    for word in words:
        glue = "" if lines[-1].endswith("-") or not lines[-1] else " "
        if lines[-1] and len(lines[-1] + glue + word) > width:
            lines.append(word)
        else:
            lines[-1] += glue + word
    return "\n".join(lines)


def _dress(axes: Axes, grid: str) -> None:
    axes.grid(axis="x" if grid == "x" else "y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_INK)

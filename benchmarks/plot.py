"""Plot a benchmark; needs the extra `plot`."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from agentmem.plots.figure import new_figure, picture_path, save_figure, style_axes
from benchmarks.bench import BenchReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_bench"]

_OURS, _FLOOR, _REST = "#0072b2", "#9aa4b0", "#e69f00"
_SIZED = re.compile(r"search at ([\d,]+), not embedding")


def plot_bench(report: BenchReport, out: str | PathLike[str]) -> Path:
    """Plot the time of searches by size, the parts of an ingest, and memory.

    Raises:
        InvalidInputError: the file has another suffix.
        MissingExtraError: matplotlib is not installed.
        StoreUnavailableError: the file cannot be written.
    """
    path = picture_path(out)
    figure = new_figure(11.0, 3.8)
    left, middle, right = figure.subplots(1, 3)
    _sizes(left, report)
    _ingest(middle, report)
    _memory(right, report)
    for axes in (left, middle, right):
        style_axes(axes)
    return save_figure(figure, path)


def _sizes(axes: Axes, report: BenchReport) -> None:
    rows = [(m, r) for r in report.ratios if (m := _SIZED.match(r.name))]
    at = [int(m[1].replace(",", "")) for m, _ in rows]
    axes.plot(at, [r.measured for _, r in rows], "o-", color=_OURS, label="search")
    axes.plot(at, [r.floor for _, r in rows], "o-", color=_FLOOR, label="bare query")
    axes.set(title="A search, not embedding", xlabel="memories", ylabel="ms", xscale="log")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=9)


def _ingest(axes: Axes, report: BenchReport) -> None:
    rows = [r for r in report.ratios if r.name.startswith("bulk ingest")]
    if rows:
        bottom = 0.0
        for (name, value), color in zip(rows[0].parts.items(), (_OURS, _REST), strict=False):
            axes.bar(["ingest"], [value], bottom=bottom, color=color, label=name)
            bottom += value
        labels = ["every\ntext", "whole\nturns", "turns", "turns,\nby encode"][: len(rows)]
        axes.bar(labels, [r.floor for r in rows], color=_FLOOR)
        axes.tick_params(axis="x", labelsize=8)
        axes.legend(frameon=False, fontsize=9)
    axes.set(title="Ingesting", ylabel="ms")


def _memory(axes: Axes, report: BenchReport) -> None:
    labels = ["after a search", "everything read"]
    # The third row is a part of the second.
    rows = [r for r in report.ratios if r.unit == "MB"][: len(labels)]
    if rows:
        axes.bar(labels[: len(rows)], [r.measured for r in rows], color=_OURS)
        axes.bar("bare", rows[-1].floor, color=_FLOOR)
        axes.tick_params(axis="x", labelsize=8)
    axes.set(title="Resident memory", ylabel="MB")

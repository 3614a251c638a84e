"""Plots of evaluations; needs the extra `plot`."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agentmem.evaluation.abstention import Abstention
from agentmem.evaluation.recall_budget import METHODS, BudgetScore
from agentmem.evaluation.report import Report
from agentmem.plots.figure import INK, new_figure, picture_path, save_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_abstention", "plot_recall", "plot_report"]

# Okabe and Ito's colors, distinguishable with any color vision.
_COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
# Room for a bar group's label, in characters, and the most bars that have room for numbers.
_LABEL_WIDTH, _NUMBERED_BARS = 13, 36


def plot_report(report: Report, out: str | PathLike[str]) -> Path:
    """Plot a report's summary by category and, below, the difference that each variant makes.

    Args:
        out: a file ending in .png, .svg or .pdf.

    Returns:
        The path written.

    Raises:
        InvalidInputError: the file has another suffix.
        MissingExtraError: matplotlib is not installed.
        StoreUnavailableError: the file cannot be written.
    """
    path = picture_path(out)
    variants = len(report.variants)
    rows = 2 if variants else 1
    width = min(6.5 + 0.7 * len(report.by_category), 18.0)
    figure = new_figure(width, 4.6 + (1.6 + 0.32 * variants) * (rows - 1))
    heights = [4.2, 1.4 + 0.32 * variants][:rows]
    axes = np.atleast_1d(figure.subplots(rows, 1, height_ratios=heights))
    _draw_categories(axes[0], report)
    if variants:
        _draw_variants(axes[1], report)
    figure.suptitle(
        f"{report.dataset}: {report.overall.n_questions} questions",
        x=0.01, ha="left", fontsize=13, color=INK, weight="bold",
    )  # fmt: skip
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(len(labels), 3), frameon=False,
        fontsize=9,
    )  # fmt: skip
    return save_figure(figure, path)


def _draw_categories(axes: Axes, report: Report) -> None:
    groups = {"all": report.overall} | dict(report.by_category)
    labels = [f"{_wrap(name)}\n(n = {s.n_questions})" for name, s in groups.items()]
    values = [[s.to_dict().get(name, np.nan) for s in groups.values()] for name in report.summary]
    step = 0.82 / max(len(values), 1)
    for i, (name, heights) in enumerate(zip(report.summary, values, strict=True)):
        at = np.arange(len(groups)) + (i - (len(values) - 1) / 2) * step
        bars = axes.bar(at, heights, step * 0.92, color=_COLORS[i % len(_COLORS)], label=name)
        if len(groups) * len(values) <= _NUMBERED_BARS:
            axes.bar_label(bars, fmt="%.0f", fontsize=7.5, color=INK, padding=1)
    axes.set_xticks(range(len(groups)), labels, fontsize=8.5)
    axes.set_ylim(0, 106)
    axes.set_ylabel("percent", color=INK)
    style_axes(axes, "y")


def _draw_variants(axes: Axes, report: Report) -> None:
    differences = [report.differences(scores) for scores in report.variants.values()]
    step = 0.82 / max(len(report.summary), 1)
    for i, name in enumerate(report.summary):
        at = np.arange(len(differences)) + (i - (len(report.summary) - 1) / 2) * step
        widths = [difference[name] for difference in differences]
        axes.barh(at, widths, step * 0.92, color=_COLORS[i % len(_COLORS)])
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(differences)), list(report.variants), fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel("difference in points (negative: worse than the default search)", color=INK)
    style_axes(axes, "x")


def _wrap(name: str) -> str:
    """Break a name at spaces and after hyphens; textwrap would break long words too."""
    lines = [""]
    for word in name.replace("-", "- ").split():
        glue = "" if lines[-1].endswith("-") or not lines[-1] else " "
        if lines[-1] and len(lines[-1] + glue + word) > _LABEL_WIDTH:
            lines.append(word)
        else:
            lines[-1] += glue + word
    return "\n".join(lines)


def plot_abstention(results: Abstention, out: str | PathLike[str]) -> Path:
    """Plot the share of questions with an answer against the confidence.

    Raises:
        InvalidInputError, MissingExtraError, StoreUnavailableError: as `plot_report`.
    """
    path = picture_path(out)
    figure = new_figure(5.2, 5.2)
    axes: Axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#9aa1ab", linewidth=1.0, linestyle="--", label="calibrated")
    confidences = [b.confidence for b in results.bins]
    shares = [b.answered for b in results.bins]
    axes.plot(confidences, shares, color=_COLORS[0], marker="o", label=f"ECE {results.ece:.3f}")
    for b in results.bins:
        axes.annotate(
            str(b.questions), (b.confidence, b.answered), textcoords="offset points",
            xytext=(6, -10), fontsize=7.5,
        )  # fmt: skip
    axes.set_xlabel("confidence")
    axes.set_ylabel("share of questions with an answer")
    axes.set_title(f"AUROC {results.auroc:.3f}, {results.own} own and {results.strange} strange")
    axes.legend(frameon=False)
    return save_figure(figure, path)


def plot_recall(scores: Sequence[BudgetScore], out: str | PathLike[str]) -> Path:
    """Plot the share of questions with all their evidence against the tokens used.

    Raises:
        InvalidInputError, MissingExtraError, StoreUnavailableError: as `plot_report`.
    """
    path = picture_path(out)
    figure = new_figure(6.4, 4.4)
    axes: Axes = figure.subplots()
    for color, method in zip(_COLORS, METHODS, strict=False):
        own = [s for s in scores if s.method == method and s.budget is not None]
        if not own:
            continue
        tokens, shares = [s.tokens for s in own], [100 * s.evidence for s in own]
        axes.plot(tokens, shares, color=color, marker="o", markersize=4, label=method)
    axes.set_xlabel("tokens used, on average", color=INK)
    axes.set_ylabel("all evidence included, percent", color=INK)
    axes.legend(frameon=False, fontsize=9)
    style_axes(axes, "y")
    return save_figure(figure, path)

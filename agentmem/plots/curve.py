"""Draw the forgetting curve of a memory; needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from matplotlib.transforms import blended_transform_factory

from agentmem.plots.figure import INK, style_axes
from agentmem_retrievers import ForgettingCurve

__all__ = ["draw_curve"]

_FAINT = "#7b838f"
_RECALLED = "#0072b2"
_THRESHOLD = "#c1440e"


@dataclass(frozen=True)
class _Stretch:
    """The days between two recalls, during which the strength is constant."""

    start: float
    end: float
    strength: float


def draw_curve(
    figure: Figure,
    curve: ForgettingCurve,
    strength: float,
    recalls: Sequence[float],
    until: float,
) -> None:
    """Plot retention over days, with a jump to 1 at every recall.

    Args:
        strength: initial, in days.
        recalls: days, ascending.
        until: last day of the plot.
    """
    axes = figure.add_subplot()
    days = [day for day in recalls if day < until]
    _draw_line(axes, curve, _stretches(curve, strength, [], until), "never recalled", _FAINT, "--")
    if days:
        stretches = _stretches(curve, strength, days, until)
        times = "once" if len(days) == 1 else f"{len(days)} times"
        _draw_line(axes, curve, stretches, f"recalled {times}", _RECALLED, "-")
        _mark_recalls(axes, curve, stretches)
    if curve.archive_below:
        axes.axhline(
            curve.archive_below,
            color=_THRESHOLD,
            linewidth=1.2,
            linestyle=":",
            label=f"a sweep archives below {curve.archive_below:.0%}",
        )
    _decorate(figure, axes, strength, until)


def _stretches(
    curve: ForgettingCurve, strength: float, recalls: Sequence[float], until: float
) -> list[_Stretch]:
    stretches, start = [], 0.0
    for end in [*recalls, until]:
        stretches.append(_Stretch(start, end, strength))
        strength, start = curve.strengthened(strength, end - start), end
    return stretches


def _draw_line(
    axes: Axes,
    curve: ForgettingCurve,
    stretches: Sequence[_Stretch],
    label: str,
    color: str,
    style: str,
) -> None:
    days: list[float] = []
    retentions: list[float] = []
    for stretch in stretches:
        rests = np.linspace(0, stretch.end - stretch.start, 200)
        days += [stretch.start + float(rest) for rest in rests]
        retentions += [curve.retention(float(rest), stretch.strength) for rest in rests]
    axes.plot(days, retentions, color=color, linestyle=style, linewidth=2.2, label=label, zorder=3)
    _mark_archiving(axes, curve, stretches[-1], color)


def _mark_archiving(axes: Axes, curve: ForgettingCurve, last: _Stretch, color: str) -> None:
    """Mark the day on which the retention falls below the sweep's threshold, if in the plot."""
    if not curve.archive_below:
        return
    day = last.start + curve.days_until(curve.archive_below, last.strength)
    if day > last.end:
        return
    axes.plot([day], [curve.archive_below], "o", color=color, markersize=6, zorder=4)
    axes.annotate(
        f"day {day:.0f}",
        (day, curve.archive_below),
        xytext=(0, 8),
        textcoords="offset points",
        color=color,
        fontsize=9,
        ha="center" if day < 0.96 * last.end else "right",
    )


def _mark_recalls(axes: Axes, curve: ForgettingCurve, stretches: Sequence[_Stretch]) -> None:
    for before in stretches[:-1]:
        retention = curve.retention(before.end - before.start, before.strength)
        axes.plot([before.end], [retention], "o", mfc="white", mec=_RECALLED, mew=1.8, zorder=5)
    above = blended_transform_factory(axes.transData, axes.transAxes)
    for level, x, before, after in _labels(stretches):
        axes.text(
            x,
            1.015 + 0.095 * level,
            f"day {after.start:.4g}\nS {before.strength:.0f} → {after.strength:.0f}",
            transform=above,
            fontsize=8.5,
            color=_RECALLED,
            ha="center",
            va="bottom",
        )


def _labels(stretches: Sequence[_Stretch]) -> list[tuple[int, float, _Stretch, _Stretch]]:
    """Choose recalls whose label has room in one of two rows, the most strengthening first.

    Returns:
        Row from below, center of the label in days, and the stretches before and after.
    """
    until = stretches[-1].end
    steps = sorted(pairwise(stretches), key=lambda step: step[0].strength - step[1].strength)
    chosen: list[tuple[int, float, _Stretch, _Stretch]] = []
    for before, after in steps:
        x = min(max(after.start, 0.045 * until), 0.955 * until)
        for level in (0, 1):
            if all(row != level or abs(x - other) >= 0.105 * until for row, other, *_ in chosen):
                chosen.append((level, x, before, after))
                break
    return chosen


def _decorate(figure: Figure, axes: Axes, strength: float, until: float) -> None:
    axes.set_xlim(0, until)
    axes.set_ylim(0, 1.04)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("days since it was said", color=INK)
    axes.set_ylabel("retention  $R = e^{-t/S}$", color=INK)
    style_axes(axes, "y")
    figure.suptitle(
        f"How a memory fades: initial strength S = {strength:.0f} days",
        x=0.01, ha="left", fontsize=13, color=INK, weight="bold",
    )  # fmt: skip
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9.5)

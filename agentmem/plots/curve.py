"""Drawing the forgetting curve of one memory; imported only when a picture is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from matplotlib.transforms import blended_transform_factory

from agentmem_retrievers import ForgettingCurve

__all__ = ["draw_curve"]

_INK = "#2b2f36"
_FAINT = "#7b838f"
_RECALLED = "#0072b2"
_THRESHOLD = "#c1440e"


@dataclass(frozen=True)
class _Stretch:
    """The days between two recalls, over which strength stays as it is."""

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
    """Fill a figure: days across, retention up, a jump to 1 at every recall (sorted)."""
    axes = figure.add_subplot()
    shown = [day for day in recalls if day < until]
    alone = _stretches(curve, strength, [], until)
    _draw_life(axes, curve, alone, "never recalled", _FAINT, "--")
    if shown:
        life = _stretches(curve, strength, shown, until)
        times = "once" if len(shown) == 1 else f"{len(shown)} times"
        _draw_life(axes, curve, life, f"recalled {times}", _RECALLED, "-")
        _mark_recalls(axes, curve, life)
    if curve.archive_below:
        axes.axhline(
            curve.archive_below,
            color=_THRESHOLD,
            linewidth=1.2,
            linestyle=":",
            label=f"a sweep archives below {curve.archive_below:.0%}",
        )
    _dress(figure, axes, strength, until)


def _stretches(
    curve: ForgettingCurve, strength: float, recalls: Sequence[float], until: float
) -> list[_Stretch]:
    life, start = [], 0.0
    for end in [*recalls, until]:
        life.append(_Stretch(start, end, strength))
        strength, start = curve.strengthened(strength, end - start), end
    return life


def _draw_life(
    axes: Axes,
    curve: ForgettingCurve,
    life: Sequence[_Stretch],
    label: str,
    color: str,
    style: str,
) -> None:
    days: list[float] = []
    kept: list[float] = []
    for stretch in life:
        rests = np.linspace(0, stretch.end - stretch.start, 200)
        days += [stretch.start + float(rest) for rest in rests]
        kept += [curve.retention(float(rest), stretch.strength) for rest in rests]
    axes.plot(days, kept, color=color, linestyle=style, linewidth=2.2, label=label, zorder=3)
    _mark_archiving(axes, curve, life[-1], color)


def _mark_archiving(axes: Axes, curve: ForgettingCurve, last: _Stretch, color: str) -> None:
    """Say on which day the memory falls below the sweep's threshold, if that is in the picture."""
    if not curve.archive_below:
        return
    day = last.start - last.strength * math.log(curve.archive_below)
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


def _mark_recalls(axes: Axes, curve: ForgettingCurve, life: Sequence[_Stretch]) -> None:
    for before in life[:-1]:
        kept = curve.retention(before.end - before.start, before.strength)
        axes.plot([before.end], [kept], "o", mfc="white", mec=_RECALLED, mew=1.8, zorder=5)
    above = blended_transform_factory(axes.transData, axes.transAxes)
    for level, x, before, after in _with_room(life):
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


def _with_room(life: Sequence[_Stretch]) -> list[tuple[int, float, _Stretch, _Stretch]]:
    """The recalls with room for a label in one of two rows, those that strengthened most first.

    Returns:
        Row from below, middle of the label in days, and the stretches before and after.
    """
    until = life[-1].end
    steps = sorted(pairwise(life), key=lambda step: step[0].strength - step[1].strength)
    chosen: list[tuple[int, float, _Stretch, _Stretch]] = []
    for before, after in steps:
        x = min(max(after.start, 0.045 * until), 0.955 * until)
        for level in (0, 1):
            if all(row != level or abs(x - other) >= 0.105 * until for row, other, *_ in chosen):
                chosen.append((level, x, before, after))
                break
    return chosen


def _dress(figure: Figure, axes: Axes, strength: float, until: float) -> None:
    axes.set_xlim(0, until)
    axes.set_ylim(0, 1.04)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("days since it was said", color=_INK)
    axes.set_ylabel("retention  $R = e^{-t/S}$", color=_INK)
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_INK)
    figure.suptitle(
        f"How a memory fades: first strength S = {strength:.0f} days",
        x=0.01, ha="left", fontsize=13, color=_INK, weight="bold",
    )  # fmt: skip
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9.5)

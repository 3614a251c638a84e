"""The forgetting curve of one memory: what its retention was, and what it will be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.forgetting import SECONDS_PER_DAY, is_pinned, retention
from agentmem_stores import Memory, State

__all__ = ["CurveView", "Mark", "forgetting_curve"]

# Points per stretch between two marks; more make no visible difference on a screen.
_POINTS = 120
# The curve reaches this far into the future, as a share of the memory's age, and in days at least.
_AHEAD, _MIN_AHEAD = 0.5, 30.0


@dataclass(frozen=True)
class Mark:
    """Something that happened to a memory.

    Attributes:
        kind: "said", "recalled", "edited", "archived" or "superseded".
        retention: R just before; None where it is not known.
        strength: S in days from then on; None where it does not change.
    """

    at: datetime
    kind: str
    retention: float | None = None
    strength: float | None = None


@dataclass(frozen=True)
class CurveView:
    """The curve of one memory.

    Attributes:
        marks: oldest first.
        unrecorded: how many recalls are known only by their number.
        fades_at: when the retention falls below the threshold of the sweep, if nothing happens;
            None for a pinned memory, or where it has.
        data: points for the chart, as JSON holds them: seconds, R until now, R from now on.
    """

    marks: tuple[Mark, ...]
    unrecorded: int
    fades_at: datetime | None
    data: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class _Start:
    """A moment at which the retention was 1.

    Attributes:
        kind: as of a `Mark`.
        strength_before: S in days until then; None for the first.
    """

    at: datetime
    kind: str
    strength_before: float | None = None


@dataclass(frozen=True)
class _Stretch:
    """The time between two events, during which the strength is constant."""

    start: datetime
    end: datetime
    strength: float

    @property
    def days(self) -> float:
        """Its length."""
        return max((self.end - self.start).total_seconds() / SECONDS_PER_DAY, 0.0)

    def points(self) -> tuple[list[float], list[float]]:
        """Return times in seconds and R."""
        rests = np.linspace(0.0, self.days, _POINTS)
        values = retention(rests, self.strength)
        return (self.start.timestamp() + rests * SECONDS_PER_DAY).tolist(), values.tolist()


def forgetting_curve(
    memory: Memory, former: Sequence[Memory], curve: ForgettingCurve, now: datetime
) -> CurveView:
    """Return the curve of a memory from its recalls and versions.

    Args:
        memory: the current version.
        former: its former versions, oldest first.
        curve: the parameters of forgetting.
        now: where the past ends.
    """
    starts = _starts(memory, former)
    strengths = [s.strength_before or memory.strength for s in starts[1:]] + [memory.strength]
    ends = [*(start.at for start in starts[1:]), max(now, starts[-1].at)]
    stretches = [
        _Stretch(start.at, end, strength)
        for start, end, strength in zip(starts, ends, strengths, strict=True)
    ]
    marks = _marks(starts, stretches)
    if memory.state is not State.ACTIVE and memory.state_changed_at is not None:
        before = curve.retention_of(memory, memory.state_changed_at)
        marks.append(Mark(memory.state_changed_at, memory.state.value, before))
    last = stretches[-1]
    fades_at = None
    if curve.archive_below and not is_pinned(memory):
        days = curve.days_until(curve.archive_below, last.strength)
        fades_at = last.start + timedelta(days=days)
    return CurveView(
        marks=tuple(sorted(marks, key=lambda mark: mark.at)),
        unrecorded=memory.recall_count - len(memory.recalls),
        fades_at=fades_at if fades_at is not None and fades_at > now else None,
        data=_pinned_data(now) if is_pinned(memory) else _data(stretches, marks, curve, now),
    )


def _starts(memory: Memory, former: Sequence[Memory]) -> list[_Start]:
    """Return what restarted the forgetting, oldest first.

    Where earlier recalls are known only by their number, the first one that is known begins.
    """
    versions = (*former, memory)
    starts = [_Start(versions[0].said_at, "said")]
    for before, after in pairwise(versions):
        starts.append(_Start(after.said_at, "edited", before.strength))
    starts += [_Start(recall.at, "recalled", recall.strength) for recall in memory.recalls]
    if memory.recall_count > len(memory.recalls) and memory.last_recalled_at is not None:
        if not memory.recalls:
            starts.append(_Start(memory.last_recalled_at, "recalled"))
        first = memory.recalls[0].at if memory.recalls else memory.last_recalled_at
        starts = [start for start in starts if start.at >= first]
    return sorted(starts, key=lambda start: start.at)


def _marks(starts: Sequence[_Start], stretches: Sequence[_Stretch]) -> list[Mark]:
    marks = [Mark(starts[0].at, starts[0].kind, None, stretches[0].strength)]
    for start, ended, begun in zip(starts[1:], stretches, stretches[1:], strict=False):
        before = float(retention(ended.days, ended.strength))
        marks.append(Mark(start.at, start.kind, before, begun.strength))
    return marks


def _data(
    stretches: Sequence[_Stretch], marks: Sequence[Mark], curve: ForgettingCurve, now: datetime
) -> dict[str, Any]:
    x, past = _past(stretches)
    last = stretches[-1]
    age = (now - stretches[0].start).total_seconds() / SECONDS_PER_DAY
    ahead = np.linspace(0.0, max(_AHEAD * age, _MIN_AHEAD), _POINTS)[1:]
    future = retention(last.days + ahead, last.strength).tolist()
    return {
        "x": x + (x[-1] + ahead * SECONDS_PER_DAY).tolist(),
        "past": [*past, *[None] * len(future)],
        "future": [*[None] * (len(x) - 1), past[-1], *future],
        "marks": [
            {"x": mark.at.timestamp(), "y": _height(mark), "kind": mark.kind} for mark in marks
        ],
        "now": now.timestamp(),
        "threshold": curve.archive_below,
    }


def _past(stretches: Sequence[_Stretch]) -> tuple[list[float], list[float]]:
    """Return times in ascending order, as the chart needs them, and R.

    A recall lifts the retention at one moment, which is drawn as one second.
    """
    x: list[float] = []
    past: list[float] = []
    for stretch in stretches:
        if x:
            x.append(x[-1] + 1.0)
            past.append(1.0)
        for time, value in zip(*stretch.points(), strict=True):
            if not x or time > x[-1]:
                x.append(time)
                past.append(value)
    return x, past


def _height(mark: Mark) -> float:
    return 1.0 if mark.retention is None else mark.retention


def _pinned_data(now: datetime) -> dict[str, Any]:
    """A pinned memory keeps its retention; when it was pinned is not recorded."""
    start = now.timestamp()
    return {
        "x": [start, start + _MIN_AHEAD * SECONDS_PER_DAY],
        "past": [1.0, None],
        "future": [1.0, 1.0],
        "marks": [],
        "now": start,
        "threshold": 0.0,
    }

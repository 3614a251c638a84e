"""The times a question asks about: named in it, or told by something that was said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from dateutil.relativedelta import relativedelta
from numpy.typing import NDArray

from agentmem_retrievers.text.dates import (
    BOUNDS,
    NUMBER,
    UNIT,
    Span,
    around,
    number_of,
    shifted,
    spans_in,
)

__all__ = ["Anchor", "Window", "anchor_in", "windows_in"]

Floats = NDArray[np.float64]

# The least scale of a window's edges, in seconds: three days.
_SOFT = 3 * 86_400.0
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_BETWEEN = re.compile(r"\b(?:between|from)\s*$")
_AND = re.compile(r"^\s*(?:and|to|until|till|-)\s+\w")
_OFFSET = re.compile(rf"\b{NUMBER}\s+{UNIT}\s+(?P<relation>before|after)\s*(?:the\s+)?$")
_BOUND = {kind: re.compile(rf"\b(?:{words})\s*(?:the\s+)?$") for kind, words in BOUNDS.items()}
_LEAD = re.compile(r"^(?:in|of|during|since|by|until|before|after|last|this|next|and|to)\s+")
# What follows "before" and the like is an event where it has a verb or an owner in it.
_ANCHORED = re.compile(
    rf"(?:\b{NUMBER}\s+{UNIT}\s+|\b(?P<shortly>shortly|right|just|soon|the day)\s+)?"
    r"\b(?P<relation>before|after|since|following)\s+(?P<clause>(?!that\b|then\b|it\b)[^,.?!;]{3,80})"
)


@dataclass(frozen=True)
class Window:
    """A stretch of time with soft edges.

    Attributes:
        start, end: UTC; the end is the first moment after it.
    """

    start: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether a moment is in it."""
        return self.start <= moment < self.end

    def fits(self, start: Floats, end: Floats) -> Floats:
        """How well stretches of time fit, in [0, 1]: 1 where they meet, less the farther off.

        At the distance of the window's own length, of three days at least, half is left, and a
        quarter at twice of it; nothing from four times on.

        Args:
            start, end: in seconds since 1970, of one shape; NaN fits nothing, and stays NaN.
        """
        first, last = self.start.timestamp(), self.end.timestamp()
        away = np.maximum(np.maximum(first - end, start - last), 0.0)
        scale = max(last - first, _SOFT)
        return np.asarray(np.where(away < 4 * scale, 0.5 ** (away / scale), 0.0 * away))


@dataclass(frozen=True)
class Anchor:
    """A time told by what happened then: "two days before my birthday".

    Attributes:
        clause: what happened.
        relation: before, after or since.
        number, unit: how far from it; no number where the question does not say.
    """

    clause: str
    relation: str
    number: int | None = None
    unit: str = "day"

    def window(self, start: datetime, end: datetime, moment: datetime) -> Window:
        """Return the time meant, when what happened took from `start` to `end`."""
        if self.number is not None:
            step = -self.number if self.relation == "before" else self.number
            return Window(*around(shifted(start, step, self.unit), self.unit))
        if self.relation == "before":
            return Window(_EARLIEST, start)
        return Window(start if self.relation == "since" else end, max(moment, end))


def windows_in(text: str, moment: datetime) -> tuple[Window, ...]:
    """Return the times that a question asked at `moment` names, as "since May" or "last week"."""
    lowered = text.lower()
    return tuple(_combined(lowered, list(spans_in(text, moment)), moment))


def _combined(lowered: str, spans: list[Span], moment: datetime) -> Iterator[Window]:
    place = 0
    while place < len(spans):
        span = spans[place]
        lead = _LEAD.match(lowered[slice(*span.place)])
        begin = span.place[0] + (lead.end() if lead else 0)
        before = lowered[:begin]
        following = spans[place + 1] if place + 1 < len(spans) else None
        if following and _BETWEEN.search(before) and _joined(lowered, span, following):
            end = following.end
            while end <= span.start:  # "between November and February"
                end += relativedelta(years=1)
            yield Window(span.start, end)
            place += 1
        else:
            yield _told(before, span, moment)
        place += 1


def _told(before: str, span: Span, moment: datetime) -> Window:
    """The time that a date tells of, by the words before it: it may be its beginning or end."""
    if offset := _OFFSET.search(before):
        anchor = Anchor("", offset["relation"], number_of(offset["number"]), offset["unit"])
        return anchor.window(span.start, span.end, moment)
    bound = next((kind for kind, words in _BOUND.items() if words.search(before)), "")
    if bound == "since":
        return Window(span.start, max(moment, span.end))
    if bound == "until":
        return Window(_EARLIEST, span.start)
    if bound == "as of":
        return Window(_EARLIEST, span.end)
    if bound == "after":
        return Window(span.end, max(moment, span.end))
    return Window(span.start, span.end)


def _joined(lowered: str, first: Span, second: Span) -> bool:
    between = lowered[first.place[1] : second.place[1]]
    return _AND.match(between) is not None and len(between) < 40


def anchor_in(text: str, moment: datetime) -> Anchor | None:
    """Return the event that a question takes its time from, if it does and names no date."""
    lowered = text.lower()
    found = _ANCHORED.search(lowered)
    if found is None or any(True for _ in spans_in(found["clause"], moment)):
        return None
    relation = "after" if found["relation"] == "following" else found["relation"]
    if found["number"] is None:
        close = 1 if found["shortly"] else None
        unit = "day" if found["shortly"] == "the day" else "week"
        return Anchor(found["clause"].strip(), relation, close, unit)
    return Anchor(found["clause"].strip(), relation, number_of(found["number"]), found["unit"])

"""Expressions of time, read from when they were said: "yesterday", "two weeks ago", "in May".

Days, weeks and seasons are those of UTC, of weeks that begin on Monday and of the northern
hemisphere. What is named without its year is the last one that has begun.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dateutil.relativedelta import MO, relativedelta

__all__ = ["MONTHS", "Span", "lowered", "spans_in"]

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
# What stands before a date that bounds a stretch of time, by where it puts the date in it.
BOUNDS = {
    "since": "since",
    "until": "until|till|before|by|up to",
    "as of": "as of",
    "after": "after",
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "a couple of": 2,
    "a couple": 2, "couple of": 2, "a few": 3, "few": 3, "several": 4, "the": 1,
}  # fmt: skip

UNIT = r"(?P<unit>day|night|week|weekend|fortnight|month|year|decade)s?"
NUMBER = rf"(?P<number>\d{{1,3}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_MONTH = rf"(?P<month>{'|'.join(MONTHS)})"
_NAMED = rf"(?P<named>{'|'.join((*_DAYS, *_SEASONS, *MONTHS))})"
_DAY_OF_MONTH = r"\d{1,2}(?:st|nd|rd|th)?(?![\d:])"


@dataclass(frozen=True)
class Span:
    """A stretch of time that a text names, and where in the text it does.

    Attributes:
        start: its first moment, UTC.
        end: the first moment after it, UTC.
        place: the first and the last character of the expression, lowered text.
    """

    start: datetime
    end: datetime
    place: tuple[int, int] = (0, 0)


def shifted(moment: datetime, number: int, unit: str) -> datetime:
    """Return the moment so many days, weeks, months or years later (or earlier, if negative)."""
    days = {"week": 7, "weekend": 7, "fortnight": 14, "day": 1, "night": 1}.get(unit)
    if days is not None:
        return moment + timedelta(days=days * number)
    months = {"month": 1, "year": 12, "decade": 120}[unit]
    later: datetime = moment + relativedelta(months=months * number)
    return later


def number_of(text: str) -> int:
    """Return the number that a word or digits stand for."""
    return int(text) if text.isdecimal() else _NUMBERS[text]


def around(moment: datetime, unit: str) -> tuple[datetime, datetime]:
    """Return the calendar's day, week, weekend, month, year or decade that holds a moment."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    monday = day + relativedelta(weekday=MO(-1))
    if unit in ("week", "fortnight"):
        return monday, monday + timedelta(days=7)
    if unit == "weekend":
        return monday + timedelta(days=5), monday + timedelta(days=7)
    if unit == "month":
        first = day.replace(day=1)
        return first, first + relativedelta(months=1)
    if unit in ("year", "decade"):
        first = day.replace(day=1, month=1)
        return first, first + relativedelta(years=1)
    return day, day + timedelta(days=1)


def _ago(found: re.Match[str], moment: datetime) -> tuple[datetime, datetime]:
    return around(shifted(moment, -number_of(found["number"]), found["unit"]), found["unit"])


def _past(found: re.Match[str], moment: datetime) -> tuple[datetime, datetime]:
    return shifted(moment, -number_of(found["number"]), found["unit"]), moment


_NEAR_DAYS = {
    "the day before yesterday": -2, "yesterday": -1, "last night": -1, "today": 0, "tonight": 0,
    "this morning": 0, "this afternoon": 0, "this evening": 0, "tomorrow": 1,
}  # fmt: skip


def _near_day(found: re.Match[str], moment: datetime) -> tuple[datetime, datetime]:
    return around(moment + timedelta(days=_NEAR_DAYS[found[0]]), "day")


_STEPS = {"last": -1, "past": -1, "previous": -1, "this": 0, "next": 1}


def _neighbour(found: re.Match[str], moment: datetime) -> tuple[datetime, datetime]:
    step = _STEPS[found["which"]]
    return around(shifted(moment, step, found["unit"]), found["unit"])


def _named(found: re.Match[str], moment: datetime) -> tuple[datetime, datetime] | None:
    """A weekday, season or month: the last one, or with "next" the one to come."""
    name, which = found["named"], found["which"]
    if name == "may" and which is None:
        return None  # a verb, more often than not; "in May" is found as a date
    ahead = which == "next"
    if name in _DAYS:
        day, _ = around(moment, "day")
        back = (day.weekday() - _DAYS.index(name)) % 7
        back = 0 if back == 0 and which == "this" else back or 7
        return around(day + timedelta(days=7 - back % 7 if ahead else -back), "day")
    first = _SEASONS.get(name) or MONTHS.index(name) + 1
    months = 3 if name in _SEASONS else 1
    start = datetime(moment.year + ahead, first, 1, tzinfo=UTC)
    end = start + relativedelta(months=months)
    if which == "this":
        return start, end
    # "Last summer" is over; a summer without a word has at least begun.
    while not ahead and (end > moment if which == "last" else start > moment):
        start, end = start - relativedelta(years=1), end - relativedelta(years=1)
    return start, end


def _date(found: re.Match[str], moment: datetime) -> tuple[datetime, datetime] | None:
    told = found["day"] or found["day2"]
    month = MONTHS.index(found["month"]) + 1
    if month == 5 and not (told or found["year"] or found["lead"]):
        return None
    day = int(re.sub(r"\D", "", told)) if told else None
    try:
        start = datetime(int(found["year"] or moment.year), month, day or 1, tzinfo=UTC)
    except ValueError:
        return None
    if not found["year"] and start > moment:
        start -= relativedelta(years=1)
    return around(start, "day" if day else "month")


def _numeric(found: re.Match[str], moment: datetime) -> tuple[datetime, datetime] | None:
    try:
        year, month, day = map(int, found[0].split("-"))
        return around(datetime(year, month, day, tzinfo=UTC), "day")
    except ValueError:
        return None


def _year(found: re.Match[str], moment: datetime) -> tuple[datetime, datetime]:
    return around(datetime(int(found[0]), 1, 1, tzinfo=UTC), "year")


# No date is as long without a blank.
_IDENTIFIER = re.compile(r"[a-z0-9_-]{20,}")

_Read = Callable[[re.Match[str], datetime], tuple[datetime, datetime] | None]
_WHICH = r"(?P<which>last|past|previous|this|next)"
# In order: an expression that holds another comes before it.
_KINDS: list[tuple[re.Pattern[str], _Read]] = [
    (re.compile(r"\b(?:19|20)\d\d-\d\d?-\d\d?\b"), _numeric),
    (
        re.compile(
            rf"(?:\b(?P<lead>in|of|during|since|by|until|before|after|last|this|next|and|to)\s+)?"
            rf"(?:\b(?P<day>{_DAY_OF_MONTH})\s+(?:of\s+)?)?\b{_MONTH}\b"
            rf"(?:\s+(?P<day2>{_DAY_OF_MONTH}))?(?:,?\s+(?P<year>(?:19|20)\d\d))?"
        ),
        _date,
    ),
    (re.compile(rf"\b{NUMBER}\s+{UNIT}\s+ago\b"), _ago),
    (re.compile(rf"\b(?:last|past)\s+{NUMBER}\s+{UNIT}\b"), _past),
    (re.compile(rf"\b(?:{'|'.join(_NEAR_DAYS)})\b"), _near_day),
    (re.compile(rf"\b{_WHICH}\s+{UNIT}\b"), _neighbour),
    (re.compile(rf"\b(?:{_WHICH}\s+)?{_NAMED}\b"), _named),
    (re.compile(r"\b(?:19|20)\d\d\b"), _year),
]
_ANY = re.compile(
    rf"\b(?:ago|yesterday|today|tonight|tomorrow|last|past|previous|this|next|(?:19|20)\d\d|"
    rf"{'|'.join((*_DAYS, *_SEASONS, *MONTHS))})\b"
)


def lowered(text: str) -> str:
    """Return a text in small letters, with blanks in place of identifiers: they name no year."""
    return _IDENTIFIER.sub(lambda found: " " * len(found[0]), text.lower())


def spans_in(text: str, moment: datetime) -> Iterator[Span]:
    """Yield the stretches of time that a text said at `moment` names, in order of appearance."""
    said = lowered(text)
    if _ANY.search(said):
        yield from sorted(_read(said, moment), key=lambda span: span.place)


def _read(said: str, moment: datetime) -> Iterator[Span]:
    taken: list[tuple[int, int]] = []
    for pattern, read in _KINDS:
        for found in pattern.finditer(said):
            if any(found.start() < end and start < found.end() for start, end in taken):
                continue
            try:
                span = read(found, moment)
            except (OverflowError, ValueError):
                continue  # before or after all the years there are
            if span is not None:
                taken.append(found.span())
                yield Span(*span, found.span())

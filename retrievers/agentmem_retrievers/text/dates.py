"""Read dates and expressions of time: "yesterday", "two weeks ago", "since May", "7 May 2023".

Three readings share one vocabulary:

- `find_time_spans` reads what a turn mentions, relative to when the turn was said.
- `find_windows` and `find_anchor` read which time a question asks about.
- `find_partial_dates` reads calendar dates as far as they are given, without a reference moment.

Days, weeks and months are those of the reference moment's time zone. Weeks begin on Monday,
seasons are those of the northern hemisphere, and in a date of three numbers such as 3/4/2024 the
day comes first, unless the caller says otherwise, or that date or another one of the text does not
exist so. A name without a year means the latest one that
has begun, or the next one where the sentence speaks of what is to come. A number is a year only
where it stands like one ("in 2019", not "port 2019"), and a month only where it is dated ("in
April", not "April called").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from dateutil.relativedelta import MO, relativedelta
from numpy.typing import NDArray

__all__ = [
    "TIME_WORDS",
    "YEAR",
    "EventAnchor",
    "PartialDate",
    "TimeSpan",
    "find_anchor",
    "find_partial_dates",
    "find_time_spans",
    "find_windows",
    "mentions_time",
]

Floats = NDArray[np.float64]

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_HOLIDAYS = {
    "new year's eve": (12, 31), "new year's day": (1, 1), "new year": (1, 1),
    "christmas eve": (12, 24),
    "christmas day": (12, 25), "christmas": (12, 25), "halloween": (10, 31),
    "valentine's day": (2, 14), "boxing day": (12, 26),
}  # fmt: skip
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ANY_HOLIDAY = "|".join(_HOLIDAYS).replace("'", "['\u2019]")
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "a couple of": 2,
    "a couple": 2, "couple of": 2, "a few": 3, "few": 3, "several": 4, "the": 1,
}  # fmt: skip
_NEAR_DAYS = {
    "the day before yesterday": -2, "yesterday": -1, "last night": -1, "today": 0, "tonight": 0,
    "this morning": 0, "this afternoon": 0, "this evening": 0, "tomorrow": 1,
}  # fmt: skip
_STEPS = {"last": -1, "past": -1, "previous": -1, "this": 0, "next": 1}
# Prepositions that make a date the bound of a period, by the end of the period that it bounds.
_BOUNDS = {
    "since": "since",
    "until": "until|till|before|by|up to",
    "as of": "as of",
    "after": "after",
}

_UNIT = r"(?P<unit>day|night|week|weekend|fortnight|month|year|decade)s?"
_NUMBER = rf"(?P<number>\d{{1,3}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
# "Sept 3", "14 Feb."
_ANY_MONTH = "|".join(
    f"{m[:3]}(?:{m[3:]})?" if m != "september" else "sept?(?:ember)?" for m in MONTHS
)
_MONTH = rf"(?P<month>{_ANY_MONTH})"
_NAMED = rf"(?P<name>{'|'.join((*_DAYS, *_SEASONS))})"
_DAY_OF_MONTH = r"\d{1,2}(?:st|nd|rd|th)?(?![\d:])"
_WHICH = r"(?P<which>last|past|previous|this|next)"
# A number is a year where it stands like one: after a preposition, or beside a season or quarter.
# "In 2024 words" counts something, "port 2019" names something.
_YEAR = (
    r"(?:(?<=\bin )|(?<=\bof )|(?<=\bby )|(?<=\bto )|(?<=\band )|(?<=\bsince )|(?<=\bduring )|"
    r"(?<=\buntil )|(?<=\btill )|(?<=\bbefore )|(?<=\bafter )|(?<=\bfrom )|(?<=\baround )|"
    r"(?<=\byear )|(?<=\bearly )|(?<=\blate )|(?<=\bspring )|(?<=\bsummer )|(?<=\bautumn )|"
    r"(?<=\bfall )|(?<=\bwinter )|(?<=\bq[1-4] )|(?<=-)|(?<=\()|(?:^|(?<=[.!?] )))"
    r"(?P<plain_year>(?:19|20)\d\d)\b(?![\d.,]*\d|[-:/]\d|\s*(?:%|kg|km|m|people|times|of|"
    r"(?!was\b|is\b|has\b|as\b|this\b|always\b)[a-z]+s\b))"
)

# The narrowest scale over which the fit of a window falls off, in seconds: three days.
_MIN_SCALE = 3 * 86_400.0
# What is next to a window is not in it, however near that is. "Ten days ago" is said loosely,
# "yesterday" is not.
_OUTSIDE, _OUTSIDE_NEAR_DAY = 0.75, 0.15
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class TimeSpan:
    """A half-open interval of time, and where a text names it.

    Attributes:
        start: first moment, aware.
        end: first moment after it, aware.
        place: start and end offset of the expression in the lower-cased text.
        outside: how well an interval next to this one fits it, in [0, 1].
    """

    start: datetime
    end: datetime
    place: tuple[int, int] = (0, 0)
    outside: float = _OUTSIDE

    def contains(self, moment: datetime) -> bool:
        """Return whether a moment lies in the interval."""
        return self.start <= moment < self.end

    def fits(self, start: Floats, end: Floats) -> Floats:
        """Return how well intervals fit this one, in [0, 1]: 1 where they overlap.

        Outside the fit is `outside` at most, halves with every length of the span (three days at
        least) between the two, and is 0 from four lengths on.

        Args:
            start, end: seconds since 1970, of one shape; NaN stays NaN.
        """
        first, last = self.start.timestamp(), self.end.timestamp()
        distance = np.maximum(np.maximum(first - end, start - last), 0.0)
        scale = max(last - first, _MIN_SCALE)
        fit = np.where(distance > 0, self.outside, 1.0) * 0.5 ** (distance / scale)
        return np.asarray(np.where(distance < 4 * scale, fit, 0.0 * distance))


def _number_of(text: str) -> int:
    return int(text) if text.isdecimal() else _NUMBERS[text]


def _shift(moment: datetime, number: int, unit: str) -> datetime:
    """Return the moment `number` units later, or earlier if negative."""
    days = {"week": 7, "weekend": 7, "fortnight": 14, "day": 1, "night": 1}.get(unit)
    if days is not None:
        return moment + timedelta(days=days * number)
    months = {"month": 1, "year": 12, "decade": 120}[unit]
    later: datetime = moment + relativedelta(months=months * number)
    return later


def _calendar_unit(moment: datetime, unit: str) -> tuple[datetime, datetime]:
    """Return the calendar's day, week, weekend, month or year that contains a moment."""
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


# One reader per kind of expression: match and reference moment to start and end.


def _ago(match: re.Match[str], moment: datetime) -> tuple[datetime, datetime]:
    unit = match["unit"]
    return _calendar_unit(_shift(moment, -_number_of(match["number"]), unit), unit)


def _past(match: re.Match[str], moment: datetime) -> tuple[datetime, datetime]:
    return _shift(moment, -_number_of(match["number"]), match["unit"]), moment


def _near_day(match: re.Match[str], moment: datetime) -> tuple[datetime, datetime]:
    return _calendar_unit(moment + timedelta(days=_NEAR_DAYS[match[0]]), "day")


def _adjacent_unit(match: re.Match[str], moment: datetime) -> tuple[datetime, datetime]:
    unit = match["unit"]
    return _calendar_unit(_shift(moment, _STEPS[match["which"]], unit), unit)


def _named(match: re.Match[str], moment: datetime) -> tuple[datetime, datetime] | None:
    """A weekday or season: the latest one, or the one to come."""
    name, which = match["name"], match["which"]
    ahead = which == "next" or (which in (None, "this") and _speaks_of_future(match))
    if name in _DAYS:
        day, _ = _calendar_unit(moment, "day")
        days = (_DAYS.index(name) - day.weekday()) % 7
        if which == "this" and days == 0:
            return _calendar_unit(day, "day")
        days = (days or 7) if ahead else days - 7
        return _calendar_unit(day + timedelta(days=days), "day")
    year = _full_year(match["year"])
    start = datetime(year or moment.year, _SEASONS[name], 1, tzinfo=moment.tzinfo)
    if year:
        return start, start + relativedelta(months=3)
    start += relativedelta(years=1) if which == "next" else relativedelta()
    end = start + relativedelta(months=3)
    if which == "this":
        return start, end
    while ahead and end <= moment:
        start, end = start + relativedelta(years=1), end + relativedelta(years=1)
    # "Last summer" is over; a bare "summer" has at least begun.
    while not ahead and (end > moment if which == "last" else start > moment):
        start, end = start - relativedelta(years=1), end - relativedelta(years=1)
    return start, end


def _month_number(name: str) -> int:
    return next(n for n, month in enumerate(MONTHS, 1) if month.startswith(name[:3]))


def _full_year(digits: str | None) -> int | None:
    """The year of "2024", "'24" or "24"; two digits mean this century up to 68."""
    if digits is None:
        return None
    year = int(digits.lstrip("'\u2019"))
    return year if year > 99 else year + (2000 if year < 69 else 1900)


def _date(match: re.Match[str], moment: datetime) -> tuple[datetime, datetime] | None:
    digits, year = match["day"] or match["day2"], _full_year(match["year"])
    name, lead = match["month"], match["lead"]
    if not (digits or year) and not _is_dated_month(match, lead):
        return None
    day = int(re.sub(r"\D", "", digits)) if digits else None
    which = lead if lead in ("last", "next") else None
    ahead = which == "next" or (which is None and _speaks_of_future(match))
    month, unit = _month_number(name), "day" if day else "month"
    start = datetime(year or moment.year, month, day or 1, tzinfo=moment.tzinfo)
    if not year:
        _, end = _calendar_unit(start, unit)
        if ahead and (end <= moment or (which == "next" and start <= moment)):
            start += relativedelta(years=1)
        elif not ahead and (end > moment if which == "last" else start > moment) and lead != "this":
            start -= relativedelta(years=1)
    return _calendar_unit(start, unit)


def _is_dated_month(match: re.Match[str], lead: str | None) -> bool:
    """Whether a month without day and year is one: in "April called" or "march on" it is not."""
    if lead in ("and", "to"):
        before = match.string[: match.start()]
        return re.search(rf"\b(?:between|from)\b.*\b(?:{_ANY_MONTH})\s*$", before) is not None
    # "In Jan's house"
    return lead is not None and not match.string[match.end() :].startswith(("'s", "\u2019s"))


def _of_numbers(match: re.Match[str], moment: datetime) -> tuple[datetime, datetime] | None:
    """Year, month and day: "2024-02-14", "20240214"."""
    year, month, day = int(match["y"]), int(match["m"]), int(match["d"])
    return _calendar_unit(datetime(year, month, day, tzinfo=moment.tzinfo), "day")


def _day_first(match: re.Match[str], moment: datetime) -> tuple[datetime, datetime] | None:
    """ "14/02/2024", or "2/14/24" where that is no day first."""
    first, second = int(match["d"]), int(match["m"])
    return _of_three(*((first, second) if second <= 12 else (second, first)), match["y"], moment)


def _month_first(match: re.Match[str], moment: datetime) -> tuple[datetime, datetime] | None:
    """ "02/14/2024", or "14/2/24" where that is no month first."""
    first, second = int(match["d"]), int(match["m"])
    return _of_three(*((second, first) if first <= 12 else (first, second)), match["y"], moment)


def _of_three(
    day: int, month: int, written_year: str, moment: datetime
) -> tuple[datetime, datetime] | None:
    year = _full_year(written_year)
    assert year is not None
    return _calendar_unit(datetime(year, month, day, tzinfo=moment.tzinfo), "day")


def _holiday(match: re.Match[str], moment: datetime) -> tuple[datetime, datetime] | None:
    month, day = _HOLIDAYS[match["holiday"].replace("\u2019", "'")]
    year = _full_year(match["year"])
    start = datetime(year or moment.year, month, day, tzinfo=moment.tzinfo)
    ahead = match["which"] == "next" or (match["which"] is None and _speaks_of_future(match))
    if not year and match["which"] != "this":
        start += relativedelta(years=ahead and start <= moment) - relativedelta(
            years=not ahead and start > moment
        )
    return _calendar_unit(start, "day")


def _quarter(match: re.Match[str], moment: datetime) -> tuple[datetime, datetime]:
    start = datetime(int(match["y"]), 3 * int(match["q"]) - 2, 1, tzinfo=moment.tzinfo)
    return start, start + relativedelta(months=3)


def _year(match: re.Match[str], moment: datetime) -> tuple[datetime, datetime]:
    return _calendar_unit(datetime(int(match["plain_year"]), 1, 1, tzinfo=moment.tzinfo), "year")


# What is said of the time to come, and what is said of the past in the same sentence.
_FUTURE = re.compile(
    r"\b(?:will|won't|shall|going to|gonna|(?:is|are|'s|'re) (?:on|at|in|due|scheduled|set)|"
    r"due|scheduled|upcoming|plan(?:ning|s)? to|planned for|looking forward|see you|"
    r"(?:i|we|he|she|they|it|flight|train|bus|plane|meeting|course|class|school|show|term|semester|"
    r"vacation|holiday|trip) (?:start|begin|leave|fly|move|travel|arrive|depart|land|end|open)s?|"
    r"(?:am|are|is|'m|'re|'s) (?:\w+ly |also |not )?(?!being\b|going (?:well|on)\b)\w+ing|"
    r"(?:have|has|'ve|got) (?:an?|my|our|the|another) (?:\w+ ){0,2}(?:appointment|interview|"
    r"meeting|exam|flight|date|reservation|booking|ticket|deadline|surgery|checkup|call|test|presentation))\b|"
    r"\w'll\b"
)
_PAST = re.compile(
    r"\b(?:was|were|did|had|went|got|saw|met|came|took|made|bought|sold|left|ate|ran|found|lost|felt|"
    r"gave|told|said|heard|spent|flew|drove|won|began|broke|sent|wrote|called|thought|knew|read|"
    r"\w{2,}(?<!hundr)(?<!ne)(?<!spe)(?<!sche)(?<!f)ed(?<!scheduled)(?<!planned)(?<!need))\b"
)


def _speaks_of_future(match: re.Match[str]) -> bool:
    """Whether the sentence around an expression speaks of what is to come."""
    text = match.string
    begin = max(text.rfind(mark, 0, match.start()) for mark in ".!?;\n") + 1
    ends = [end for mark in ".!?;\n" if (end := text.find(mark, match.end())) >= 0]
    sentence = text[begin : min(ends, default=len(text))]
    return _FUTURE.search(sentence) is not None and _PAST.search(sentence) is None


_Reader = Callable[[re.Match[str], datetime], tuple[datetime, datetime] | None]
_YEAR_OF_DATE = r"(?:,?\s+(?:in\s+|of\s+)?(?P<year>(?:19|20)\d\d|['\u2019]\d\d)\b(?!:))?"
# Ordered: an expression that contains another comes before it.
_READERS: list[tuple[re.Pattern[str], _Reader]] = [
    (
        re.compile(r"\b(?P<y>(?:19|20)\d\d)(?P<sep>[-/.])(?P<m>\d\d?)(?P=sep)(?P<d>\d\d?)(?!\d)"),
        _of_numbers,
    ),
    (
        re.compile(r"\b(?:on|dated|date:?)\s+(?P<y>(?:19|20)\d\d)(?P<m>[01]\d)(?P<d>[0-3]\d)\b"),
        _of_numbers,
    ),
    (
        re.compile(
            r"(?<![\d./-])(?P<d>\d\d?)(?P<sep>[-/.])(?P<m>\d\d?)(?P=sep)(?P<y>(?:(?:19|20)\d|(?<=/))\d\d?)\b(?![-/.]\d)"
        ),
        _day_first,
    ),
    (
        re.compile(
            rf"(?:\b(?P<lead>early in|late in|in|of|during|since|by|until|till|before|after|"
            rf"between|from|last|this|next|early|late|mid|every|and|to)\s+)?"
            rf"(?:\b(?:the\s+)?(?P<day>{_DAY_OF_MONTH})\s+(?:of\s+)?)?\b{_MONTH}\b\.?"
            rf"(?:\s+(?:the\s+)?(?P<day2>{_DAY_OF_MONTH}))?{_YEAR_OF_DATE}"
        ),
        _date,
    ),
    (
        re.compile(
            rf"\b(?:{_WHICH}\s+)?(?P<holiday>{_ANY_HOLIDAY})\b"
            rf"{_YEAR_OF_DATE}"
        ),
        _holiday,
    ),
    (re.compile(r"\bq(?P<q>[1-4])\s*(?:of\s+|/)?(?P<y>(?:19|20)\d\d)\b"), _quarter),
    (re.compile(rf"\b{_NUMBER}\s+{_UNIT}\s+ago\b"), _ago),
    (re.compile(rf"\b(?:last|past)\s+{_NUMBER}\s+{_UNIT}\b"), _past),
    (re.compile(rf"\b(?:{'|'.join(_NEAR_DAYS)})\b"), _near_day),
    (re.compile(rf"\b{_WHICH}\s+{_UNIT}\b"), _adjacent_unit),
    (re.compile(rf"\b(?:{_WHICH}\s+)?{_NAMED}\b(?!'){_YEAR_OF_DATE}"), _named),
    (re.compile(_YEAR), _year),
]
# Cheap test before the readers: most texts name no time.
_ANY_SPAN = re.compile(
    rf"\b(?:ago|yesterday|today|tonight|tomorrow|last|past|previous|this|next|(?:19|20)\d\d\d{{0,4}}|"
    rf"\d\d?[-/.]\d\d?[-/.]\d\d|q[1-4]|christmas|new year|halloween|valentine|boxing day|"
    rf"{_ANY_MONTH}|{'|'.join((*_DAYS, *_SEASONS))})"
)
_MENTION = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|ago|last|next|weeks?|months?|years?|days?|weekend|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|morning|evening|night|recently|since|"
    rf"{'|'.join(MONTHS)}|(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
# Whatever the readers below find has one of these words; most texts have none.
TIME_WORDS = re.compile(
    rf"{_ANY_SPAN.pattern}|{_MENTION.pattern}|\b(?:before|after|since|following)\b", re.IGNORECASE
)
# No date is this long without a space.
_IDENTIFIER = re.compile(r"[a-z0-9_-]{20,}")


def _lower(text: str) -> str:
    """Lower the text and blank out identifiers, whose digits may look like a year."""
    return _IDENTIFIER.sub(lambda match: " " * len(match[0]), text.lower())


_MONTH_FIRST_READERS = [
    (pattern, _month_first if read is _day_first else read) for pattern, read in _READERS
]
# Dates of three numbers that exist in one order only.
_TOLD_ORDER = re.compile(
    r"(?<![\d./-])(?:(1[3-9]|2\d|3[01])/(?:0?\d|1[0-2])|(?:0?\d|1[0-2])/(1[3-9]|2\d|3[01]))/\d\d"
)


def mentions_time(text: str) -> bool:
    """Return whether a text holds an expression of time."""
    return _MENTION.search(_lower(text)) is not None


def find_time_spans(text: str, moment: datetime, *, day_first: bool = True) -> Iterator[TimeSpan]:
    """Yield the time spans that a text said at `moment` names, in order of appearance.

    Args:
        day_first: whether 3/4/2024 is 3 April where no other date of the text tells.

    Example:
        >>> from datetime import UTC, datetime
        >>> [span] = find_time_spans("I saw her yesterday", datetime(2023, 5, 8, tzinfo=UTC))
        >>> span.start.date()
        datetime.date(2023, 5, 7)
    """
    lowered = _lower(text)
    if _ANY_SPAN.search(lowered):
        # "From 3/4/2024 to 3/28/2024": the second date tells how the first is meant.
        orders = {first != "" for first, _ in _TOLD_ORDER.findall(lowered)}
        by_day = orders.pop() if len(orders) == 1 else day_first
        readers = _READERS if by_day else _MONTH_FIRST_READERS
        yield from sorted(_read_spans(lowered, moment, readers), key=lambda span: span.place)


def _read_spans(
    lowered: str, moment: datetime, readers: Sequence[tuple[re.Pattern[str], _Reader]]
) -> Iterator[TimeSpan]:
    taken: list[tuple[int, int]] = []
    for pattern, read in readers:
        for match in pattern.finditer(lowered):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            try:
                span = read(match, moment)
            except (OverflowError, ValueError):
                # A day that no calendar has, or outside the years that datetime can represent:
                # nothing within it is a date either.
                taken.append(match.span())
                continue
            if span is not None:
                taken.append(match.span())
                yield TimeSpan(*span, match.span())


_BETWEEN = re.compile(r"\b(?:between|from)\s*$")
_AND = re.compile(r"^\s*(?:and|to|until|till|-)\s+\w")
_OFFSET = re.compile(rf"\b{_NUMBER}\s+{_UNIT}\s+(?P<relation>before|after)\s*(?:the\s+)?$")
_BOUND_BEFORE = {
    kind: re.compile(rf"\b(?:{words})\s*(?:the\s+)?$") for kind, words in _BOUNDS.items()
}
_LEAD = re.compile(
    r"^(?:in|of|during|since|by|until|till|before|after|between|from|last|this|next|and|to)\s+"
)
# The clause after "before" and the like is an event; dates there are read by `find_windows`.
_ANCHORED = re.compile(
    rf"(?:\b{_NUMBER}\s+{_UNIT}\s+|\b(?P<shortly>shortly|right|just|soon|the day)\s+)?"
    r"\b(?P<relation>before|after|since|following)\s+(?P<clause>(?!that\b|then\b|it\b)[^,.?!;]{3,80})"
)


@dataclass(frozen=True)
class EventAnchor:
    """A time given relative to an event: "two days before my birthday".

    Attributes:
        clause: the event.
        relation: "before", "after" or "since".
        number, unit: distance from the event; `number` is None where the question gives none.
    """

    clause: str
    relation: str
    number: int | None = None
    unit: str = "day"

    def window(self, start: datetime, end: datetime, moment: datetime) -> TimeSpan:
        """Return the time meant, given that the event lasted from `start` to `end`."""
        if self.number is not None:
            step = -self.number if self.relation == "before" else self.number
            return TimeSpan(*_calendar_unit(_shift(start, step, self.unit), self.unit))
        if self.relation == "before":
            return TimeSpan(_EARLIEST, start)
        return TimeSpan(start if self.relation == "since" else end, max(moment, end))


def find_windows(text: str, moment: datetime, *, day_first: bool = True) -> tuple[TimeSpan, ...]:
    """Return the times that a question asked at `moment` is about, as "since May".

    Unlike `find_time_spans`, prepositions count: "before 2022" is everything up to 2022, and
    "between March and June" is one window.
    """
    lowered, spans = text.lower(), list(find_time_spans(text, moment, day_first=day_first))
    windows = []
    place = 0
    while place < len(spans):
        span = spans[place]
        lead = _LEAD.match(lowered[slice(*span.place)])
        before = lowered[: span.place[0] + (lead.end() if lead else 0)]
        following = spans[place + 1] if place + 1 < len(spans) else None
        if following and _BETWEEN.search(before) and _are_joined(lowered, span, following):
            end = following.end
            while end <= span.start:  # "between November and February"
                end += relativedelta(years=1)
            windows.append(TimeSpan(span.start, end))
            place += 1
        else:
            window = _bounded(before, span, moment)
            if window.start == span.start and lowered[slice(*span.place)] in _NEAR_DAYS:
                window = replace(window, outside=_OUTSIDE_NEAR_DAY)
            windows.append(window)
        place += 1
    return tuple(windows)


def _bounded(before: str, span: TimeSpan, moment: datetime) -> TimeSpan:
    """Apply the words before a date, which may make it the start or the end of a window."""
    if offset := _OFFSET.search(before):
        number = _number_of(offset["number"])
        anchor = EventAnchor("", offset["relation"], number, offset["unit"])
        return anchor.window(span.start, span.end, moment)
    bound = next((kind for kind, words in _BOUND_BEFORE.items() if words.search(before)), "")
    if bound == "since":
        return TimeSpan(span.start, max(moment, span.end))
    if bound == "until":
        return TimeSpan(_EARLIEST, span.start)
    if bound == "as of":
        return TimeSpan(_EARLIEST, span.end)
    if bound == "after":
        return TimeSpan(span.end, max(moment, span.end))
    return TimeSpan(span.start, span.end)


def _are_joined(lowered: str, first: TimeSpan, second: TimeSpan) -> bool:
    between = lowered[first.place[1] : second.place[1]]
    return _AND.match(between) is not None and len(between) < 40


def find_anchor(text: str, moment: datetime) -> EventAnchor | None:
    """Return the event that a question takes its time from, or None if it names a date."""
    match = _ANCHORED.search(text.lower())
    if match is None:
        return None
    dated = f"{match['relation']} {match['clause']}"
    if any(True for _ in find_time_spans(dated, moment)):
        return None
    relation = "after" if match["relation"] == "following" else match["relation"]
    clause = match["clause"].strip()
    if match["number"] is None:
        number = 1 if match["shortly"] else None
        return EventAnchor(
            clause, relation, number, "day" if match["shortly"] == "the day" else "week"
        )
    return EventAnchor(clause, relation, _number_of(match["number"]), match["unit"])


_PARTIAL = re.compile(
    rf"(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?)?\b(?P<month>{_ANY_MONTH})\b"
    r"(?:\s+(?P<day2>\d{1,2})(?:st|nd|rd|th)?(?!\d))?(?:,?\s+(?P<year>(?:19|20)\d\d))?"
)
# A bare "may" is usually the verb, and "April" may be a woman.
_DATED = re.compile(
    rf"\b(?:in|of|during|since|by|until|before|after|last|this|next|early|late|and|to|from|between)"
    rf"\s+(?:{_ANY_MONTH})$"
)
YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_PLAIN_YEAR = re.compile(_YEAR)
# "since May" bounds a period and is no date on which something happened.
_BOUND_DATE = re.compile(
    rf"\b(?:{'|'.join(_BOUNDS.values())})\s+(?:the\s+)?(?:{_PARTIAL.pattern}|{YEAR.pattern})"
)


@dataclass(frozen=True)
class PartialDate:
    """A calendar date as far as a text gives it; None for the parts it leaves open."""

    year: int | None
    month: int | None
    day: int | None

    def fits(self, moment: datetime) -> float:
        """Return how well something said at `moment` fits the date, in [0, 1.5].

        People talk about an event on the day or some days later, so the week after a date
        fits it too.
        """
        if self.month is None:
            return 0.3 if moment.year == self.year else 0.0
        if self.day is None:
            same = moment.month == self.month and self.year in (None, moment.year)
            return 1.0 if same else 0.0
        days = self._days_until(moment)
        if days is None:
            return 0.0
        if abs(days) <= 1:
            return 1.5
        return 1.0 if 1 < days <= 8 else 0.3 if moment.month == self.month else 0.0

    def _days_until(self, moment: datetime) -> float | None:
        """Days from the date to a moment, None where they are more than a month apart."""
        assert self.month is not None
        assert self.day is not None
        try:
            date = datetime(self.year or moment.year, self.month, self.day, 12, tzinfo=UTC)
        except ValueError:
            return None
        days = (moment - date) / timedelta(days=1)
        if self.year is None and days < -300:  # said in January about a date in December
            days += 365
        return days if abs(days) <= 31 else None


def find_partial_dates(text: str) -> tuple[PartialDate, ...]:
    """Return the dates named in a text, such as "7 May 2023", "May 2023" or "2023".

    Dates that bound a period ("since May") are left to `find_windows`.

    Example:
        >>> find_partial_dates("What happened on 7 May?")
        (PartialDate(year=None, month=5, day=7),)
    """
    lowered = _BOUND_DATE.sub("", _lower(text))
    dates = []
    for match in _PARTIAL.finditer(lowered):
        day = match["day"] or match["day2"]
        dated = _DATED.search(lowered[: match.end()])
        if not (day or match["year"] or dated):
            continue
        year = int(match["year"]) if match["year"] else None
        month = _month_number(match["month"])
        dates.append(PartialDate(year, month, int(day) if day else None))
    if not dates:
        dates = [PartialDate(int(year), None, None) for year in _PLAIN_YEAR.findall(lowered)]
    return tuple(dates)

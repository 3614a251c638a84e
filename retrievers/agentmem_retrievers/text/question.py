"""What a question says besides its words: whom it names, which dates, what kind of answer."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from agentmem_retrievers.text.dates import BOUNDS, MONTHS, lowered
from agentmem_retrievers.text.rewriting import addressed
from agentmem_retrievers.text.time_windows import Window
from agentmem_retrievers.text.tokenize import stems_of, tokenize, words_in

__all__ = ["RELATIVES", "Period", "Question", "dates_in", "ends_asking", "speaks_of_time"]

# People whom somebody has, as a pattern; in the singular.
RELATIVES = (
    "brother|sister|mother|mom|mum|father|dad|parents?|uncle|aunt|cousin|nephew|niece|grandma|"
    "grandpa|grandmother|grandfather|son|daughter|kids?|child|children|husband|wife|partner|"
    "girlfriend|boyfriend|fiancee?|friend|buddy|neighbou?r|colleague|co-?worker|boss|manager|"
    "teacher|landlord|landlady|flatmate|roommate|guest|in-law"
)

_MONTH = "|".join(MONTHS)
_DATE = re.compile(
    rf"(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?)?\b(?P<month>{_MONTH})\b"
    r"(?:\s+(?P<day2>\d{1,2})(?:st|nd|rd|th)?(?!\d))?(?:,?\s+(?P<year>(?:19|20)\d\d))?"
)
# "may" is a verb more often than a month.
_MAY = re.compile(r"\b(?:in|of|during|since|by|until|before|after|last|this|next)\s+may\b")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_TIME = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|ago|last|next|weeks?|months?|years?|days?|weekend|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|morning|evening|night|recently|since|"
    rf"{_MONTH}|(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_KEY = re.compile(r"(?=.*\d)\w{4,}")
_WHEN = re.compile(
    r"^\W*(?:when|how long|since when|(?:what|which) (?:date|day|month|year|time))\b", re.IGNORECASE
)
# A time that is still to come is asked for so: "When is she going to", "When did they plan to".
_AHEAD = re.compile(r"\b(?:is|are|will|going to|plan(?:s|ned|ning)?|upcoming)\b", re.IGNORECASE)
# Where a stretch of time ends or begins, not when something was.
_BOUND = re.compile(
    rf"\b(?:{'|'.join(BOUNDS.values())})\s+(?:the\s+)?"
    rf"(?:{_DATE.pattern}|{_YEAR.pattern})"
)


def speaks_of_time(text: str) -> bool:
    """Whether a text holds an expression of time."""
    return _TIME.search(lowered(text)) is not None


def ends_asking(text: str) -> bool:
    """Whether a text ends in a question, whatever is noted in brackets behind it."""
    end = text.rstrip()
    if end.endswith("]"):
        said, bracket, note = end.rpartition("[")
        if bracket and "]" not in note[:-1]:
            end = said.rstrip()
    return end.endswith("?")


@dataclass(frozen=True)
class Period:
    """A date as far as a question gives it; None for what it leaves open."""

    year: int | None
    month: int | None
    day: int | None

    def fits(self, moment: datetime) -> float:
        """How well something said at `moment` fits, in [0, 1.5].

        People speak of things on the day or some days later, so what was said within the week
        after a date fits it too.
        """
        if self.month is None:
            return 0.3 if moment.year == self.year else 0.0
        if self.day is None:
            same = moment.month == self.month and self.year in (None, moment.year)
            return 1.0 if same else 0.0
        days = self._days_after(moment)
        if days is None:
            return 0.0
        if abs(days) <= 1:
            return 1.5
        return 1.0 if 1 < days <= 8 else 0.3 if moment.month == self.month else 0.0

    def _days_after(self, moment: datetime) -> float | None:
        assert self.month is not None
        assert self.day is not None
        try:
            date = datetime(self.year or moment.year, self.month, self.day, 12, tzinfo=UTC)
        except ValueError:
            return None
        days = (moment - date) / timedelta(days=1)
        if self.year is None and days < -300:  # said in January of a date in December
            days += 365
        return days if abs(days) <= 31 else None


def dates_in(text: str) -> tuple[Period, ...]:
    """Return the dates named in a text, such as "7 May 2023", "May 2023" or "2023".

    Not those up to which or from which on something was, "since May": see `windows_in`.
    """
    said = _BOUND.sub("", lowered(text))
    found = []
    for match in _DATE.finditer(said):
        day = match["day"] or match["day2"]
        if match["month"] == "may" and not (day or match["year"] or _MAY.search(said)):
            continue
        found.append(
            Period(
                int(match["year"]) if match["year"] else None,
                MONTHS.index(match["month"]) + 1,
                int(day) if day else None,
            )
        )
    if not found:
        found = [Period(int(year), None, None) for year in _YEAR.findall(said)]
    return tuple(found)


@dataclass(frozen=True)
class Question:
    """A query's text, read.

    Attributes:
        speakers: the stems of the names of those who speak in the scope.
        windows: the times that it asks about, as far as they depend on when it is asked.
    """

    text: str
    speakers: Collection[str]
    windows: tuple[Window, ...] = ()

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """Its stems."""
        return tuple(dict.fromkeys(tokenize(self.text)))

    @cached_property
    def rest(self) -> tuple[str, ...]:
        """Its stems but for the names of speakers, whose words are everywhere in what they say."""
        return tuple(term for term in self.terms if term not in self.speakers)

    @cached_property
    def keys(self) -> frozenset[str]:
        """Numbers and identifiers among `rest`: they stand for one thing, however they look."""
        return frozenset(t for t in self.rest if _KEY.fullmatch(t) and not _YEAR.fullmatch(t))

    @cached_property
    def content(self) -> dict[str, str]:
        """The stems of `rest`, each with the word as it is written."""
        words = words_in(self.text)
        pairs = zip(stems_of(words), words, strict=True)
        return {stem: word for stem, word in pairs if stem not in self.speakers}

    @cached_property
    def named(self) -> frozenset[str]:
        """The stems of the speakers that it names."""
        return frozenset(self.terms) & frozenset(self.speakers)

    @cached_property
    def asks_when(self) -> bool:
        """Whether a time is the answer."""
        return _WHEN.search(self.text) is not None

    @cached_property
    def asks_ahead(self) -> bool:
        """Whether what it asks about is still to come, or was when it was spoken of."""
        return _AHEAD.search(self.text) is not None

    @cached_property
    def periods(self) -> tuple[Period, ...]:
        """The dates that it names."""
        return dates_in(self.text)

    @cached_property
    def addressed(self) -> str:
        """Its text as it would be put to the speakers whom it names."""
        return addressed(self.text, self.named)

"""Parse a question: its terms, the speakers it names, its dates and the kind of answer it wants."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from agentmem_retrievers.text.dates import (
    TIME_WORDS,
    YEAR,
    PartialDate,
    TimeSpan,
    find_partial_dates,
)
from agentmem_retrievers.text.rewriting import to_second_person
from agentmem_retrievers.text.tokenize import stems_of, words_in

__all__ = ["RELATIVES", "Question", "ends_with_question"]

# Words for people one has, as a pattern; singular.
RELATIVES = (
    "brother|sister|mother|mom|mum|father|dad|parents?|uncle|aunt|cousin|nephew|niece|grandma|"
    "grandpa|grandmother|grandfather|son|daughter|kids?|child|children|husband|wife|partner|"
    "girlfriend|boyfriend|fiancee?|friend|buddy|neighbou?r|colleague|co-?worker|boss|manager|"
    "teacher|landlord|landlady|flatmate|roommate|guest|in-law"
)

_IDENTIFIER = re.compile(r"(?=.*\d)\w{4,}")
_WHEN = re.compile(
    r"^\W*(?:when|how long|since when|(?:what|which) (?:date|day|month|year|time))\b", re.IGNORECASE
)
# "When is she going to ...", "When did they plan to ...".
_FUTURE = re.compile(r"\b(?:is|are|will|going to|plan(?:s|ned|ning)?|upcoming)\b", re.IGNORECASE)


def ends_with_question(text: str) -> bool:
    """Return whether a text ends in a question, ignoring a note in brackets after it."""
    end = text.rstrip()
    if end.endswith("]"):
        spoken, bracket, note = end.rpartition("[")
        if bracket and "]" not in note[:-1]:
            end = spoken.rstrip()
    return end.endswith("?")


@dataclass(frozen=True)
class Question:
    """A parsed query.

    Attributes:
        text: the query.
        speakers: stems of the names of everybody who speaks in the scope.
        windows: the times it asks about, where they depend on when it is asked.

    Example:
        >>> question = Question("Where does Mel live?", {"mel"})
        >>> question.terms, question.rest, question.addressed
        (('mel', 'live'), ('live',), 'Where do you live?')
    """

    text: str
    speakers: Collection[str]
    windows: tuple[TimeSpan, ...] = ()

    @cached_property
    def words(self) -> dict[str, str]:
        """Each distinct stem, in order, with the last word that has it."""
        words = words_in(self.text)
        return dict(zip(stems_of(words), words, strict=True))

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """The distinct stems."""
        return tuple(self.words)

    @cached_property
    def rest(self) -> tuple[str, ...]:
        """The stems without speakers' names, which every turn of a speaker matches."""
        return tuple(term for term in self.words if term not in self.speakers)

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Numbers and keys among `rest`, but no years; they match only themselves."""
        return frozenset(
            term for term in self.rest if _IDENTIFIER.fullmatch(term) and not YEAR.fullmatch(term)
        )

    @cached_property
    def content(self) -> dict[str, str]:
        """The stems of `rest`, each with its word."""
        return {stem: self.words[stem] for stem in self.rest}

    @cached_property
    def named(self) -> frozenset[str]:
        """The stems of the speakers that it names."""
        return frozenset(self.terms) & frozenset(self.speakers)

    @cached_property
    def asks_when(self) -> bool:
        """Whether it asks for a time."""
        return _WHEN.search(self.text) is not None

    @cached_property
    def asks_about_future(self) -> bool:
        """Whether it asks about something to come, or that was to come when mentioned."""
        return _FUTURE.search(self.text) is not None

    @cached_property
    def dates(self) -> tuple[PartialDate, ...]:
        """The dates that it names."""
        return find_partial_dates(self.text) if TIME_WORDS.search(self.text) else ()

    @cached_property
    def addressed(self) -> str:
        """The text put to the speakers that it names; see `to_second_person`."""
        return to_second_person(self.text, self.named) if self.named else self.text

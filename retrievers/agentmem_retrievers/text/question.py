"""Parse a question: its terms, the speakers it names, its dates and the kind of answer it wants."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from agentmem_retrievers.text.dates import (
    TIME_WORDS,
    YEAR,
    PartialDate,
    TimeSpan,
    find_partial_dates,
)
from agentmem_retrievers.text.rewriting import to_second_person
from agentmem_retrievers.text.tokenize import content_words, literals_in, stems_of, text_key

__all__ = [
    "FIRST_PERSON", "NEGATION", "PRESENT", "RELATIVES", "Question", "ends_with_question",
    "is_question",
]  # fmt: skip

# Words for people one has, as a pattern; singular.
RELATIVES = (
    "brother|sister|mother|mom|mum|father|dad|parents?|uncle|aunt|cousin|nephew|niece|grandma|"
    "grandpa|grandmother|grandfather|son|daughter|kids?|child|children|husband|wife|partner|"
    "girlfriend|boyfriend|fiancee?|friend|buddy|neighbou?r|colleague|co-?worker|boss|manager|"
    "teacher|landlord|landlady|flatmate|roommate|guest|in-law"
)

# Words of a question that ask for the present, which no statement repeats. They are not looked for;
# `ranking.latest_value` reads them.
PRESENT = frozenset({"now", "currently", "nowadays", "presently"})

_IDENTIFIER = re.compile(r"(?=.*\d)\w{4,}")
_WHEN = re.compile(
    r"^\W*(?:when|how long|since when|(?:what|which) (?:date|day|month|year|time))\b", re.IGNORECASE
)
# "When is she going to ...", "When did they plan to ...".
_FUTURE = re.compile(r"\b(?:is|are|will|going to|plan(?:s|ned|ning)?|upcoming)\b", re.IGNORECASE)
# In the languages of `text.tokenize`, and in Chinese, Japanese and Thai.
# "US" is a country.
FIRST_PERSON = re.compile(
    r"\b(?!(?-i:US)\b)(?:i|me|my|mine|we|us|our|ours|myself|ich|mich|mir|mein(?:e[mnrs]?)?|wir|uns|unser(?:e[mnrs]?)?|"
    r"je|j|moi|mon|ma|mes|nous|yo|mí|mis?|nuestr[oa]s?|io|mi[oaei]|miei|noi|nostr[oaie]|eu|meus?|"
    r"minhas?|noss[oa]s?|ik|mij|mijn|ons|onze)\b|我|私|僕|俺|わたし|ฉัน|ผม",
    re.IGNORECASE,
)
# Asks for what the assistant said: "you recommended", "did we decide", "our last chat", "remind me
# what". Not "can you recommend" or "what should you remind me of", which ask for an answer now.
_SAID = (
    "said|told me|mentioned|recommended|suggested|gave|provided|listed|explained|described|"
    "proposed|advised|wrote|shared|created|generated|drafted"
)
_SAY = (
    "say|tell me|mention|recommend|suggest|give|provide|list|explain|describe|propose|advise|"
    "write|share|create|generate|draft|discuss|talk|decide|agree|come up"
)
_ASKS_FOR_REPLY = re.compile(
    r"(?<!should you )(?<!must you )\bremind me "
    r"(?:what|which|who|whose|where|when|why|how|of|about)\b"
    r"|\b(?:previous|last|earlier|past|prior|recent) (?:chats?|conversations?|discussions?|"
    r"answers?|repl(?:y|ies))\b"
    r"|\b(?:we|you) (?:\w+ ){0,2}?(?:discussed|talked|chatted|decided|agreed|came up|went over)\b"
    r"|\b(?:we|you)(?: just| previously| earlier| already| once| also| specifically)? "
    rf"(?:{_SAID})\b"
    rf"|\bdid (?:you|we) (?:\w+ ){{0,2}}?(?:{_SAY})\b"
    rf"|\byou(?:['\u2019]ve|['\u2019]d| have| had) (?:\w+ )?(?:{_SAID}|given|written)\b"
    r"|\byour (?:\w+ )?(?:suggestions?|recommendations?|advice|answers?|responses?|explanations?|"
    r"repl(?:y|ies)|instructions)\b",
    re.IGNORECASE,
)
_OF_SELF = re.compile(r"\b(?:i|me|my|mine|we|us|our|i'm|i've|the user)\b", re.IGNORECASE)
_MY_RELATIVE = re.compile(
    rf"\b(?:my|our)\s+(?:[a-z-]+\s+){{0,2}}(?P<who>{RELATIVES})\b(?!\W*$)", re.IGNORECASE
)
# Asks for the past or for everything; "what was it again?" asks for the present.
_PAST = re.compile(
    r"\bbefore\W*$|(?<!of )\ball\b|"
    r"\b(?:did|was|were|had(?! to\b)|used|formerly|first(?! name)|ever|different|previous|"
    r"(?<!how )old)\b",
    re.IGNORECASE,
)
# "When do I get up?" asks for the present, "when have I got up late?" does not.
_COUNTS = re.compile(
    r"^\W*(?:when|how (?:long|often|many|much))\b(?!.*\b(?:do|does|am|is|are) (?:i|my|we|our)\b)",
    re.IGNORECASE,
)
# Past tense that asks for what held at `as_of`.
_PAST_TENSE = re.compile(r"\b(?:did|was|were|had)\b", re.IGNORECASE)
_NOW = re.compile(
    r"\b(?:now|again|currently|these days|at the moment|nowadays|most recent(?:ly)?|latest)\b",
    re.IGNORECASE,
)
NEGATION = re.compile(
    r"n['\u2019]t\b|\b(?:not|never|no|nor|none|without|stopped|quit|cannot|anymore)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+|\n+")
_YEAR_OR_DAY = re.compile(r"(?:19|20)\d\d|\d{1,2}(?:st|nd|rd|th)|\d{4}-\d\d(?:-\d\d)?")
_BESIDE_MONTH = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2}\b|"
    r"\b\d{1,2} (?:of )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b",
    re.IGNORECASE,
)


def is_question(text: str) -> bool:
    """Return whether a text consists of questions alone.

    Example:
        >>> is_question("Where is my key? Have you seen it?"), is_question("I lost it. Help?")
        (True, False)
    """
    sentences = [s.rstrip("\"')* ") for s in _SENTENCE_END.split(text.strip()) if s.strip()]
    return bool(sentences) and all(s.endswith(("?", "\uff1f")) for s in sentences)


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
        words, language = self._content
        # A question of nothing else is looked for as it is.
        words = [word for word in words if word not in PRESENT] or words
        return dict(zip(stems_of(words, language), words, strict=True))

    @cached_property
    def language(self) -> str:
        """Snowball's name of its language; see `content_words`."""
        return self._content[1]

    @cached_property
    def _content(self) -> tuple[list[str], str]:
        return content_words(self.text)

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
    def literals(self) -> tuple[str, ...]:
        """Its literals, without years and days, which are compared as dates."""
        text = _BESIDE_MONTH.sub(" ", self.text)
        return tuple(dict.fromkeys(t for t in literals_in(text) if not _YEAR_OR_DAY.fullmatch(t)))

    @cached_property
    def text_key(self) -> np.uint64:
        """The hash by which turns with the same text are found; see `text_key`."""
        return np.uint64(text_key(self.text))

    @cached_property
    def asks_for_reply(self) -> bool:
        """Whether it asks for what the assistant said."""
        return _ASKS_FOR_REPLY.search(self.text) is not None

    @cached_property
    def first_person(self) -> bool:
        """Whether it asks about the user, and not for what the assistant said."""
        return not self.asks_for_reply and FIRST_PERSON.search(self.text) is not None

    @cached_property
    def asks_of_user(self) -> bool:
        """Whether it asks for something of the user, and of nobody else."""
        return (
            _OF_SELF.search(self.text) is not None
            and _MY_RELATIVE.search(self.text) is None
            and not self.named
        )

    def asks_for_present(self, *, as_of: bool = False) -> bool:
        """Return whether it asks for what holds rather than for what held.

        Args:
            as_of: whether it is asked as of a moment in the past, so that "did" means then.
        """
        text = _PAST_TENSE.sub("", self.text) if as_of else self.text
        asks_for_past = _PAST.search(text) or _COUNTS.search(text)
        return asks_for_past is None or _NOW.search(self.text) is not None

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

"""Latest value first: where a question asks for a current value, newer statements of it win.

A turn says more than one thing, so an outdated fact does not outdate its turn. But where a
question asks for an attribute of somebody, the turn that stated its value last is the answer, and
turns that stated it earlier follow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from agentmem_retrievers.index.fact_index import SELF, AttributeKey, FactEvidence, FactIndex
from agentmem_retrievers.index.table import Rows, VisibilityMask
from agentmem_retrievers.ranking.pipeline import TurnRanking
from agentmem_retrievers.ranking.scoring import Ranking
from agentmem_retrievers.text.question import RELATIVES, Question
from agentmem_retrievers.text.tokenize import tokenize
from agentmem_stores import Entry, Granularity, MemoryStore, Vectors

__all__ = [
    "AttributeClassifier",
    "LatestValue",
    "NoAttributes",
    "asks_for_present",
    "asks_of_user",
    "competing_statements",
    "likely_statements",
    "newest_first",
]

T = TypeVar("T")

# A question asks for an attribute if it does so with this probability.
_MIN_PROBABILITY = 0.3
# A question is about the user if it is with this probability.
_MIN_OF_USER = 0.7
# A turn states the attribute asked for if it is as likely to as this share of the likeliest turn,
# which must itself be as likely as this.
_SHARE_OF_LIKELIEST, _MIN_LIKELIHOOD = 0.2, 0.1
# Attributes that the classifier does not know: of this many nearest turns, those compete whose
# cosine to the question is this close to the best one's, and whose cosine to that one is at least
# this.
_NEAREST = 50
_COSINE_MARGIN, _MIN_COSINE = 0.15, 0.3
# A turn this near to the question that states no attribute refutes the classifier.
_CERTAIN_COSINE = 0.5
# This many statements are put before everything else; one of them may be no statement after all.
_LIFTED = 3
# Hints count if they are among this many best hits.
_HINTS_AMONG = 5
# Two texts share a frame if they have this many words in common and differ at one place by up to
# this many; at most this many texts are compared with this many.
_FRAME_WORDS, _FRAME_FILLING, _MAX_FRAMES = 4, 4, 50

_WORD = re.compile(r"[\w'-]+")
_FIRST_PERSON = re.compile(r"\b(?:i|me|my|mine|we|us|our|i'm|i've|the user)\b", re.IGNORECASE)
_OTHER_PERSON = re.compile(
    r"\b(?i:he|she|they|him|her|hers|his|their|them|you|your|yours|people)\b|\w\W+[A-Z][a-z]"
)
_MY_RELATIVE = re.compile(
    rf"\b(?:my|our)\s+(?:[a-z-]+\s+){{0,2}}(?P<who>{RELATIVES})\b", re.IGNORECASE
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


class AttributeClassifier(Protocol):
    """What the ranking needs to know about attributes of people; facts provide it."""

    def attributes_asked(self, question: Vectors) -> Mapping[str, float]:
        """Return the attributes that a question may ask for, with probabilities.

        Args:
            question: its embedding, shape (dimension,).
        """

    def is_own(self, text: str) -> bool:
        """Return whether a text may be about its speaker."""


class NoAttributes:
    """A classifier that knows no attribute."""

    def attributes_asked(self, question: Vectors) -> Mapping[str, float]:
        """Return nothing."""
        return {}

    def is_own(self, text: str) -> bool:
        """Return True."""
        return True


def asks_for_present(question: Question, *, as_of: bool = False) -> bool:
    """Return whether a question asks for what holds rather than for what held.

    Args:
        as_of: whether it is asked as of a moment in the past, so that "did" means then.
    """
    text = _PAST_TENSE.sub("", question.text) if as_of else question.text
    asks_for_past = _PAST.search(text) or _COUNTS.search(text)
    return asks_for_past is None or _NOW.search(question.text) is not None


def asks_of_user(question: Question, attributes: Mapping[str, float], facts: FactIndex) -> float:
    """Return how likely a question asks for something of the user, in [0, 1].

    "Favorite food?" may ask of anybody; it asks of the user if the attribute is that likely.

    Args:
        attributes: that it may ask for, with probabilities.
    """
    # "What is my brother's job?" does not ask for my job, though "who is my boss?" does.
    terms = set(question.terms)
    for subject, _ in facts.by_key:
        if subject != SELF and subject not in attributes and terms & set(tokenize(subject)):
            return 0.0
    relative = _MY_RELATIVE.search(question.text)
    if relative and relative["who"].lower() not in attributes:
        return 0.0
    if _FIRST_PERSON.search(question.text):
        return 1.0
    if question.identifiers or _OTHER_PERSON.search(question.text):
        return 0.0
    return max(attributes.values(), default=0.0)


def _keys_asked(
    question: Question, attributes: Mapping[str, float], facts: FactIndex
) -> list[AttributeKey]:
    """Return the attributes asked for besides those of the user that the classifier knows.

    These are attributes of others, if the question says "now" (without it, it asks for everything
    said about them as often as not), and any attribute that it names.
    """
    terms, keys = set(question.terms), []
    says_now = _NOW.search(question.text) is not None
    first_person = _FIRST_PERSON.search(question.text) is not None
    for subject, name in facts.by_key:
        of_self = subject == SELF
        if not (first_person if of_self else says_now and terms & set(tokenize(subject))):
            continue
        probable = not of_self and attributes.get(name, 0.0) >= _MIN_PROBABILITY
        if probable or terms >= set(tokenize(name)):
            keys.append((subject, name))
    return keys


@dataclass(frozen=True)
class LatestValue:
    """Puts newer statements of a value before older ones, where a question asks for the value."""

    store: MemoryStore
    classifier: AttributeClassifier

    def reorder(self, ranking: TurnRanking, turns: Ranking) -> Ranking:
        """Return the ranked turns, with the latest statements of what is asked for first."""
        question, facts = ranking.question, ranking.index.facts
        mask = ranking.masks[Granularity.TURN]
        off = "currency" in ranking.settings.off
        if off or not asks_for_present(question, as_of=mask.as_of is not None):
            return turns
        known = bool(facts.by_key)
        attributes = self.classifier.attributes_asked(ranking.vector) if known else {}
        of_user = asks_of_user(question, attributes, facts)
        if of_user >= _MIN_OF_USER:
            statements: list[int] = []
            if known:
                evidence = _visible_rows(mask, facts.evidence(attributes))
                statements = likely_statements(attributes, evidence)
            if of_user == 1:
                statements = self._competing(ranking, statements) or statements
            turns = newest_first(turns, statements, lift=True)
        for key in _keys_asked(question, attributes, facts) if known else ():
            stating = _visible_rows(mask, facts.turns(key))
            if key[0] != SELF:
                turns = newest_first(turns, _credible(stating, turns), lift=False)
            elif of_user == 1 and key[1] not in attributes:
                turns = newest_first(turns, _certain(stating), lift=True)
        return turns

    def _competing(self, ranking: TurnRanking, statements: Sequence[int]) -> list[int]:
        """Return the rows that may state an attribute that the classifier does not know.

        Args:
            statements: rows that state a known attribute; if they are credible, nothing is
                returned.
        """
        nearest = ranking.sources.nearest(Granularity.TURN)
        if nearest is None:
            return []
        rows = nearest.rows[:_NEAREST]
        if statements:
            # They are not credible if a turn of the user is nearer than all of them, and very near.
            not_near = nearest.similarities[:_NEAREST] < _CERTAIN_COSINE
            stop = np.flatnonzero(np.isin(rows, statements) | not_near)
            if not self._own_entries(ranking, rows[: stop[0]] if len(stop) else rows):
                return []
        entries = self._own_entries(ranking, rows)
        row_of = ranking.index.tables[Granularity.TURN].row_of
        return [row_of[e.memory.id] for e in competing_statements(ranking.vector, entries)]

    def _own_entries(self, ranking: TurnRanking, rows: Rows) -> list[Entry]:
        """Return what the user said about themselves in these rows."""
        if not len(rows):
            return []
        table = ranking.index.tables[Granularity.TURN]
        scope, ids = ranking.sources.scope, [table.ids[row] for row in rows]
        return [
            entry
            for entry in self.store.get(scope, Granularity.TURN, ids)
            if entry.memory.role == "user"
            and entry.memory.speaker is None
            and self.classifier.is_own(entry.memory.text)
        ]


def _visible_rows(mask: VisibilityMask, by_turn: Mapping[str, T]) -> dict[int, T]:
    """Replace the ids of turns by their rows; leave out what the question may not find."""
    row_of = mask.table.row_of
    by_row = {row_of[i]: value for i, value in by_turn.items() if i in row_of}
    visible = mask.at(np.array(list(by_row), dtype=np.intp))
    return {
        row: v for (row, v), is_visible in zip(by_row.items(), visible, strict=True) if is_visible
    }


def likely_statements(
    attributes: Mapping[str, float], evidence: Mapping[int, FactEvidence]
) -> list[int]:
    """Return the rows that are nearly as likely as any to state what is asked for, oldest first.

    Newer turns with the frame of one of them are included: "I live in Oslo now", "I live in Rome
    now".

    Args:
        attributes: that may be asked for, with probabilities.
        evidence: by row, oldest first.
    """
    best = max((each.likelihood for each in evidence.values()), default=0.0)
    if max(attributes.values(), default=0.0) < _MIN_PROBABILITY or best < _MIN_LIKELIHOOD:
        return []
    likely = [each.likelihood >= _SHARE_OF_LIKELIEST * best for each in evidence.values()]
    framed = _with_same_frame([each.text for each in evidence.values()], likely)
    return [row for row, is_framed in zip(evidence, framed, strict=True) if is_framed]


def competing_statements(question: Vectors, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that may state the same as the nearest to a question, oldest first.

    These are nearly as near and similar to the nearest, or have the frame of one that is.

    Args:
        question: its embedding, shape (dimension,).
    """
    if not entries:
        return []
    ordered = sorted(entries, key=lambda entry: (entry.memory.said_at, entry.memory.position))
    vectors = np.stack([entry.vector for entry in ordered])
    cosines = vectors @ question
    best = int(cosines.argmax())
    near = cosines >= cosines[best] - _COSINE_MARGIN
    same = near & (vectors @ vectors[best] >= _MIN_COSINE)
    framed = _with_same_frame([entry.memory.text for entry in ordered], same.tolist())
    return [entry for entry, is_framed in zip(ordered, framed, strict=True) if is_framed]


def _with_same_frame(texts: Sequence[str], known: Sequence[bool]) -> list[bool]:
    """Return which texts are known, or newer with the frame of a known one.

    Args:
        texts: oldest first; at least one is known.
    """
    last = max(n for n, is_known in enumerate(known) if is_known)
    latest = [text for text, is_known in zip(texts, known, strict=True) if is_known]
    frames = [_WORD.findall(text.lower()) for text in latest[-_MAX_FRAMES:]]
    first = max(last + 1, len(texts) - _MAX_FRAMES)
    newer = [_WORD.findall(text.lower()) for text in texts[first:]]
    same = [any(_same_frame(words, frame) for frame in frames) for words in newer]
    return [*known[:first], *same]


def _same_frame(one: Sequence[str], other: Sequence[str]) -> bool:
    begin = _common_prefix(one, other)
    same = begin + _common_prefix(one[begin:][::-1], other[begin:][::-1])
    return same >= _FRAME_WORDS and max(len(one), len(other)) - same <= _FRAME_FILLING


def _common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    shorter = min(len(one), len(other))
    return next((n for n, (a, b) in enumerate(pairs) if a != b), shorter)


def _certain(turns: Mapping[int, bool]) -> list[int]:
    return [row for row, is_certain in turns.items() if is_certain]


def _credible(turns: Mapping[int, bool], ranking: Ranking) -> list[int]:
    """Return the rows that state an attribute, in their order.

    A hint counts if the ranking puts it before a certain statement, or among the best.

    Args:
        turns: rows, each with whether it certainly states the attribute.
    """
    place = {int(row): n for n, row in enumerate(ranking.rows)}
    certain = [place.get(row, -1) for row, is_certain in turns.items() if is_certain]
    last = max([_HINTS_AMONG - 1, *certain])
    return [
        row for row, is_certain in turns.items() if is_certain or place.get(row, len(place)) <= last
    ]


def newest_first(ranking: Ranking, statements: Sequence[int], *, lift: bool) -> Ranking:
    """Order statements of one attribute newest first, in the places that they hold.

    Args:
        statements: rows, oldest first.
        lift: put the newest `_LIFTED` before everything else, and add rows that are not ranked.
    """
    if lift:
        ranking = _append(ranking, np.array(statements, dtype=np.intp))
    place = {int(row): n for n, row in enumerate(ranking.rows)}
    newest = [place[row] for row in reversed(statements) if row in place]
    if not newest:
        return ranking
    order = np.arange(len(ranking.rows))
    order[sorted(newest)] = newest
    scores = ranking.scores
    if lift:
        first = newest[:_LIFTED]
        order = np.concatenate([first, order[~np.isin(order, first)]])
        rest = np.delete(scores, sorted(newest)[: len(first)])
        scores = np.concatenate([np.repeat(scores[:1], len(first)), rest])
    parts = {name: values[order] for name, values in ranking.parts.items()}
    gain = scores - ranking.scores[order] + parts.get("currency", 0.0)
    return Ranking(ranking.rows[order], scores, {**parts, "currency": gain})


def _append(ranking: Ranking, rows: Rows) -> Ranking:
    """Append the rows that are not ranked, with the lowest score."""
    missing = rows[~np.isin(rows, ranking.rows)]
    if not len(missing):
        return ranking
    lowest = float(ranking.scores[-1]) if len(ranking.scores) else 0.0
    zeros = np.zeros(len(missing))
    parts = {name: np.concatenate([v, zeros]) for name, v in ranking.parts.items()}
    rest = ranking.parts.get("rest", np.zeros(len(ranking.rows)))
    parts["rest"] = np.concatenate([rest, zeros + lowest])
    return Ranking(
        np.concatenate([ranking.rows, missing]),
        np.concatenate([ranking.scores, zeros + lowest]),
        parts,
    )

"""Latest value first: where a question asks for a current value, newer statements of it win.

A turn says more than one thing, so an outdated fact does not outdate its turn. But where a
question asks for an attribute of somebody, the turn that stated its value last is the answer, and
turns that stated it earlier follow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from agentmem_retrievers.index.fact_index import SELF, AttributeKey, FactIndex
from agentmem_retrievers.index.table import Rows, VisibilityMask
from agentmem_retrievers.ranking.pipeline import TurnRanking
from agentmem_retrievers.ranking.scoring import Ranking
from agentmem_retrievers.text.question import RELATIVES, Question
from agentmem_stores import Entry, Granularity, MemoryStore, Vectors

__all__ = [
    "AttributeClassifier",
    "LatestValue",
    "NoAttributes",
    "asks_for_present",
    "asks_of_user",
    "competing_statements",
    "matching_keys",
    "newest_first",
]

# Of this many turns nearest to a question, those of the user may compete whose
# cosine to the question is this close to the best one's, and whose cosine to that one is at least
# this.
_NEAREST = 50
_COSINE_MARGIN, _MIN_COSINE = 0.15, 0.3
# This many statements are put before everything else; one of them may be no statement after all.
_LIFTED = 3
# Two texts share a frame if they have this many words in common and differ at one place by up to
# this many; at most this many texts are compared with this many.
_FRAME_WORDS, _FRAME_FILLING, _MAX_FRAMES = 4, 4, 50

_WORD = re.compile(r"[\w'-]+")
_FIRST_PERSON = re.compile(r"\b(?:i|me|my|mine|we|us|our|i'm|i've|the user)\b", re.IGNORECASE)
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


class AttributeClassifier(Protocol):
    """What the ranking needs to know about attributes of people; facts provide it."""

    def attributes_asked(self, question: str) -> Sequence[AttributeKey]:
        """Return the attributes that a question asks for, as they are now."""

    def is_own(self, text: str) -> bool:
        """Return whether a text may be about its speaker."""


class NoAttributes:
    """A classifier that knows no attribute."""

    def attributes_asked(self, question: str) -> Sequence[AttributeKey]:
        """Return nothing."""
        return ()

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


def asks_of_user(question: Question) -> bool:
    """Return whether a question asks for something of the user, and of nobody else."""
    return (
        _FIRST_PERSON.search(question.text) is not None
        and _MY_RELATIVE.search(question.text) is None
        and not question.named
    )


def matching_keys(asked: Sequence[AttributeKey], facts: FactIndex) -> list[AttributeKey]:
    """Return the attributes of a scope that are asked for.

    "My wife" is "wife Ada" too; and an attribute without a qualifier is each of those with one,
    where facts state none without.
    """
    keys: list[AttributeKey] = []
    for subject, name in asked:
        about = [
            key
            for key in facts.by_key
            if key.subject == subject or key.subject.startswith(f"{subject} ")
        ]
        exact = [key for key in about if key.attribute == name]
        keys += exact or [key for key in about if key.attribute.endswith(f" {name}")]
    return keys


@dataclass(frozen=True)
class LatestValue:
    """Puts newer statements of a value before older ones, where a question asks for the value.

    Only statements of one attribute of one person compete: those that facts state, and of the
    user's other turns those that are near the question, alike, and state no other attribute.
    """

    store: MemoryStore
    classifier: AttributeClassifier

    def reorder(self, ranking: TurnRanking, turns: Ranking) -> Ranking:
        """Return the ranked turns, with the latest statements of what is asked for first."""
        question, facts = ranking.question, ranking.index.facts
        mask = ranking.masks[Granularity.TURN]
        off = "currency" in ranking.settings.off
        if off or not asks_for_present(question, as_of=mask.as_of is not None):
            return turns
        asked = self.classifier.attributes_asked(question.text) if facts.by_key else ()
        keys = matching_keys(asked, facts)
        for key in keys:
            stating = _visible_rows(mask, facts.turns(key))
            if key.subject == SELF and len(keys) == 1:
                stating = self._with_competing(ranking, key, stating)
            turns = newest_first(turns, stating, lift=True)
        if not keys and asks_of_user(question):
            turns = newest_first(turns, self._with_competing(ranking, None, []), lift=True)
        return turns

    def _with_competing(
        self, ranking: TurnRanking, key: AttributeKey | None, stating: Sequence[int]
    ) -> list[int]:
        """Return the rows that state an attribute, and those that may, oldest first.

        Args:
            key: the attribute; None for the one that the nearest turn states, if it states any.
            stating: rows that state it for certain.
        """
        nearest = ranking.sources.nearest(Granularity.TURN)
        if nearest is None:
            return list(stating)
        entries = self._own_entries(ranking, nearest.rows[:_NEAREST])
        stated = _keys_by_turn(ranking.index.facts)
        if key is None and entries:
            best = max(entries, key=lambda entry: float(entry.vector @ ranking.vector))
            keys = stated.get(best.memory.id, set())
        else:
            keys = {key} if key else set()
        rivals = [e for e in entries if not stated.get(e.memory.id) or stated[e.memory.id] & keys]
        table = ranking.index.tables[Granularity.TURN]
        rows = {table.row_of[e.memory.id] for e in competing_statements(ranking.vector, rivals)}
        together = sorted(rows | set(stating))
        said_at, position = table.column("said_at"), table.column("position")
        return sorted(together, key=lambda row: (said_at[row], position[row]))

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


def _keys_by_turn(facts: FactIndex) -> dict[str, set[AttributeKey]]:
    """The single-valued attributes that each turn states or ends."""
    keys: dict[str, set[AttributeKey]] = {}
    for key in facts.by_key:
        for turn in facts.turns(key):
            keys.setdefault(turn, set()).add(key)
    return keys


def _visible_rows(mask: VisibilityMask, turns: Sequence[str]) -> list[int]:
    """Replace the ids of turns by their rows; leave out what the question may not find."""
    row_of = mask.table.row_of
    rows = [row_of[i] for i in turns if i in row_of]
    visible = mask.at(np.array(rows, dtype=np.intp))
    return [row for row, shown in zip(rows, visible, strict=True) if shown]


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

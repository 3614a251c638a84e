"""Find turns that say the same: with the same words, except for framing words.

Some words are framing words anywhere, such as "called". Others are so for a fact: "The colour I
like best is green" and "My favourite colour is green" differ in how one speaks of colours only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from agentmem.facts.kinds import framing
from agentmem_retrievers.text.tokenize import tokenize
from agentmem_stores import Entry, Memory

__all__ = ["About", "Statement", "duplicates"]


def _words(spaced: str) -> frozenset[str]:
    return frozenset(spaced.split())


# Minimal cosine of two statements with the same words to be duplicates, and the same if only one
# of them has a framing word such as "called".
MIN_COSINE = 0.7
MIN_COSINE_FRAMED = 0.8
# ... and of two statements of the same fact, in any words for such facts.
MIN_COSINE_SAME_FACT = 0.6
# Subject, attribute and value of a fact.
About = tuple[str, str, str]

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_NOT = re.compile(
    r"\b(?:not|never|no|none|nobody|nothing|nor|without|hardly|cannot|\w+n['\u2019]t)\b"
)
# Framing words, by what they mean: a statement may have one, another or none of them. Without
# past forms: whoever lived in Oslo may not live there now.
_FRAMES = {
    word: frame
    for frame, words in {
        "live": "live lives living reside resides residing home based",
        "name": "name named names called call goes",
        "have": "own owns got",
        "work": "work works working job employed profession occupation",
        "like": "like likes love loves enjoy enjoys fond",
    }.items()
    for word in words.split()
}
_OPTIONAL = {"name", "have"}
# For these the order of the words matters: who likes whom, but not who is called what.
_DIRECTED = {"like"}
_FILLERS = _words(
    "hey hi hello well so oh yes yeah really actually currently now nowadays these days also still "
    "by way just know guess think say said tell told something thing"
)
_PERSONS = {
    word: person
    for person, words in {
        "i": "i my mine myself i'm i've",
        "we": "we our ours we're we've",
        "you": "you your yours you're you've",
        "he": "he his he's",
        "she": "she her hers she's",
        "they": "they their theirs they're",
        # Who paid me is not whom I paid.
        "me": "me us him them",
    }.items()
    for word in words.split()
}
# Words of statements about another time, or about something that is not the case.
_MOODS = _words(
    "was were had did used will would could should might may must if unless until when while maybe "
    "perhaps almost nearly want wants wish hope plan planning try trying going gonna former "
    "formerly previous previously before after again first last only too"
)
_RELATIVE = re.compile(
    r"\b(?:today|yesterday|tomorrow|tonight|morning|afternoon|evening|night|week|weekend|month|"
    r"year|ago|last|next|recently|earlier|later|monday|tuesday|wednesday|thursday|friday|saturday|"
    r"sunday)\b"
)


@dataclass(frozen=True)
class Statement:
    """The text of a turn, word by word."""

    memory: Memory

    @cached_property
    def words(self) -> list[str]:
        """Its words in lower case, with plain apostrophes."""
        return _WORD.findall(self.memory.text.lower().replace("\u2019", "'"))

    @cached_property
    def content(self) -> list[str]:
        """The stems of its content words, in order; past forms are marked."""
        return list(_stems(self.words))

    @cached_property
    def frames(self) -> frozenset[str]:
        """The meanings of its framing words."""
        return frozenset(_FRAMES[w] for w in self.words if w in _FRAMES)

    @cached_property
    def key(self) -> tuple[object, ...]:
        """A key that is equal for all statements that may be duplicates."""
        memory, text = self.memory, self.memory.text.lower()
        speaker = (memory.role, memory.speaker)
        # "Yesterday" means another day in a turn of another day.
        day = memory.said_at.date() if _RELATIVE.search(text) else None
        if not self.content or "?" in text:
            return (*speaker, day, " ".join(self.words))
        return (*speaker, day, *self._modes, frozenset(self.content))

    @cached_property
    def _modes(self) -> tuple[object, ...]:
        """Its grammatical persons, moods, and number of negations."""
        persons = frozenset(_PERSONS[w] for w in self.words if w in _PERSONS)
        moods = frozenset(w for w in self.words if w in _MOODS)
        return persons, moods, len(_NOT.findall(self.memory.text.lower()))

    def key_of(self, about: About) -> tuple[object, ...] | None:
        """Return a key that is equal for all statements of a fact; None if this is not one."""
        memory, text = self.memory, self.memory.text.lower()
        subject, attribute, value = about
        stems, value_stems = (
            # In order: moving from Oslo to Rome is not moving from Rome to Oslo.
            tuple(_stems(w for w in words if not _is_framing(w, attribute)))
            for words in (self.words, _WORD.findall(value.lower()))
        )
        if not value_stems or "?" in text or _RELATIVE.search(text):
            return None
        return (memory.role, memory.speaker, subject, attribute, value_stems, *self._modes, stems)

    def says(self, other: Statement, similarity: float) -> bool:
        """Return whether it says the same as another statement of its key, at a cosine."""
        if self.words == other.words:
            return True
        if self.content != other.content and not self._turned_around(other):
            return False
        if self.frames == other.frames:
            return similarity >= MIN_COSINE
        return not (self.frames ^ other.frames) - _OPTIONAL and similarity >= MIN_COSINE_FRAMED

    def _turned_around(self, other: Statement) -> bool:
        """Return whether they differ like "green is my favourite" and "my favourite is green"."""
        if (self.frames | other.frames) & _DIRECTED:
            return False
        turns = (self.content[i:] + self.content[:i] for i in range(1, len(self.content)))
        return other.content in turns


def _stems(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        if word not in _FRAMES and word not in _FILLERS:
            # Snowball tells "allergy" from "allergic" by a last letter.
            yield from (f"{stem.rstrip('i') or stem}{_tense(word)}" for stem in tokenize(word))


def _is_framing(word: str, attribute: str) -> bool:
    """Return whether a word is a framing word for facts of an attribute, not in the past."""
    return not _tense(word) and not framing(attribute).isdisjoint(tokenize(word))


def _tense(word: str) -> str:
    return "-ed" if word.endswith("ed") and len(word) > 4 else ""


def duplicates(
    turns: Iterable[Entry], facts: Mapping[str, Collection[About]] | None = None
) -> list[list[Memory]]:
    """Return the groups of two or more turns that say the same, each in order of time.

    Only turns with the same words or the same fact are compared, so the time is linear.

    Args:
        turns: entries with their vectors.
        facts: the facts that turns state, by turn id.
    """
    buckets: dict[tuple[object, ...], list[tuple[Statement, Entry]]] = {}
    by_fact: dict[tuple[object, ...], list[tuple[Statement, Entry]]] = {}
    for entry in turns:
        statement = Statement(entry.memory)
        buckets.setdefault(statement.key, []).append((statement, entry))
        for about in (facts or {}).get(entry.memory.id, ()):
            if (key := statement.key_of(about)) is not None:
                by_fact.setdefault(key, []).append((statement, entry))
    groups = [g for bucket in buckets.values() if len(bucket) > 1 for g in _groups(bucket)]
    groups += [g for bucket in by_fact.values() if len(bucket) > 1 for g in _near_latest(bucket)]
    return sorted(_merge_overlapping(groups), key=lambda group: _when(group[0]))


def _near_latest(bucket: Sequence[tuple[Statement, Entry]]) -> list[list[Memory]]:
    """Return the statements of a fact that are near enough to the latest one."""
    latest = max((entry for _, entry in bucket), key=lambda entry: _when(entry.memory))
    near = [e.memory for _, e in bucket if float(e.vector @ latest.vector) >= MIN_COSINE_SAME_FACT]
    return [near] if len(near) > 1 else []


def _merge_overlapping(groups: Iterable[list[Memory]]) -> list[list[Memory]]:
    """Merge groups that share a turn; return each in order of time."""
    merged: list[dict[str, Memory]] = []
    for group in groups:
        whole = {memory.id: memory for memory in group}
        for other in [m for m in merged if m.keys() & whole.keys()]:
            merged.remove(other)
            whole |= other
        merged.append(whole)
    return [sorted(whole.values(), key=_when) for whole in merged]


def _groups(bucket: Sequence[tuple[Statement, Entry]]) -> list[list[Memory]]:
    """Put each statement, in order of time, into the first group with one that says the same."""
    vectors = np.stack([entry.vector for _, entry in bucket])
    similar = vectors @ vectors.T
    order = sorted(range(len(bucket)), key=lambda i: _when(bucket[i][1].memory))
    groups: list[list[int]] = []
    for i in order:
        statement = bucket[i][0]
        for group in groups:
            if any(statement.says(bucket[j][0], float(similar[i, j])) for j in group):
                group.append(i)
                break
        else:
            groups.append([i])
    return [[bucket[i][1].memory for i in group] for group in groups if len(group) > 1]


def _when(memory: Memory) -> tuple[object, ...]:
    return memory.said_at, memory.position, memory.id

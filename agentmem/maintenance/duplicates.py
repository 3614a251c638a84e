"""Which turns say the same: the same words but for those that only frame a statement.

What frames a statement is known of some words, and of others by what the statement tells: "The
colour I like best is green" and "My favourite colour is green" differ in how one speaks of colours.
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


# The cosine from which two statements of the same words are taken to say the same, and from which
# even where one of them has a framing word, such as "called", that the other does without.
ALIKE = 0.7
FRAMED_ALIKE = 0.8
# ... and from which two that tell the same of the same are, in whatever words of such things.
TOLD_ALIKE = 0.6
# Whom something is told of, what of them, and its value.
About = tuple[str, str, str]

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_NOT = re.compile(
    r"\b(?:not|never|no|none|nobody|nothing|nor|without|hardly|cannot|\w+n['\u2019]t)\b"
)
# Words that one can say a thing with or without, or by which one can say it in several ways.
# Past forms are missing on purpose: who lived in Oslo need not live there.
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
# Who likes whom depends on the order of the words, where who is called what does not.
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
# What makes a statement one of another time, or of something that is only thought of.
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
    """What a turn says, word by word."""

    memory: Memory

    @cached_property
    def words(self) -> list[str]:
        """Its words in lower case, with plain apostrophes."""
        return _WORD.findall(self.memory.text.lower().replace("\u2019", "'"))

    @cached_property
    def content(self) -> list[str]:
        """The stems that carry its content, in order, past forms told from others."""
        return list(_stems(self.words))

    @cached_property
    def frames(self) -> frozenset[str]:
        """The ways in which it frames its content."""
        return frozenset(_FRAMES[w] for w in self.words if w in _FRAMES)

    @cached_property
    def key(self) -> tuple[object, ...]:
        """What is equal for all statements that may say the same."""
        memory, text = self.memory, self.memory.text.lower()
        speaker = (memory.role, memory.speaker)
        # "Yesterday" is another day for everyone who says it on another.
        day = memory.said_at.date() if _RELATIVE.search(text) else None
        if not self.content or "?" in text:
            return (*speaker, day, " ".join(self.words))
        return (*speaker, day, *self._modes, frozenset(self.content))

    @cached_property
    def _modes(self) -> tuple[object, ...]:
        """Of whom it speaks, in which mood, and how often it denies."""
        persons = frozenset(_PERSONS[w] for w in self.words if w in _PERSONS)
        moods = frozenset(w for w in self.words if w in _MOODS)
        return persons, moods, len(_NOT.findall(self.memory.text.lower()))

    def key_of(self, about: About) -> tuple[object, ...] | None:
        """What is equal for all that tell the same value of something; None if it tells none."""
        memory, text = self.memory, self.memory.text.lower()
        subject, attribute, value = about
        said, of = (
            # In order: who moves from one town to another does not move back.
            tuple(_stems(w for w in words if not _is_framing(w, attribute)))
            for words in (self.words, _WORD.findall(value.lower()))
        )
        if not of or "?" in text or _RELATIVE.search(text):
            return None
        return (memory.role, memory.speaker, subject, attribute, of, *self._modes, said)

    def says(self, other: Statement, similarity: float) -> bool:
        """Whether it says the same as another of the same key, at a cosine similarity."""
        if self.words == other.words:
            return True
        if self.content != other.content and not self._turned_around(other):
            return False
        if self.frames == other.frames:
            return similarity >= ALIKE
        return not (self.frames ^ other.frames) - _OPTIONAL and similarity >= FRAMED_ALIKE

    def _turned_around(self, other: Statement) -> bool:
        """Whether they differ as "green is my favourite" does from "my favourite is green"."""
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
    """Whether a word is one of those in which one speaks of such things, not in the past."""
    return not _tense(word) and not framing(attribute).isdisjoint(tokenize(word))


def _tense(word: str) -> str:
    return "-ed" if word.endswith("ed") and len(word) > 4 else ""


def duplicates(
    turns: Iterable[Entry], told: Mapping[str, Collection[About]] | None = None
) -> list[list[Memory]]:
    """Return the groups of two and more turns that say the same, each in order of time.

    Only turns of the same words, or that tell the same, are compared, so this takes time linear in
    what there is.

    Args:
        told: of turns, by their ids, what is known to be told in them.
    """
    buckets: dict[tuple[object, ...], list[tuple[Statement, Entry]]] = {}
    telling: dict[tuple[object, ...], list[tuple[Statement, Entry]]] = {}
    for entry in turns:
        statement = Statement(entry.memory)
        buckets.setdefault(statement.key, []).append((statement, entry))
        for about in (told or {}).get(entry.memory.id, ()):
            if (key := statement.key_of(about)) is not None:
                telling.setdefault(key, []).append((statement, entry))
    groups = [g for bucket in buckets.values() if len(bucket) > 1 for g in _groups(bucket)]
    groups += [g for bucket in telling.values() if len(bucket) > 1 for g in _alike(bucket)]
    return sorted(_joined(groups), key=lambda group: _when(group[0]))


def _alike(bucket: Sequence[tuple[Statement, Entry]]) -> list[list[Memory]]:
    """Of what tells the same, what is alike enough to the latest of it."""
    latest = max((entry for _, entry in bucket), key=lambda entry: _when(entry.memory))
    near = [e.memory for _, e in bucket if float(e.vector @ latest.vector) >= TOLD_ALIKE]
    return [near] if len(near) > 1 else []


def _joined(groups: Iterable[list[Memory]]) -> list[list[Memory]]:
    """Groups as they are when those that share a turn are one, each in order of time."""
    joined: list[dict[str, Memory]] = []
    for group in groups:
        whole = {memory.id: memory for memory in group}
        for other in [j for j in joined if j.keys() & whole.keys()]:
            joined.remove(other)
            whole |= other
        joined.append(whole)
    return [sorted(whole.values(), key=_when) for whole in joined]


def _groups(bucket: Sequence[tuple[Statement, Entry]]) -> list[list[Memory]]:
    """Each joins the first group with a member that says the same; (said, session) decides."""
    vectors = np.stack([entry.vector for _, entry in bucket])
    similar = vectors @ vectors.T
    order = sorted(range(len(bucket)), key=lambda i: _when(bucket[i][1].memory))
    groups: list[list[int]] = []
    for i in order:
        said = bucket[i][0]
        for group in groups:
            if any(said.says(bucket[j][0], float(similar[i, j])) for j in group):
                group.append(i)
                break
        else:
            groups.append([i])
    return [[bucket[i][1].memory for i in group] for group in groups if len(group) > 1]


def _when(memory: Memory) -> tuple[object, ...]:
    return memory.said_at, memory.position, memory.id

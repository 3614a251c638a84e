"""Facts and the portrait as they are shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from agentmem.facts.finder import USER
from agentmem_retrievers.index.fact_index import FactRecord
from agentmem_stores import Memory, State

__all__ = ["SECTIONS", "Fact", "ProfileLine", "held_at", "portrait", "shown"]

# The order of a portrait.
SECTIONS = (
    "person", "work", "places", "people", "preferences", "pursuits", "routines", "things",
    "health", "contact", "other", "topics",
)  # fmt: skip

# So many keywords say what a topic is about.
_WORDS = 5


@dataclass(frozen=True)
class Fact:
    """What is said of somebody.

    Attributes:
        memory: the fact's own memory; its `sources` are the turns that tell it.
        subject: whom it is about: `user`, the speaker's name, or whoever they speak of.
        attribute: what of them, such as `home`.
        value: what it is said to be.
        date: since when it is so, as far as is known: when it was said, UTC.
        section: where it stands in a portrait.
        one: whether the attribute has one value at a time.
        retention: R = exp(-t/S), in [0, 1].
        supersedes, superseded_by: ids of the facts whose place it took, and that took its place.
        contradicts: ids of facts that say otherwise and are of the same date.
    """

    memory: Memory
    subject: str
    attribute: str
    value: str
    date: datetime
    section: str
    one: bool
    retention: float
    supersedes: tuple[str, ...] = ()
    superseded_by: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The id of its memory."""
        return self.memory.id

    @property
    def edited(self) -> bool:
        """Whether somebody has put it in other words."""
        return self.memory.version > 1


@dataclass(frozen=True)
class ProfileLine:
    """A line of a portrait.

    Attributes:
        id: of the fact or topic that it shows; `update` and `delete` it to edit the portrait.
        section: one of person, work, places, people, preferences, pursuits, routines, things,
            health, contact, other and topics.
        sources: ids of the turns that tell it.
        retention: R = exp(-t/S), in [0, 1].
    """

    id: str
    section: str
    text: str
    sources: tuple[str, ...]
    retention: float


def held_at(memory: Memory, as_of: datetime | None) -> bool:
    """Whether a fact was known and held at a moment; with None whether it does."""
    if as_of is None:
        return memory.state is not State.SUPERSEDED
    changed = memory.state_changed_at
    over = memory.state is State.SUPERSEDED and (changed is None or changed <= as_of)
    return memory.said_at <= as_of and not over


def shown(memories: Sequence[Memory], retention: Callable[[Memory], float]) -> list[Fact]:
    """Return facts as they are shown, by subject, attribute and date."""
    followed = defaultdict(list)
    for memory in memories:
        for edge in memory.edges:
            followed[edge.target].append(memory.id)
    facts = [
        _fact(memory, record, tuple(followed[memory.id]), retention(memory))
        for memory in memories
        if (record := FactRecord.of(memory)) is not None and not record.hint
    ]
    facts.sort(key=lambda f: (f.subject != USER, f.subject, f.attribute, f.date, f.id))
    return [_with_contradictions(fact, facts) for fact in facts]


def _fact(memory: Memory, told: FactRecord, followed: tuple[str, ...], retention: float) -> Fact:
    return Fact(
        memory=memory,
        subject=told.subject,
        attribute=told.attribute,
        # Of a text that somebody has edited, all is the value.
        value=told.value if told.value in memory.text else memory.text,
        date=told.since,
        section=told.section if told.section in SECTIONS else "other",
        one=told.one,
        retention=retention,
        supersedes=tuple(edge.target for edge in memory.edges),
        superseded_by=followed,
    )


def _with_contradictions(fact: Fact, facts: Iterable[Fact]) -> Fact:
    if not fact.one:
        return fact
    about = (fact.subject, fact.attribute, fact.date)
    against = tuple(
        other.id
        for other in facts
        if (other.subject, other.attribute, other.date) == about
        and other.value.casefold() != fact.value.casefold()
    )
    return replace(fact, contradicts=against)


def portrait(
    facts: Iterable[Fact], topics: Sequence[Memory], retention: Callable[[Memory], float]
) -> list[ProfileLine]:
    """Return the portrait of the user: what they said of themselves and of those around them.

    Args:
        topics: memories of what they have talked about, the largest first.
        retention: of a topic, in [0, 1].
    """
    lines = [
        ProfileLine(f.id, section, _line(f), f.memory.sources, f.retention)
        for f in facts
        if f.memory.role == "user"
        for section in [f.section if _is_of_user(f) else "people"]
    ]
    lines += [ProfileLine(m.id, "topics", _talked_of(m), m.sources, retention(m)) for m in topics]
    return sorted(lines, key=lambda line: SECTIONS.index(line.section))


def _talked_of(topic: Memory) -> str:
    """What a topic is about: its keywords, or what somebody has written instead."""
    words = topic.metadata.get("keywords")
    if topic.version > 1 or not isinstance(words, list) or not words:
        return topic.text
    return f"talks of: {', '.join(map(str, words[:_WORDS]))}"


def _is_of_user(fact: Fact) -> bool:
    return fact.subject in (USER, fact.memory.speaker)


def _line(fact: Fact) -> str:
    if fact.edited:
        return fact.memory.text
    whose = "" if _is_of_user(fact) else f"{fact.subject}, "
    return f"{whose}{fact.attribute}: {fact.value}"

"""Facts as they are shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from agentmem.facts.attributes import attribute
from agentmem_retrievers.index.fact_index import SELF, FactRecord
from agentmem_stores import Memory, State

__all__ = ["Fact", "current_facts", "holds_at"]


@dataclass(frozen=True)
class Fact:
    """What is said of somebody.

    Attributes:
        memory: the fact's own memory; its `sources` are the turns that tell it.
        subject: whom it is about: `user`, the speaker's name, or whoever they speak of, told apart
            by their relation: "sister Anna", "colleague Anna".
        attribute: what of them, with its qualifier: "home", "work phone number".
        value: what it is said to be, as it was written.
        date: since when it is so, as far as is known: when it was said, UTC.
        until: when it was said to be over, or another value took its place; None while it holds.
        section: where it stands in a profile.
        one: whether the attribute has one value at a time.
        retention: R = exp(-t/S), in [0, 1].
        supersedes, superseded_by: ids of the facts whose place it took, and of what took its place
            or ended it.
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
    until: datetime | None = None
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


def holds_at(memory: Memory, as_of: datetime | None) -> bool:
    """Whether a fact was known and held at a moment; with None whether it does."""
    if as_of is None:
        return memory.state is not State.SUPERSEDED
    changed = memory.state_changed_at
    over = memory.state is State.SUPERSEDED and (changed is None or changed <= as_of)
    return memory.said_at <= as_of and not over


def current_facts(memories: Sequence[Memory], retention: Callable[[Memory], float]) -> list[Fact]:
    """Return facts as they are shown, by subject, attribute and date; endings are left out."""
    followed = defaultdict(list)
    for memory in memories:
        for edge in memory.edges:
            followed[edge.target].append(memory.id)
    facts = [
        _fact(memory, record, tuple(followed[memory.id]), retention(memory))
        for memory in memories
        if (record := FactRecord.of(memory)) is not None and not record.ends
    ]
    facts.sort(key=lambda f: (f.subject != SELF, f.subject, f.attribute, f.date, f.id))
    return [_with_contradictions(fact, facts) for fact in facts]


def _fact(memory: Memory, record: FactRecord, followed: tuple[str, ...], retention: float) -> Fact:
    return Fact(
        memory=memory,
        subject=record.subject,
        attribute=record.attribute,
        # Of a text that somebody has edited, all is the value.
        value=memory.text if memory.version > 1 else record.value,
        date=record.since,
        section=attribute(record.attribute).section,
        one=record.single,
        retention=retention,
        until=memory.state_changed_at if memory.state is State.SUPERSEDED else None,
        supersedes=tuple(edge.target for edge in memory.edges),
        superseded_by=followed,
    )


def _with_contradictions(fact: Fact, facts: Iterable[Fact]) -> Fact:
    about = (fact.subject, fact.attribute, fact.date)
    against = tuple(
        other.id
        for other in facts
        if (other.subject, other.attribute, other.date) == about
        and other.value.casefold() != fact.value.casefold()
    )
    return replace(fact, contradicts=against if fact.one else ())

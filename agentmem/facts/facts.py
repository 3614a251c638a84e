"""Keeping the facts of a scope: what is so now, what was so before, and what contradicts itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from agentmem.facts.finder import FORGOTTEN, FactFinder, forgotten
from agentmem_retrievers.index.fact_index import FactRecord
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import Batch, Edge, Entry, Granularity, Memory, MemoryStore, Scope, State

__all__ = ["Facts", "settled"]


@dataclass(frozen=True)
class Facts:
    """Writes what turns say of people, and lets newer facts take the place of older ones."""

    store: MemoryStore
    memories: IndexedStore
    finder: FactFinder

    def of_turns(self, scope: Scope, turns: Sequence[Entry]) -> list[Entry]:
        """Return the facts that turns tell, and those of others that they change.

        Facts that somebody has edited are left as they are.
        """
        found = {e.memory.id: e for e in self.finder.find(turns)}
        held = self.store.get(scope, Granularity.FACT, list(found))
        edited = {e.memory.id: e for e in held if e.memory.version > 1}
        known = {e.memory.id: e for e in self._about_the_same(scope, found.values())}
        entries = known | found | edited
        changed = list(settled([e.memory for e in entries.values()]))
        wanted = found.keys() | {m.id for m, old in changed if m != old}
        facts = [Entry(m, entries[m.id].vector) for m, _ in changed if m.id in wanted]
        settling = {m.id for m, _ in changed}
        return [*facts, *(entry for i, entry in found.items() if i not in settling)]

    def _about_the_same(self, scope: Scope, found: Iterable[Entry]) -> list[Entry]:
        index = self.memories.index(scope).facts
        records = [FactRecord.of(e.memory) for e in found]
        keys = dict.fromkeys((r.subject, r.attribute) for r in records if r is not None)
        ids = [i for key in keys for i in index.about(key)]
        return self.store.get(scope, Granularity.FACT, ids)

    def edited(self, scope: Scope, ids: Iterable[str]) -> set[str]:
        """Which facts have been edited, with the ids of their former versions."""
        held = self.store.get(scope, Granularity.FACT, list(ids))
        return {m.id for m in (e.memory for e in held) if m.version > 1 or m.version_of}

    def not_again(self, scope: Scope, facts: Iterable[Memory]) -> list[Memory]:
        """Return the turns that told facts, so marked that they are not found there again."""
        told: dict[str, list[str]] = {}
        for fact in facts:
            for source in fact.sources if fact.granularity is Granularity.FACT else ():
                told.setdefault(source, []).append(fact.version_of or fact.id)
        held = self.store.get(scope, Granularity.TURN, list(told))
        return [_marked(entry.memory, told[entry.memory.id]) for entry in held]

    def settle(self, scope: Scope) -> None:
        """Say anew of all facts which hold; to be called when some were deleted."""
        held = [m for m in self.store.scan(scope, Granularity.FACT) if m.version_of is None]
        changed = [new for new, old in settled(held) if new != old]
        self.memories.write(Batch(scope, patch=changed))


def _marked(turn: Memory, ids: Sequence[str]) -> Memory:
    gone = sorted(forgotten(turn) | set(ids))
    return replace(turn, metadata={**turn.metadata, FORGOTTEN: gone})


def settled(facts: Sequence[Memory]) -> Iterator[tuple[Memory, Memory]]:
    """Yield facts as they should be, each with what it was.

    Of the facts of one attribute the latest holds, and each of the others has been superseded
    since the next one's date. Where the latest are of the same date, all of them hold: they
    cannot be ordered, and `Fact.contradicts` says so.
    """
    known = [(record, memory) for memory in facts if (record := FactRecord.of(memory)) is not None]
    told = [(record, memory) for record, memory in known if not record.hint]
    told.sort(key=lambda fact: (fact[0].key, fact[0].since, fact[1].id))
    for _, group in groupby(told, key=lambda fact: fact[0].key):
        steps = [(at, [m for _, m in same]) for at, same in groupby(group, key=_since)]
        for place, (_, same) in enumerate(steps):
            before = steps[place - 1][1] if place else []
            over = steps[place + 1][0] if place + 1 < len(steps) else None
            for memory in same:
                yield _placed(memory, before, over), memory


def _placed(memory: Memory, before: Iterable[Memory], over: datetime | None) -> Memory:
    return replace(
        memory,
        edges=tuple(Edge(old.id, 1.0) for old in before),
        state=State.SUPERSEDED if over else State.ACTIVE,
        state_changed_at=over,
    )


def _since(fact: tuple[FactRecord, Memory]) -> datetime:
    return fact[0].since

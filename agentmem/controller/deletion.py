"""Deletion: a memory is deleted together with everything that was derived from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np

from agentmem.facts.bookkeeping import Facts
from agentmem.items.records import address_of
from agentmem.maintenance.duplicates import KEPT_APART
from agentmem.maintenance.summaries import exclude_from_topics
from agentmem.writing.sessions import DERIVED, Sessions, is_derived
from agentmem.writing.writer import without_links
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import (
    Batch,
    Entry,
    Granularity,
    Memory,
    MemoryNotFoundError,
    MemoryStore,
    Scope,
    State,
)

__all__ = ["Deleter", "Deletion"]

# Two embeddings of one text have at least this cosine, whatever was quantized in between.
_SAME_TEXT = 0.999


@dataclass(frozen=True)
class Deletion:
    """The ids that a deletion affected.

    Attributes:
        deleted: the memories named by the call, and their former versions.
        derived: memories derived from those, deleted too.
        rewritten: memories derived again from what is left, some under a former id.
        unlinked: memories that lost an association with a deleted one.
    """

    deleted: tuple[str, ...]
    derived: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    unlinked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deleter:
    """Deletes memories, sessions and scopes; the caller holds the lock of the scope.

    Attributes:
        notify: called with a scope and its deleted memories, or None for all of them, so that
            caches drop them.
    """

    store: MemoryStore
    memories: IndexedStore
    sessions: Sessions
    facts: Facts
    notify: Callable[[Scope, Sequence[Memory] | None], None]

    def delete(self, scope: Scope, versions: Sequence[Memory]) -> Deletion:
        """Delete all versions of one memory, the current one last."""
        return self._delete(scope, [*versions, *self._represented(scope, versions[-1])])

    def expire(self, scope: Scope, now: datetime) -> Deletion:
        """Delete the memories whose time has come, with all versions.

        Turns that were merged into one of them stay, and become active again.
        """
        index = self.memories.index(scope)
        ids = [i for g in Granularity for i in _expired(index, g, now)]
        current = self.memories.get(scope, ids)
        return self._delete(scope, [v for m in current for v in self.memories.versions(m)])

    def _delete(self, scope: Scope, deleted: Sequence[Memory]) -> Deletion:
        if not deleted:
            return Deletion(())
        marked = self.facts.not_again(scope, deleted)
        marked += exclude_from_topics(deleted, partial(self.memories.get, scope))
        self.memories.write(Batch(scope, patch=marked))
        return self.replace(scope, deleted)

    def delete_session(self, scope: Scope, session_id: str) -> Deletion:
        """Delete all records of a session.

        Raises:
            MemoryNotFoundError: there are none.
        """
        index = self.memories.index(scope)
        ids = [i for g in Granularity for i in index.records(session_id, g)]
        if not ids:
            raise MemoryNotFoundError(f"{scope} has no session {session_id!r}")
        return self.replace(scope, self.memories.get(scope, ids))

    def delete_all(self, scope: Scope) -> int:
        """Delete every record of a scope; return how many there were."""
        tables = self.memories.index(scope).tables
        # Derived memories first, so that a crash leaves none without its sources.
        records = [(g, i) for g in reversed(Granularity) for i in tables[g].row_of]
        self.memories.write(Batch(scope, delete=records))
        self.memories.drop(scope)
        self.notify(scope, None)
        return len(records)

    def replace(
        self, scope: Scope, deleted: Sequence[Memory], put: Sequence[Entry] = ()
    ) -> Deletion:
        """Delete memories, write others in their place, and undo what was derived from them."""
        index = self.memories.index(scope)
        replaced = {entry.memory.id for entry in put}
        derived = self._derived_from(scope, {m.id for m in deleted} | replaced)
        derived += self._citations_of(scope, deleted, {m.id for m in derived})
        sessions = dict.fromkeys(m.session_id for m in derived if m.granularity in DERIVED)
        ended = [session for session in sessions if index.is_digested(session)]
        removed = {m.id for m in (*derived, *deleted)} - replaced
        unlinked = without_links(self.memories, scope, removed, replaced)
        patch = {m.id: m for m in unlinked}
        for memory in self._merged_into(scope, deleted):
            patch[memory.id] = _active(patch.get(memory.id, memory))
        # Derived memories and links go first: a crash must not leave any that lead to nothing.
        self.memories.write(Batch(scope, patch=list(patch.values()), delete=_keys(derived)))
        self.memories.write(Batch(scope, put=put, delete=_keys(deleted)))
        self.notify(scope, [*deleted, *derived])
        changed = (*deleted, *derived, *(entry.memory for entry in put))
        if any(memory.granularity is Granularity.FACT for memory in changed):
            self.facts.settle(scope)
        left = [session for session in ended if index.members(session, Granularity.TURN)]
        rewritten = self.sessions.try_end(scope, left)
        return Deletion(
            deleted=tuple(m.id for m in deleted),
            derived=tuple(m.id for m in derived),
            rewritten=tuple(m.id for m in rewritten),
            unlinked=tuple(m.id for m in unlinked),
        )

    def _represented(self, scope: Scope, memory: Memory) -> list[Memory]:
        """The duplicates of a turn in its very words, or the superseded values of a fact.

        All of their versions.
        """
        represented: dict[str, Memory] = {memory.id: memory}
        frontier = [memory]
        while frontier:
            ids: set[str] = set()
            for m in frontier:
                is_fact = m.granularity is Granularity.FACT
                ids.update([edge.target for edge in m.edges] if is_fact else m.sources)
            frontier = [
                m
                for m in self.memories.get(scope, sorted(ids - represented.keys()))
                if m.state is State.SUPERSEDED
                and m.granularity is memory.granularity
                and (m.granularity is not Granularity.TURN or m.text == memory.text)
            ]
            represented |= {m.id: m for m in frontier}
        del represented[memory.id]
        return [v for m in represented.values() for v in self.memories.versions(m)]

    def _merged_into(self, scope: Scope, deleted: Sequence[Memory]) -> list[Memory]:
        """The turns merged into deleted ones that are not deleted themselves."""
        gone = {m.id for m in deleted}
        turns = [m for m in deleted if m.granularity is Granularity.TURN]
        merged = {i for m in turns for i in m.sources} - gone
        return [
            m
            for m in self.memories.get(scope, sorted(merged))
            if m.granularity is Granularity.TURN
            and m.state is State.SUPERSEDED
            and m.version_of is None
        ]

    def unmerge(self, scope: Scope, memory: Memory) -> list[Memory]:
        """Bring back a merged turn, or all turns that one represents; return them."""
        if memory.granularity is not Granularity.TURN:
            return []
        hidden = [memory]
        if memory.state is not State.SUPERSEDED:
            sources = self.memories.get(scope, list(memory.sources))
            hidden = [m for m in sources if m.state is State.SUPERSEDED and m.version_of is None]
        back = [
            replace(_active(m), metadata={**m.metadata, KEPT_APART: True})
            for m in hidden
            if m.granularity is Granularity.TURN
        ]
        index = self.memories.index(scope)
        gone = {i for m in back for i in (m.id, *m.sources)}
        ids = {i for m in back for i in index.derived_from(m.id)} - {m.id for m in back}
        representatives = [
            replace(m, sources=tuple(i for i in m.sources if i not in gone))
            for m in self.memories.get(scope, sorted(ids))
            if m.granularity is Granularity.TURN
        ]
        self.memories.write(Batch(scope, patch=[*back, *representatives]))
        return back

    def _derived_from(self, scope: Scope, ids: Collection[str]) -> list[Memory]:
        """Everything derived from these memories, directly or over others."""
        index = self.memories.index(scope)
        derived: dict[str, Memory] = {}
        frontier = set(ids)
        while frontier:
            near = {d for i in frontier for d in index.derived_from(i)} - derived.keys() - set(ids)
            direct = {
                memory.id: memory
                for memory in self.memories.get(scope, sorted(near))
                if is_derived(memory) and not frontier.isdisjoint(memory.sources)
            }
            derived |= direct
            frontier = set(direct)
        return list(derived.values())

    def _citations_of(
        self, scope: Scope, deleted: Sequence[Memory], known: Collection[str]
    ) -> list[Memory]:
        """The citations whose question has the very words of a deleted memory.

        A citation keeps the embedding of its question and no id, so its vector identifies it.
        """
        kind = Granularity.CITATION
        count = len(self.memories.index(scope).tables[kind])
        if not count or not deleted:
            return []
        vectors = [
            entry.vector
            for g in Granularity
            for entry in self.store.get(scope, g, [m.id for m in deleted if m.granularity is g])
        ]
        nearest = self.store.nearest(scope, kind, np.stack(vectors), count)
        same = {n.id for row in nearest for n in row if n.similarity > _SAME_TEXT}
        ids = sorted(same.difference(known, (m.id for m in deleted)))
        return self.store.get_memories(scope, kind, ids)


def _expired(index: ScopeIndex, granularity: Granularity, now: datetime) -> list[str]:
    """Return the ids of current memories that have expired; `Items` deletes its own."""
    table = index.tables[granularity]
    rows = np.flatnonzero(table.expired(now) & table.column("alive") & ~table.column("former"))
    sessions = table.column("session")
    return [
        table.ids[row]
        for row in rows.tolist()
        if address_of(index.session_names[sessions[row]]) is None
    ]


def _active(memory: Memory) -> Memory:
    return replace(memory, state=State.ACTIVE, state_changed_at=None)


def _keys(memories: Iterable[Memory]) -> list[tuple[Granularity, str]]:
    return [(memory.granularity, memory.id) for memory in memories]

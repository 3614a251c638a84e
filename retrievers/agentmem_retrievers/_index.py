"""What a search needs to know of one scope; derived from the store, rebuilt when in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import numpy as np

from agentmem_stores import Batch, Entry, Granularity, Memory, MemoryStore, Scope, Vectors

from ._learning import Learning
from ._ledger import Ledger
from ._table import NONE, Table

__all__ = ["ScopeIndex"]


class ScopeIndex:
    """One scope's memories by granularity, their order in sessions and their associations."""

    def __init__(self, entries: Iterable[Entry] = (), *, dimension: int, revision: str) -> None:
        self.revision = revision
        self.edges: dict[str, dict[str, float]] = {}
        # Only of turns are vectors needed again: what surrounds a turn is compared as well.
        self.tables = {g: Table(dimension if g is Granularity.TURN else 0) for g in Granularity}
        self.learning = Learning()
        self.session_names: list[str] = []
        self._session_numbers: dict[str, int] = {}
        self._members: dict[tuple[str, Granularity], dict[str, tuple[int, datetime]]] = {}
        self._digests: dict[str, frozenset[str]] = {}
        # Sessions whose turns or summary changed since it was last known that they are digested.
        self._changed: set[str] = set()
        self._derivatives: dict[str, set[str]] = {}
        # The edges that each memory brought itself, which go when it is written again without.
        self._own: dict[str, dict[str, float]] = {}
        self.facts = Ledger()
        for entry in entries:
            self._put(entry.memory, entry.vector)

    @classmethod
    def build(cls, store: MemoryStore, scope: Scope) -> ScopeIndex:
        """Read a scope from the store."""
        # Asked for first: a write that comes between makes the index stale, not wrong.
        revision = store.revision(scope)
        dimension = store.embedder.dimension
        return cls(_entries(store, scope), dimension=dimension, revision=revision)

    def apply(self, batch: Batch, revision: str) -> None:
        """Take over what has just been written to the store."""
        for entry in batch.put:
            self._put(entry.memory, entry.vector)
        for memory in batch.patch:
            self.tables[memory.granularity].patch(memory)
            self._link(memory)
        for granularity, memory_id in batch.delete:
            self._remove(granularity, memory_id)
        self.revision = revision

    def _put(self, memory: Memory, vector: Vectors) -> None:
        self._leave_session(memory.granularity, memory.id)
        self._changed.add(memory.session_id)
        table = self.tables[memory.granularity]
        session = self._session_number(memory.session_id)
        table.put(memory, session, vector if memory.granularity is Granularity.TURN else None)
        self._link(memory)
        if memory.version_of is None:
            members = self._members.setdefault((memory.session_id, memory.granularity), {})
            members[memory.id] = (memory.position, memory.said_at)
        if memory.granularity is Granularity.SUMMARY:
            self._digests[memory.session_id] = frozenset(memory.sources)
        if memory.granularity is Granularity.CITATION:
            self.learning.note(memory)
        if memory.granularity is Granularity.FACT:
            self.facts.put(memory)

    def _session_number(self, session_id: str) -> int:
        number = self._session_numbers.setdefault(session_id, len(self.session_names))
        if number == len(self.session_names):
            self.session_names.append(session_id)
        return number

    def _link(self, memory: Memory) -> None:
        for target in self._own.pop(memory.id, {}):
            if memory.id not in self._own.get(target, {}):
                self.edges.get(memory.id, {}).pop(target, None)
                self.edges.get(target, {}).pop(memory.id, None)
        for edge in memory.edges:
            self._own.setdefault(memory.id, {})[edge.target] = edge.weight
            self.edges.setdefault(memory.id, {})[edge.target] = edge.weight
            self.edges.setdefault(edge.target, {})[memory.id] = edge.weight
        for source in memory.sources:
            self._derivatives.setdefault(source, set()).add(memory.id)

    def _remove(self, granularity: Granularity, memory_id: str) -> None:
        self._leave_session(granularity, memory_id)
        self.tables[granularity].remove(memory_id)
        if granularity is Granularity.CITATION:
            self.learning.forget(memory_id)
        self._derivatives.pop(memory_id, None)
        self._own.pop(memory_id, None)
        self.facts.remove(memory_id)
        for neighbour in self.edges.pop(memory_id, {}):
            self.edges.get(neighbour, {}).pop(memory_id, None)

    def _leave_session(self, granularity: Granularity, memory_id: str) -> None:
        table = self.tables[granularity]
        row = table.row_of.get(memory_id)
        if row is None:
            return
        session = self.session_names[table.column("session")[row]]
        self._members.get((session, granularity), {}).pop(memory_id, None)
        self._changed.add(session)
        if granularity is Granularity.SUMMARY:
            self._digests.pop(session, None)

    def granularity_of(self, memory_id: str) -> Granularity | None:
        """The granularity of a memory, or None when the scope does not hold it."""
        for granularity, table in self.tables.items():
            if memory_id in table.row_of:
                return granularity
        return None

    def pointing_at(self, memory_id: str) -> set[str]:
        """The ids of memories associated with a memory or derived from it."""
        return {*self.edges.get(memory_id, {}), *self._derivatives.get(memory_id, ())}

    def derived_from(self, memory_id: str) -> set[str]:
        """The ids of memories that name a memory among their sources."""
        return set(self._derivatives.get(memory_id, ()))

    def records(self, session_id: str, granularity: Granularity) -> list[str]:
        """The ids of all that one granularity holds of a session, former versions too."""
        table = self.tables[granularity]
        number = self._session_numbers.get(session_id, NONE)
        rows = np.flatnonzero(table.column("alive") & (table.column("session") == number))
        return [table.ids[row] for row in rows]

    def members(self, session_id: str, granularity: Granularity) -> list[str]:
        """The ids of what one granularity holds of a session, in order of position."""
        members = self._members.get((session_id, granularity), {})
        return sorted(members, key=lambda i: (members[i][0], i))

    def session_ids(self) -> list[str]:
        """The sessions that have turns, in the order in which they began."""
        return self._in_order(s for s, g in self._members if g is Granularity.TURN)

    def undigested(self) -> list[str]:
        """Those of them of which no summary covers every turn."""
        self._changed = {s for s in self._changed if not self.is_digested(s)}
        return self._in_order(self._changed)

    def _in_order(self, sessions: Iterable[str]) -> list[str]:
        members = {s: self._members.get((s, Granularity.TURN)) for s in sessions}
        starts = {s: min(said for _, said in held.values()) for s, held in members.items() if held}
        return sorted(starts, key=lambda s: (starts[s], s))

    def next_position(self, session_id: str) -> int:
        """The position of the next turn of a session."""
        turns = self._members.get((session_id, Granularity.TURN))
        return max(position for position, _ in turns.values()) + 1 if turns else 0

    def is_digested(self, session_id: str) -> bool:
        """Whether a summary covers every turn of the session."""
        covered = self._digests.get(session_id)
        if covered is None:
            return False
        turns = self._members.get((session_id, Granularity.TURN), {})
        return bool(turns) and covered == frozenset(turns)


def _entries(store: MemoryStore, scope: Scope) -> Iterator[Entry]:
    nothing = np.empty(0, dtype=np.float32)
    for granularity in Granularity:
        if granularity is Granularity.TURN:
            yield from store.entries(scope, granularity)
        else:
            yield from (Entry(memory, nothing) for memory in store.scan(scope, granularity))

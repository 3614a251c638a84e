"""What a search needs to know of one scope; derived from the store, rebuilt when in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from agentmem_retrievers.index.array_file import ArrayFile
from agentmem_retrievers.index.citations import CitationIndex
from agentmem_retrievers.index.fact_index import FactIndex
from agentmem_retrievers.index.graph import Adjacency, IdNumbering
from agentmem_retrievers.index.table import NONE, Table
from agentmem_stores import Batch, Entry, Granularity, Memory, MemoryStore, Scope

__all__ = ["ScopeIndex"]


class ScopeIndex:
    """One scope's memories by granularity, their order in sessions and their associations."""

    def __init__(self, entries: Iterable[Entry] = (), *, dimension: int, revision: str) -> None:
        self.revision = revision
        self.edges = Adjacency()
        self._sources = Adjacency()
        # How many records were written since the index was last kept in a file.
        self.unkept = 0
        # Only of turns are vectors needed again: what surrounds a turn is compared as well.
        self.tables = {g: Table(dimension if g is Granularity.TURN else 0) for g in Granularity}
        self.learning = CitationIndex()
        self.session_names: list[str] = []
        self._session_numbers: dict[str, int] = {}
        # Sessions whose turns or summary changed since it was last known that they are digested.
        self._changed: set[str] = set()
        self.facts = FactIndex()
        for entry in entries:
            self._put(entry)

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
            self._put(entry)
        for memory in batch.patch:
            self.tables[memory.granularity].patch(memory)
            self._link(memory)
        for granularity, memory_id in batch.delete:
            self._remove(granularity, memory_id)
        self.unkept += len(batch.patch) + len(batch.delete)
        self.revision = revision

    @property
    def wasted(self) -> int:
        """How many rows are of what was deleted or replaced."""
        return sum(len(table.ids) for table in self.tables.values()) - len(self)

    def renew(self, fresh: ScopeIndex) -> None:
        """Become another index of the same scope, for whoever holds this one; words stay known."""
        vocabulary = self.tables[Granularity.TURN].vocabulary
        self.__dict__.update(fresh.__dict__)
        turns = self.tables[Granularity.TURN]
        vocabulary.prune(turns.words.holding)
        turns.vocabulary = vocabulary

    def _put(self, entry: Entry) -> None:
        memory = entry.memory
        self._leave_session(memory.granularity, memory.id)
        self._changed.add(memory.session_id)
        self.unkept += 1
        table = self.tables[memory.granularity]
        session = self._session_number(memory.session_id)
        if memory.granularity is Granularity.TURN:
            table.put(memory, session, entry.vector, entry.token_codes)
        else:
            table.put(memory, session, None)
        self._link(memory)
        self._note(memory)

    def _session_number(self, session_id: str) -> int:
        number = self._session_numbers.setdefault(session_id, len(self.session_names))
        if number == len(self.session_names):
            self.session_names.append(session_id)
        return number

    def _link(self, memory: Memory) -> None:
        self.edges.bring(memory.id, {edge.target: edge.weight for edge in memory.edges})
        self._sources.bring(memory.id, dict.fromkeys(memory.sources, 1.0))

    def _remove(self, granularity: Granularity, memory_id: str) -> None:
        self._leave_session(granularity, memory_id)
        self.tables[granularity].remove(memory_id)
        if granularity is Granularity.CITATION:
            self.learning.forget(memory_id)
        self.facts.remove(memory_id)
        self.edges.cut(memory_id)
        self._sources.bring(memory_id, {})

    def _leave_session(self, granularity: Granularity, memory_id: str) -> None:
        table = self.tables[granularity]
        row = table.row_of.get(memory_id)
        if row is None:
            return
        self._changed.add(self.session_names[table.column("session")[row]])

    def granularity_of(self, memory_id: str) -> Granularity | None:
        """The granularity of a memory, or None when the scope does not hold it."""
        for granularity, table in self.tables.items():
            if memory_id in table.row_of:
                return granularity
        return None

    def pointing_at(self, memory_id: str) -> set[str]:
        """The ids of memories associated with a memory or derived from it."""
        return {*self.edges.get(memory_id, {}), *self._sources.leading_to(memory_id)}

    def derived_from(self, memory_id: str) -> set[str]:
        """The ids of memories that name a memory among their sources."""
        return set(self._sources.leading_to(memory_id))

    def records(self, session_id: str, granularity: Granularity) -> list[str]:
        """The ids of all that one granularity holds of a session, former versions too."""
        table = self.tables[granularity]
        number = self._session_numbers.get(session_id, NONE)
        rows = np.flatnonzero(table.column("alive") & (table.column("session") == number))
        return [table.ids[row] for row in rows]

    def members(self, session_id: str, granularity: Granularity) -> list[str]:
        """The ids of what one granularity holds of a session, in order of position."""
        table, position = self.tables[granularity], self.tables[granularity].column("position")
        rows = table.in_session(self._session_numbers.get(session_id, NONE))
        return [i for _, i in sorted((int(position[row]), table.ids[row]) for row in rows)]

    def session_ids(self) -> list[str]:
        """The sessions that have turns, in the order in which they began."""
        return self._in_order(self._session_numbers)

    def undigested(self) -> list[str]:
        """Those of them of which no summary covers every turn."""
        self._changed = {s for s in self._changed if not self.is_digested(s)}
        return self._in_order(self._changed)

    def _in_order(self, sessions: Iterable[str]) -> list[str]:
        turns = self.tables[Granularity.TURN]
        rows = {s: turns.in_session(self._session_numbers[s]) for s in sessions}
        starts = {s: float(turns.column("said")[held].min()) for s, held in rows.items() if held}
        return sorted(starts, key=lambda s: (starts[s], s))

    def next_position(self, session_id: str) -> int:
        """The position of the next turn of a session."""
        turns = self.tables[Granularity.TURN]
        last = turns.last_of(self._session_numbers.get(session_id, NONE))
        return 0 if last == NONE else int(turns.column("position")[last]) + 1

    def is_digested(self, session_id: str) -> bool:
        """Whether a summary covers every turn of the session."""
        summaries = self.members(session_id, Granularity.SUMMARY)
        if not summaries:
            return False
        turns = set(self.members(session_id, Granularity.TURN))
        covered = (set(self._sources.brought_by(summary)) for summary in summaries)
        return bool(turns) and any(held == turns for held in covered)

    def __len__(self) -> int:
        return sum(len(table) for table in self.tables.values())

    def to_arrays(self) -> ArrayFile:
        """Return what can be kept in a file; facts and citations are read from the store."""
        into = ArrayFile()
        into.strings["changed"] = self.undigested()
        for granularity, table in self.tables.items():
            table.to_arrays(into, granularity.value)
        held = {i: None for table in self.tables.values() for i in table.ids if i}
        others = [i for i in chain(self.edges.ends(), self._sources.ends()) if i not in held]
        into.strings["others"] = list(dict.fromkeys(others))
        names = IdNumbering(list(held), into.strings["others"])
        self.edges.to_arrays(into, "edges", names)
        self._sources.to_arrays(into, "sources", names)
        self.prune()
        into.strings["sessions"] = list(self.session_names)
        return into

    def prune(self) -> None:
        """Let go of the names of sessions of which nothing is left; numbers stay as they are."""
        used = np.zeros(len(self.session_names) + 1, dtype=np.bool_)
        for table in self.tables.values():
            used[table.column("session")[table.column("alive")]] = True
        for number in np.flatnonzero(~used[:-1]):
            name, self.session_names[number] = self.session_names[number], ""
            self._session_numbers.pop(name, None)
            self._changed.discard(name)

    @classmethod
    def from_arrays(
        cls, frozen: ArrayFile, noted: Iterable[Memory], *, dimension: int, revision: str
    ) -> ScopeIndex:
        """Return the index that `freeze` was called on.

        Args:
            noted: the scope's facts and citations.
        """
        index = cls(dimension=dimension, revision=revision)
        index.session_names = frozen.strings["sessions"]
        index._session_numbers = {s: n for n, s in enumerate(index.session_names) if s}
        index._changed = set(frozen.strings["changed"])
        for granularity in Granularity:
            wide = dimension if granularity is Granularity.TURN else 0
            index.tables[granularity] = Table.from_arrays(frozen, granularity.value, wide)
        held = [list(table.ids) for table in index.tables.values()]
        names = IdNumbering(*held, frozen.strings["others"])
        index.edges.from_arrays(frozen, "edges", names)
        index._sources.from_arrays(frozen, "sources", names)
        for memory in noted:
            index._note(memory)
        return index

    def _note(self, memory: Memory) -> None:
        if memory.granularity is Granularity.CITATION:
            self.learning.note(memory)
        if memory.granularity is Granularity.FACT:
            self.facts.put(memory)


def _entries(store: MemoryStore, scope: Scope) -> Iterator[Entry]:
    nothing = np.empty(0, dtype=np.float32)
    for granularity in Granularity:
        if granularity is Granularity.TURN:
            yield from store.scan_entries(scope, granularity)
        else:
            yield from (Entry(memory, nothing) for memory in store.scan(scope, granularity))

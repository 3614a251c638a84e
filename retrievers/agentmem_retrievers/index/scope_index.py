"""The derived index of one scope: tables, sessions, the association graph, facts and citations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.array_file import ArrayFile
from agentmem_retrievers.index.citations import CitationIndex
from agentmem_retrievers.index.fact_index import FactIndex
from agentmem_retrievers.index.graph import Adjacency, IdNumbering
from agentmem_retrievers.index.table import NONE, Table
from agentmem_stores import Batch, Entry, Granularity, Memory, MemoryStore, Scope
from agentmem_stores.filters import MemoryFilter

__all__ = ["ScopeIndex"]


class ScopeIndex:
    """What searching and writing look up in a scope; everything follows from the store.

    Attributes:
        revision: the revision of the store that the index reflects.
        tables: the memories by granularity; only turns have vectors and words.
        edges: associations between memories, by id.
        facts: what the FACT memories state.
        citations: what the CITATION memories teach.
        session_names: the id of each session by number, "" for those without memories.
        n_memories: how many memories the scope has, former versions included.
        n_dead_rows: how many rows of the tables belong to deleted or replaced memories.
        n_unpersisted: how many records were written since the index was last saved in a file.
        earliest_expiry: nothing expires before this time, in seconds since 1970.
    """

    def __init__(self, entries: Iterable[Entry] = (), *, dimension: int, revision: str) -> None:
        self.revision = revision
        self.tables = {g: Table(dimension if g is Granularity.TURN else 0) for g in Granularity}
        self.edges = Adjacency()
        self.facts = FactIndex()
        self.citations = CitationIndex()
        self.session_names: list[str] = []
        self.n_memories = self.n_dead_rows = self.n_unpersisted = 0
        self.earliest_expiry = math.inf
        self._session_numbers: dict[str, int] = {}
        # From what is derived to its sources.
        self._sources = Adjacency()
        # Sessions whose turns or summary changed since a summary was last known to cover them.
        self._changed_sessions: set[str] = set()
        for entry in entries:
            self._put(entry)

    @classmethod
    def build(cls, store: MemoryStore, scope: Scope) -> ScopeIndex:
        """Read a scope from the store."""
        # Read the revision first: a write in between makes the index stale, not wrong.
        revision = store.revision(scope)
        dimension = store.embedder.dimension
        return cls(_read_entries(store, scope), dimension=dimension, revision=revision)

    def __len__(self) -> int:
        return self.n_memories

    def apply(self, batch: Batch, revision: str) -> None:
        """Take over what was just written to the store."""
        for entry in batch.put:
            self._put(entry)
        for memory in batch.patch:
            if memory.expires_at is not None:
                self.earliest_expiry = min(self.earliest_expiry, memory.expires_at.timestamp())
            table = self.tables[memory.granularity]
            had_links = bool(table.columns["n_links"][table.row_of[memory.id]])
            table.patch(memory)
            self._set_links(memory, had_links)
        for granularity, memory_id in batch.delete:
            self._remove(granularity, memory_id)
        self.n_unpersisted += len(batch.patch) + len(batch.delete)
        self.revision = revision

    def is_replaced_by(self, batch: Batch) -> bool:
        """Return whether a batch deletes or replaces texts of the index."""
        if batch.delete:
            return True
        for entry in batch.put:
            if entry.memory.id in self.tables[entry.memory.granularity].row_of:
                return True
        return False

    def _put(self, entry: Entry) -> None:
        memory, table = entry.memory, self.tables[entry.memory.granularity]
        replaced = table.row_of.get(memory.id)
        had_links = replaced is not None and bool(table.columns["n_links"][replaced])
        if replaced is not None:
            self._mark_changed(table, memory.id)
            self.n_dead_rows += 1
        else:
            self.n_memories += 1
        if memory.expires_at is not None:
            self.earliest_expiry = min(self.earliest_expiry, memory.expires_at.timestamp())
        self._changed_sessions.add(memory.session_id)
        self.n_unpersisted += 1
        session = self._session_numbers.setdefault(memory.session_id, len(self.session_names))
        if session == len(self.session_names):
            self.session_names.append(memory.session_id)
        if memory.granularity is Granularity.TURN:
            table.put(memory, session, entry.vector, entry.token_codes)
        else:
            table.put(memory, session, None)
            self._put_derived(memory)
        self._set_links(memory, had_links)

    def _put_derived(self, memory: Memory) -> None:
        if memory.granularity is Granularity.CITATION:
            self.citations.put(memory)
        elif memory.granularity is Granularity.FACT:
            self.facts.put(memory)

    def _set_links(self, memory: Memory, had_links: bool) -> None:
        # Many turns have no links, before a recall and after it.
        if not (had_links or memory.edges or memory.sources):
            return
        self.edges.set_edges(memory.id, {edge.target: edge.weight for edge in memory.edges})
        self._sources.set_edges(memory.id, dict.fromkeys(memory.sources, 1.0))

    def _remove(self, granularity: Granularity, memory_id: str) -> None:
        table = self.tables[granularity]
        if memory_id in table.row_of:
            self._mark_changed(table, memory_id)
            self.n_memories -= 1
            self.n_dead_rows += 1
        table.remove(memory_id)
        self.citations.remove(memory_id)
        self.facts.remove(memory_id)
        self.edges.remove_node(memory_id)
        self._sources.set_edges(memory_id, {})

    def _mark_changed(self, table: Table, memory_id: str) -> None:
        row = table.row_of[memory_id]
        self._changed_sessions.add(self.session_names[table.columns["session"][row]])

    def rebuild_from(self, fresh: ScopeIndex) -> None:
        """Take over a new index of the same scope; embeddings of words are kept."""
        vocabulary = self.tables[Granularity.TURN].vocabulary
        self.__dict__.update(fresh.__dict__)
        turns = self.tables[Granularity.TURN]
        vocabulary.prune(turns.words.document_frequency)
        turns.vocabulary = vocabulary

    def prune(self) -> None:
        """Drop the words and session names that only deleted memories had."""
        turns = self.tables[Granularity.TURN]
        turns.vocabulary.prune(turns.words.document_frequency)
        self._prune_sessions()

    def _prune_sessions(self) -> None:
        used = np.zeros(len(self.session_names) + 1, dtype=np.bool_)
        for table in self.tables.values():
            used[table.column("session")[table.column("alive")]] = True
        for number in np.flatnonzero(~used[:-1]):
            name, self.session_names[number] = self.session_names[number], ""
            self._session_numbers.pop(name, None)
            self._changed_sessions.discard(name)

    def matching(self, granularity: Granularity, where: MemoryFilter | None) -> NDArray[np.bool_]:
        """Return which rows of a table have a memory that meets a filter, shape (rows,)."""
        table = self.tables[granularity]
        mask = table.column("alive").copy()
        if where is None:
            return mask
        if where.session_id is not None:
            mask &= table.column("session") == self._session_numbers.get(where.session_id, NONE)
        if where.since is not None:
            mask &= table.column("said_at") >= where.since.timestamp()
        if where.until is not None:
            mask &= table.column("said_at") < where.until.timestamp()
        if (where.role, where.speaker, where.metadata) != (None, None, None):
            mask &= table.attributes.matching(where, len(table.ids))
        return mask

    def granularity_of(self, memory_id: str) -> Granularity | None:
        """Return the granularity of a memory, or None for an unknown id."""
        for granularity, table in self.tables.items():
            if memory_id in table.row_of:
                return granularity
        return None

    def referencing(self, memory_id: str) -> set[str]:
        """Return the ids of memories associated with a memory or derived from it."""
        return {*self.edges.get(memory_id, {}), *self._sources.predecessors(memory_id)}

    def derived_from(self, memory_id: str) -> set[str]:
        """Return the ids of memories that have a memory among their sources."""
        return set(self._sources.predecessors(memory_id))

    def sources_of(self, memory_id: str) -> set[str]:
        """Return the ids of the memories that a memory was derived from."""
        return set(self._sources.successors(memory_id))

    def records(self, session_id: str, granularity: Granularity) -> list[str]:
        """Return the ids of all of a session's memories, former versions included."""
        table = self.tables[granularity]
        number = self._session_numbers.get(session_id, NONE)
        rows = np.flatnonzero(table.column("alive") & (table.column("session") == number))
        return [table.ids[row] for row in rows]

    def members(self, session_id: str, granularity: Granularity) -> list[str]:
        """Return the ids of a session's memories in order of position, then id."""
        table = self.tables[granularity]
        position = table.columns["position"]
        rows = table.in_session(self._session_numbers.get(session_id, NONE))
        return [i for _, i in sorted((int(position[row]), table.ids[row]) for row in rows)]

    def session_ids(self) -> list[str]:
        """Return the sessions that have turns, by the time of their first turn."""
        return self._by_start(self._session_numbers)

    def has_expired(self, now: datetime) -> bool:
        """Return whether a memory has expired by `now`; the caller reads the index."""
        # Those that expired first may have been deleted since.
        self.earliest_expiry = min(table.earliest_expiry() for table in self.tables.values())
        return self.earliest_expiry <= now.timestamp()

    def undigested(self) -> list[str]:
        """Return the sessions of which no summary covers every turn, by start."""
        self._changed_sessions = {s for s in self._changed_sessions if not self.is_digested(s)}
        return self._by_start(self._changed_sessions)

    def _by_start(self, sessions: Iterable[str]) -> list[str]:
        turns = self.tables[Granularity.TURN]
        rows = {s: turns.in_session(self._session_numbers[s]) for s in sessions}
        starts = {s: float(turns.column("said_at")[each].min()) for s, each in rows.items() if each}
        return sorted(starts, key=lambda s: (starts[s], s))

    def next_position(self, session_id: str) -> int:
        """Return the position of the next turn of a session."""
        turns = self.tables[Granularity.TURN]
        last = turns.last_of(self._session_numbers.get(session_id, NONE))
        return 0 if last == NONE else int(turns.columns["position"][last]) + 1

    def is_digested(self, session_id: str) -> bool:
        """Return whether a summary covers every turn of a session."""
        summaries = self.members(session_id, Granularity.SUMMARY)
        if not summaries:
            return False
        turns = set(self.members(session_id, Granularity.TURN))
        covered = (set(self._sources.successors(summary)) for summary in summaries)
        return bool(turns) and any(each == turns for each in covered)

    def to_arrays(self) -> ArrayFile:
        """Return what a file keeps; facts and citations are read from the store instead."""
        into = ArrayFile()
        into.strings["changed"] = self.undigested()
        for granularity, table in self.tables.items():
            table.to_arrays(into, granularity.value)
        known = {i: None for table in self.tables.values() for i in table.ids if i}
        nodes = chain(self.edges.nodes(), self._sources.nodes())
        into.strings["others"] = list(dict.fromkeys(i for i in nodes if i not in known))
        numbering = IdNumbering(list(known), into.strings["others"])
        self.edges.to_arrays(into, "edges", numbering)
        self._sources.to_arrays(into, "sources", numbering)
        self._prune_sessions()
        into.strings["sessions"] = list(self.session_names)
        return into

    @classmethod
    def from_arrays(
        cls, file: ArrayFile, derived: Iterable[Memory], *, dimension: int, revision: str
    ) -> ScopeIndex:
        """Return the index that `to_arrays` was called on.

        Args:
            derived: the scope's facts and citations.
        """
        index = cls(dimension=dimension, revision=revision)
        index.session_names = file.strings["sessions"]
        index._session_numbers = {s: n for n, s in enumerate(index.session_names) if s}
        index._changed_sessions = set(file.strings["changed"])
        for granularity in Granularity:
            width = dimension if granularity is Granularity.TURN else 0
            index.tables[granularity] = Table.from_arrays(file, granularity.value, width)
        index.earliest_expiry = min(table.earliest_expiry() for table in index.tables.values())
        index.n_memories = sum(len(table.row_of) for table in index.tables.values())
        index.n_dead_rows = sum(len(table.ids) for table in index.tables.values())
        index.n_dead_rows -= index.n_memories
        ids = [list(table.ids) for table in index.tables.values()]
        numbering = IdNumbering(*ids, file.strings["others"])
        index.edges.from_arrays(file, "edges", numbering)
        index._sources.from_arrays(file, "sources", numbering)
        for memory in derived:
            index._put_derived(memory)
        return index


def _read_entries(store: MemoryStore, scope: Scope) -> Iterator[Entry]:
    no_vector = np.empty(0, dtype=np.float32)
    for granularity in Granularity:
        if granularity is Granularity.TURN:
            yield from store.scan_entries(scope, granularity)
        else:
            yield from (Entry(memory, no_vector) for memory in store.scan(scope, granularity))

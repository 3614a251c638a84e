"""What a search needs to know of one scope, in columns; derived from the store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Batch, Granularity, Memory, MemoryStore, Scope, State

from ._lexical import InvertedIndex

__all__ = ["ScopeIndex", "Table"]

_STATES = {state: code for code, state in enumerate(State)}


def _seconds(moment: datetime | None) -> float:
    return np.nan if moment is None else moment.timestamp()


class Table:
    """The memories of one granularity, a row each; a replaced row is dead, its number kept."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.row_of: dict[str, int] = {}
        self.words = InvertedIndex()
        self._sessions: list[str] = []
        self._speakers: list[str] = []
        self._numbers = np.empty((64, 7), dtype=np.float64)

    def __len__(self) -> int:
        return len(self.row_of)

    def put(self, memory: Memory, *, same_text: bool = False) -> None:
        """Insert a memory, or replace the one with its id."""
        row = self.row_of.get(memory.id)
        if row is None or not same_text:
            if row is not None:
                self._kill(row)
            row = self._append(memory)
        self._numbers[row] = (
            memory.position,
            memory.said_at.timestamp(),
            memory.strength,
            _seconds(memory.last_recalled_at),
            _STATES[memory.state],
            _seconds(memory.state_changed_at),
            1.0,
        )

    def remove(self, memory_id: str) -> None:
        """Forget a memory; an unknown id is passed over."""
        row = self.row_of.pop(memory_id, None)
        if row is not None:
            self._kill(row)

    def _append(self, memory: Memory) -> int:
        row = self.words.add(memory.text)
        if row == len(self._numbers):
            self._numbers = np.concatenate([self._numbers, np.empty_like(self._numbers)])
        self.ids.append(memory.id)
        self.row_of[memory.id] = row
        self._sessions.append(memory.session_id)
        self._speakers.append(memory.speaker or "")
        return row

    def _kill(self, row: int) -> None:
        self._numbers[row, 6] = 0.0
        self.words.remove(row)

    def session_of(self, row: int) -> str:
        """The session that a row belongs to."""
        return self._sessions[row]

    def speaker_of(self, row: int) -> str:
        """Who said it; empty where the conversation names nobody."""
        return self._speakers[row]

    def _column(self, number: int) -> NDArray[np.float64]:
        return self._numbers[: len(self.ids), number]

    def visible(
        self, as_of: datetime | None, *, include_archived: bool = False
    ) -> NDArray[np.bool_]:
        """Which rows an ordinary search may find, or could have found at `as_of`; (rows,)."""
        state = self._column(4)
        shown = state == _STATES[State.ACTIVE]
        if include_archived:
            shown |= state == _STATES[State.ARCHIVED]
        if as_of is not None:
            shown |= self._column(5) > as_of.timestamp()
            shown &= self._column(1) <= as_of.timestamp()
        return shown & (self._column(6) > 0)

    def retention(self, now: datetime) -> NDArray[np.float64]:
        """R = exp(-t/S) of every row at `now`, shape (rows,); see `ForgettingCurve.retention`."""
        moment = now.timestamp()
        said, recalled = self._column(1), self._column(3)
        since = np.where((recalled > said) & (recalled <= moment), recalled, said)
        days = np.maximum(moment - since, 0.0) / 86_400.0
        retention: NDArray[np.float64] = np.exp(-days / self._column(2))
        return retention


class ScopeIndex:
    """One scope's memories by granularity, their order in sessions and their associations."""

    def __init__(self, memories: Iterable[Memory] = (), *, revision: str = "") -> None:
        self.revision = revision
        self.tables = {granularity: Table() for granularity in Granularity}
        self.edges: dict[str, dict[str, float]] = {}
        self._sessions: dict[str, dict[str, tuple[datetime, int]]] = {}
        self._derived: dict[tuple[str, Granularity], set[str]] = {}
        self._digests: dict[str, frozenset[str]] = {}
        self._derivatives: dict[str, set[str]] = {}
        for memory in memories:
            self._put(memory)

    @classmethod
    def build(cls, store: MemoryStore, scope: Scope) -> ScopeIndex:
        """Read a scope from the store."""
        revision = store.revision(scope)
        memories = (m for g in Granularity for m in store.scan(scope, g))
        return cls(memories, revision=revision)

    def apply(self, batch: Batch, revision: str) -> None:
        """Take over what has just been written to the store."""
        for entry in batch.put:
            self._put(entry.memory)
        for memory in batch.patch:
            self._put(memory, same_text=True)
        for granularity, memory_id in batch.delete:
            self._remove(granularity, memory_id)
        self.revision = revision

    def _put(self, memory: Memory, *, same_text: bool = False) -> None:
        self.tables[memory.granularity].put(memory, same_text=same_text)
        for edge in memory.edges:
            self.edges.setdefault(memory.id, {})[edge.target] = edge.weight
            self.edges.setdefault(edge.target, {})[memory.id] = edge.weight
        for source in memory.sources:
            self._derivatives.setdefault(source, set()).add(memory.id)
        if memory.version_of is None:
            self._put_in_session(memory)

    def _put_in_session(self, memory: Memory) -> None:
        session = memory.session_id
        if memory.granularity is Granularity.TURN:
            self._sessions.setdefault(session, {})[memory.id] = (memory.said_at, memory.position)
            return
        self._derived.setdefault((session, memory.granularity), set()).add(memory.id)
        if memory.granularity is Granularity.SUMMARY:
            self._digests[session] = frozenset(memory.sources)

    def _remove(self, granularity: Granularity, memory_id: str) -> None:
        table = self.tables[granularity]
        row = table.row_of.get(memory_id)
        if row is not None:
            session = table.session_of(row)
            self._sessions.get(session, {}).pop(memory_id, None)
            self._derived.get((session, granularity), set()).discard(memory_id)
            if granularity is Granularity.SUMMARY:
                self._digests.pop(session, None)
        table.remove(memory_id)
        for neighbour in self.edges.pop(memory_id, {}):
            self.edges.get(neighbour, {}).pop(memory_id, None)

    def granularity_of(self, memory_id: str) -> Granularity | None:
        """The granularity of a memory, or None when the scope does not hold it."""
        for granularity, table in self.tables.items():
            if memory_id in table.row_of:
                return granularity
        return None

    def pointing_at(self, memory_id: str) -> set[str]:
        """The ids of memories associated with a memory or derived from it."""
        return {*self.edges.get(memory_id, {}), *self._derivatives.get(memory_id, ())}

    def session_ids(self) -> list[str]:
        """The sessions that have turns, in the order in which they began."""
        starts = {s: min(t.values()) for s, t in self._sessions.items() if t}
        return sorted(starts, key=lambda s: (starts[s][0], s))

    def turns_of(self, session_id: str) -> list[str]:
        """The ids of a session's turns, in order of position."""
        turns = self._sessions.get(session_id, {})
        return sorted(turns, key=lambda i: (turns[i][1], i))

    def next_position(self, session_id: str) -> int:
        """The position of the next turn of a session."""
        turns = self._sessions.get(session_id)
        return max(position for _, position in turns.values()) + 1 if turns else 0

    def members(self, session_id: str, granularity: Granularity) -> list[str]:
        """The ids of what one granularity holds of a session; turns in order of position."""
        if granularity is Granularity.TURN:
            return self.turns_of(session_id)
        return sorted(self._derived.get((session_id, granularity), ()))

    def is_digested(self, session_id: str) -> bool:
        """Whether a summary covers every turn of the session."""
        turns = self._sessions.get(session_id, {})
        return bool(turns) and self._digests.get(session_id) == frozenset(turns)

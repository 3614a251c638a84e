"""Values under a key, kept among the memories of a scope and found like them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem.embedding.embedder import Embedder, EmbeddingBatch
from agentmem.feedback.reinforcement import Reinforcement
from agentmem.items.records import (
    UNINDEXED,
    Address,
    ItemDraft,
    StoredItem,
    address_of,
    head_ids,
    holds_value,
    records_of,
    session_of,
)
from agentmem.writing.writer import Clock, Writer, carry_over_recall_stats
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import (
    Batch,
    Entry,
    Granularity,
    Memory,
    MemoryStore,
    Scope,
    State,
    Vectors,
)

if TYPE_CHECKING:
    from agentmem.controller.deletion import Deleter

__all__ = ["Found", "Items"]

_TURN = Granularity.TURN


@dataclass(frozen=True)
class Found:
    """Where a search found an item; `score` is the cosine, None where it was not compared."""

    address: Address
    ids: tuple[str, ...]
    score: float | None = None


@dataclass(frozen=True)
class Items:
    """Items are memories: a record for each text, in a session of their own that has no turns.

    The record's id follows from namespace and key, so what is put under a key again replaces what
    was there. An item without texts is kept as superseded, which no search shows.
    """

    store: MemoryStore
    memories: IndexedStore
    embedder: Embedder
    writer: Writer
    reinforcement: Reinforcement
    deletion: Deleter
    clock: Clock
    lock: AbstractContextManager[Any]

    def get(self, scope: Scope, addresses: Sequence[Address]) -> dict[Address, StoredItem]:
        """Return the items under these addresses; those that are not there are left out."""
        ids = [i for a in dict.fromkeys(addresses) for i in head_ids(a)]
        return self._heads(scope, ids)

    def read(self, scope: Scope, found: Iterable[Found]) -> dict[Address, StoredItem]:
        """Return the items that a search found, as far as they are still there."""
        return self._heads(scope, [i for f in found for i in f.ids])

    def _heads(self, scope: Scope, ids: Sequence[str]) -> dict[Address, StoredItem]:
        now = self.clock()
        held: dict[Address, StoredItem] = {}
        for entry in self.store.get(scope, _TURN, ids) if ids else ():
            memory, address = entry.memory, address_of(entry.memory.session_id)
            if address is None or not holds_value(memory):
                continue
            if memory.expires_at is not None and memory.expires_at <= now:
                continue
            # A crash between putting and deleting may leave both of an item's possible heads.
            if address not in held or held[address].memory.written_at <= memory.written_at:
                held[address] = StoredItem(address, memory)
        return held

    def under(self, scope: Scope, prefix: tuple[str, ...] = ()) -> list[Found]:
        """Find all items of the namespaces that begin with `prefix`, oldest key first."""
        with self.lock:
            index = self.memories.index(scope)
            return [
                Found(address, _heads_of(index, rows))
                for address, rows in self._rows(index, prefix).items()
            ]

    def search(self, scope: Scope, prefix: tuple[str, ...], query: str) -> list[Found]:
        """Find the same, by the cosine of their nearest text to a query; the unindexed last."""
        vector = self.embedder.query(query)
        with self.lock:
            index = self.memories.index(scope)
            rows_of = self._rows(index, prefix)
            cosines = _cosines(index, [row for rows in rows_of.values() for row in rows], vector)
            found = [
                Found(
                    address,
                    _heads_of(index, rows),
                    max((cosines[r] for r in rows if r in cosines), default=None),
                )
                for address, rows in rows_of.items()
            ]
        return sorted(found, key=lambda f: -np.inf if f.score is None else f.score, reverse=True)

    def _rows(self, index: ScopeIndex, prefix: tuple[str, ...]) -> dict[Address, list[int]]:
        """The rows of every item that is alive, in the order in which keys were first put."""
        table = index.tables[_TURN]
        addresses = [address_of(name) for name in index.session_names]
        wanted = [a is not None and a[0][: len(prefix)] == prefix for a in addresses]
        sessions = table.column("session")
        alive = table.column("alive") & ~table.expired(self.clock())
        rows = np.flatnonzero(alive & np.array([*wanted, False], dtype=np.bool_)[sessions])
        found: dict[Address, list[int]] = {}
        for row in rows[np.argsort(table.column("position")[rows], kind="stable")]:
            address = addresses[sessions[row]]
            if address is not None and "@" not in table.ids[row]:
                found.setdefault(address, []).append(int(row))
        return found

    def put(self, scope: Scope, changes: Mapping[Address, ItemDraft | None]) -> None:
        """Put items under their addresses, or delete what is there where there is no draft.

        Raises:
            EmbeddingError: the embedder failed; nothing was written.
        """
        texts = [text for draft in changes.values() if draft for text in draft.texts]
        embedded = self.embedder.turns(texts)
        with self.lock:
            self.reinforcement.flush()
            index = self.memories.index(scope)
            old = {a: self._records(scope, index, a) for a in changes}
            new = self._memories(scope, index, changes, old)
            put = self._entries(new, embedded, old)
            kept = {entry.memory.id for entry in put}
            gone = [m for records in old.values() for m in records if m.id not in kept]
            self.deletion.replace(scope, gone, put=put)

    def _records(self, scope: Scope, index: ScopeIndex, address: Address) -> list[Memory]:
        """All that is there of an item, former versions too."""
        ids = index.members(session_of(address), _TURN)
        current = [e.memory for e in self.store.get(scope, _TURN, ids)] if ids else []
        former = [f"{m.id}@{n}" for m in current for n in range(1, m.version)]
        return [*current, *self.memories.get(scope, former)]

    def _memories(
        self,
        scope: Scope,
        index: ScopeIndex,
        changes: Mapping[Address, ItemDraft | None],
        old: Mapping[Address, Sequence[Memory]],
    ) -> list[Memory]:
        now = self.clock()
        position = int(index.tables[_TURN].column("position").max(initial=-1)) + 1
        new: list[Memory] = []
        for address, draft in changes.items():
            if draft is not None:
                held = [m for m in old[address] if m.expires_at is None or m.expires_at > now]
                place = min((m.position for m in held), default=position)
                heads = [m for m in held if holds_value(m)]
                since = StoredItem(address, heads[0]).created_at if heads else now
                made = records_of(scope, address, draft, now, since)
                new.extend(replace(m, position=place + n) for n, m in enumerate(made))
                position += len(made)
        return new

    def _entries(
        self,
        new: Sequence[Memory],
        embedded: EmbeddingBatch,
        old: Mapping[Address, Sequence[Memory]],
    ) -> list[Entry]:
        former = {m.id: m for records in old.values() for m in records}
        indexed = [m for m in new if m.state is State.ACTIVE]
        writer = self.writer
        put = writer.link(indexed, embedded, leave_out=frozenset(former)) if indexed else []
        nowhere = np.zeros(self.embedder.spec.dimension, dtype=np.float32)
        nowhere[0] = 1.0
        return [
            *carry_over_recall_stats(put, former),
            *(Entry(m, nowhere) for m in new if m.state is not State.ACTIVE),
        ]

    def touch(self, scope: Scope, items: Iterable[StoredItem]) -> None:
        """Let the time that items are kept begin anew; those kept for ever are passed over."""
        timed = {item.address: item.ttl for item in items if item.ttl is not None}
        if not timed:
            return
        with self.lock:
            index = self.memories.index(scope)
            now = self.clock()
            patch = [
                replace(record, expires_at=now + timedelta(minutes=ttl))
                for address, ttl in timed.items()
                for record in self._records(scope, index, address)
            ]
            self.memories.write(Batch(scope, patch=patch))

    def expire(self, scope: Scope) -> int:
        """Delete the items that are past their time; return how many there were."""
        with self.lock:
            index = self.memories.index(scope)
            table = index.tables[_TURN]
            due = table.column("alive") & table.expired(self.clock())
            numbers = {int(n) for n in table.column("session")[due]}
            addresses = (address_of(index.session_names[n]) for n in sorted(numbers))
            gone: dict[Address, ItemDraft | None] = {a: None for a in addresses if a is not None}
            if gone:
                self.put(scope, gone)
        return len(gone)


def _heads_of(index: ScopeIndex, rows: Sequence[int]) -> tuple[str, ...]:
    ids = [index.tables[_TURN].ids[row] for row in rows]
    return tuple(i for i in ids if i.endswith(("-0", f"-{UNINDEXED}")))


def _cosines(index: ScopeIndex, rows: Sequence[int], vector: Vectors) -> dict[int, float]:
    """How near the rows are to a vector, but for those of what is not indexed."""
    table = index.tables[_TURN]
    indexed = [row for row in rows if not table.ids[row].endswith(f"-{UNINDEXED}")]
    near = table.vectors(np.array(indexed, dtype=np.intp)) @ vector
    return dict(zip(indexed, near.tolist(), strict=True))

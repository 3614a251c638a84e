"""Items of a LangGraph store: values under a key, stored as memories and found like them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from agentmem.embedding.embedder import Embedder, EmbeddingBatch
from agentmem.feedback.reinforcement import Reinforcement
from agentmem.items.records import (
    UNINDEXED,
    Address,
    ItemDraft,
    StoredItem,
    address_of,
    has_value,
    head_ids,
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
from agentmem_stores.locks import ScopeLocks

if TYPE_CHECKING:
    from agentmem.controller.deletion import Deleter

__all__ = ["ItemHit", "Items"]

_TURN = Granularity.TURN


@dataclass(frozen=True)
class ItemHit:
    """An item that a search found.

    Attributes:
        ids: the records that may have its value.
        score: its cosine similarity to the query; None if it was not compared.
    """

    address: Address
    ids: tuple[str, ...]
    score: float | None = None


@dataclass(frozen=True)
class Items:
    """Stores an item as one memory for each of its texts, in a session of their own.

    The ids of the records follow from namespace and key, so putting a key again replaces its
    records. The record of an item without texts is superseded, which no search finds.
    """

    store: MemoryStore
    memories: IndexedStore
    embedder: Embedder
    writer: Writer
    reinforcement: Reinforcement
    deletion: Deleter
    clock: Clock
    locks: ScopeLocks

    def get(self, scope: Scope, addresses: Sequence[Address]) -> dict[Address, StoredItem]:
        """Return the items with these addresses; addresses without an item are left out."""
        return self._load(scope, [i for a in dict.fromkeys(addresses) for i in head_ids(a)])

    def load(self, scope: Scope, hits: Iterable[ItemHit]) -> dict[Address, StoredItem]:
        """Return the items of hits; those deleted meanwhile are left out."""
        return self._load(scope, [i for hit in hits for i in hit.ids])

    def _load(self, scope: Scope, ids: Sequence[str]) -> dict[Address, StoredItem]:
        now = self.clock()
        items: dict[Address, StoredItem] = {}
        for memory in self.store.get_memories(scope, _TURN, ids) if ids else ():
            address = address_of(memory.session_id)
            if address is None or not has_value(memory):
                continue
            if memory.expires_at is not None and memory.expires_at <= now:
                continue
            # A crash between put and delete may leave both possible records with a value.
            if address not in items or items[address].memory.written_at <= memory.written_at:
                items[address] = StoredItem(address, memory)
        return items

    def find(self, scope: Scope, prefix: tuple[str, ...] = ()) -> Sequence[ItemHit]:
        """Return all items of the namespaces that begin with `prefix`, oldest key first."""
        with self.memories.reading(scope) as index:
            return [
                ItemHit(address, _head_ids_in(index, rows))
                for address, rows in self._rows(index, prefix).items()
            ]

    def search(self, scope: Scope, prefix: tuple[str, ...], query: str) -> Sequence[ItemHit]:
        """Return the same items, by the cosine similarity of their nearest text to a query.

        Items without texts come last.
        """
        vector = self.embedder.query(query)
        with self.memories.reading(scope) as index:
            rows_of = self._rows(index, prefix)
            cosines = _cosines(index, [row for rows in rows_of.values() for row in rows], vector)
            hits = [
                ItemHit(
                    address,
                    _head_ids_in(index, rows),
                    max((cosines[r] for r in rows if r in cosines), default=None),
                )
                for address, rows in rows_of.items()
            ]
        return sorted(
            hits, key=lambda hit: -np.inf if hit.score is None else hit.score, reverse=True
        )

    def _rows(self, index: ScopeIndex, prefix: tuple[str, ...]) -> dict[Address, list[int]]:
        """The rows of every item that has not expired, in the order of their first put."""
        table = index.tables[_TURN]
        addresses = [address_of(name) for name in index.session_names]
        matches = [a is not None and a[0][: len(prefix)] == prefix for a in addresses]
        sessions = table.column("session")
        alive = table.column("alive") & ~table.expired(self.clock())
        rows = np.flatnonzero(alive & np.array([*matches, False], dtype=np.bool_)[sessions])
        rows_of: dict[Address, list[int]] = {}
        for row in rows[np.argsort(table.column("position")[rows], kind="stable")].tolist():
            address = addresses[sessions[row]]
            # The ids of former versions contain "@".
            if address is not None and "@" not in table.ids[row]:
                rows_of.setdefault(address, []).append(row)
        return rows_of

    def put(self, scope: Scope, changes: Mapping[Address, ItemDraft | None]) -> None:
        """Write items to their addresses; None deletes the item there.

        Raises:
            EmbeddingError: the embedder failed; nothing was written.
        """
        texts = [text for draft in changes.values() if draft for text in draft.texts]
        # Outside of the lock, so that no other call waits for the embedder.
        embedded = self.embedder.turns(texts)
        with self.locks.hold(scope):
            self.reinforcement.flush(scope)
            index = self.memories.index(scope)
            old = {address: self._records(scope, index, address) for address in changes}
            new = self._new_records(scope, index, changes, old)
            put = self._entries(new, embedded, old)
            new_ids = {entry.memory.id for entry in put}
            deleted = [m for records in old.values() for m in records if m.id not in new_ids]
            self.deletion.replace(scope, deleted, put)

    def _records(self, scope: Scope, index: ScopeIndex, address: Address) -> list[Memory]:
        """Every record of an item, with former versions."""
        current = self.memories.get(scope, index.members(session_of(address), _TURN))
        former = [f"{m.id}@{n}" for m in current for n in range(1, m.version)]
        return [*current, *self.memories.get(scope, former)]

    def _new_records(
        self,
        scope: Scope,
        index: ScopeIndex,
        changes: Mapping[Address, ItemDraft | None],
        old: Mapping[Address, Sequence[Memory]],
    ) -> list[Memory]:
        """The records of new items; an item that replaces another keeps its place and age."""
        now = self.clock()
        next_position = int(index.tables[_TURN].column("position").max(initial=-1)) + 1
        new: list[Memory] = []
        for address, draft in changes.items():
            if draft is None:
                continue
            alive = [m for m in old[address] if m.expires_at is None or m.expires_at > now]
            position = min((m.position for m in alive), default=next_position)
            heads = [m for m in alive if has_value(m)]
            created_at = StoredItem(address, heads[0]).created_at if heads else now
            records = records_of(scope, address, draft, now, created_at)
            new.extend(replace(m, position=position + n) for n, m in enumerate(records))
            next_position += len(records)
        return new

    def _entries(
        self,
        new: Sequence[Memory],
        embedded: EmbeddingBatch,
        old: Mapping[Address, Sequence[Memory]],
    ) -> list[Entry]:
        former = {m.id: m for records in old.values() for m in records}
        indexed = [m for m in new if m.state is State.ACTIVE]
        put = self.writer.link(indexed, embedded, leave_out=frozenset(former)) if indexed else []
        # A record that is not to be found needs a vector too, of unit length.
        placeholder = np.zeros(self.embedder.spec.dimension, dtype=np.float32)
        placeholder[0] = 1.0
        return [
            *carry_over_recall_stats(put, former),
            *(Entry(m, placeholder) for m in new if m.state is not State.ACTIVE),
        ]

    def touch(self, scope: Scope, items: Iterable[StoredItem]) -> None:
        """Restart the time to live of items; those without one are left as they are."""
        ttls = {item.address: item.ttl for item in items if item.ttl is not None}
        if not ttls:
            return
        with self.locks.hold(scope):
            index = self.memories.index(scope)
            now = self.clock()
            patch = [
                replace(record, expires_at=now + timedelta(minutes=ttl))
                for address, ttl in ttls.items()
                for record in self._records(scope, index, address)
            ]
            self.memories.write(Batch(scope, patch=patch))

    def expire(self, scope: Scope) -> int:
        """Delete the items whose time to live has passed; return how many there were."""
        with self.locks.hold(scope):
            index = self.memories.index(scope)
            table = index.tables[_TURN]
            expired = table.column("alive") & table.expired(self.clock())
            numbers = {int(n) for n in table.column("session")[expired]}
            addresses = (address_of(index.session_names[n]) for n in sorted(numbers))
            changes: dict[Address, ItemDraft | None] = {a: None for a in addresses if a is not None}
            if changes:
                self.put(scope, changes)
        return len(changes)


def _head_ids_in(index: ScopeIndex, rows: Sequence[int]) -> tuple[str, ...]:
    ids = [index.tables[_TURN].ids[row] for row in rows]
    return tuple(i for i in ids if i.endswith(("-0", f"-{UNINDEXED}")))


def _cosines(index: ScopeIndex, rows: Sequence[int], vector: Vectors) -> dict[int, float]:
    """The cosine similarity of each row to a vector; items without texts have none."""
    table = index.tables[_TURN]
    indexed = [row for row in rows if not table.ids[row].endswith(f"-{UNINDEXED}")]
    cosines = table.cosines(np.array(indexed, dtype=np.intp), vector)
    return dict(zip(indexed, cosines.tolist(), strict=True))

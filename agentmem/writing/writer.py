"""From drafts to memories: place in a session, link to known memories, write as one batch."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import numpy as np

from agentmem.embedding.embedder import Embedder, EmbeddingBatch
from agentmem.writing.association import Association
from agentmem.writing.messages import Draft
from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.forgetting import IMPORTANCE
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import (
    Batch,
    Edge,
    Entry,
    Granularity,
    Memory,
    MemoryStore,
    Neighbor,
    Scope,
    State,
)
from agentmem_stores.exact import dot_products
from agentmem_stores.records import with_date_conventions

__all__ = ["Clock", "Writer", "carry_over_recall_stats", "is_generated", "without_links"]

Clock = Callable[[], datetime]

# The resolution of times.
_TICK = timedelta(microseconds=1)

# Ids are UUIDs of version 8, which is for uses like this one; clients make those of other versions.
_VERSION = 0x8 << 76
_VARIANT = 0x8 << 60
_FREE_BITS = (1 << 128) - 1 ^ (0xF << 76) ^ (0xC << 60)
_GENERATED = re.compile(r"[0-9a-f]{12}8[0-9a-f]{3}[89ab][0-9a-f]{15}")

_by_id, _by_similarity = attrgetter("id"), attrgetter("similarity")


def is_generated(memory_id: str) -> bool:
    """Return whether a `Writer` made an id, so that its message came without one.

    >>> is_generated("6f0c1d2e3a4b8c5d9e6f7a8b9c0d1e2f"), is_generated("msg_1")
    (True, False)
    """
    return _GENERATED.fullmatch(memory_id) is not None


@dataclass(frozen=True)
class Writer:
    """Writes new memories, and links them to those that are known."""

    store: MemoryStore
    memories: IndexedStore
    embedder: Embedder
    curve: ForgettingCurve
    association: Association
    clock: Clock
    rng: random.Random
    _last_write: dict[Scope, tuple[datetime, datetime]] = field(default_factory=dict)

    def write_sessions(
        self,
        scope: Scope,
        sessions: Mapping[str, Sequence[Draft]],
        embedded: EmbeddingBatch,
        patch: Sequence[Memory] = (),
    ) -> list[Memory]:
        """Write the next turns of one or more sessions in one batch, durable on return.

        A draft is left out if the scope, or the call, has a memory of its id already.

        Args:
            embedded: the embeddings of all drafts, in order.
            patch: memories whose metadata change with the same batch.

        Returns:
            The turns written.
        """
        index, (now, written_at) = self.memories.index(scope), self._times(scope)
        turns: dict[str, Memory] = {}
        rows, importances = [], []
        row = -1
        for session_id, drafts in sessions.items():
            position = index.next_position(session_id)
            for draft in drafts:
                row += 1
                memory_id = draft.id or self.new_id()
                if draft.id and (draft.id in turns or index.granularity_of(draft.id)):
                    continue
                said_at = scope.localize(draft.said_at or now)
                turns[memory_id] = Memory(
                    id=memory_id,
                    scope=scope,
                    granularity=Granularity.TURN,
                    text=draft.text,
                    session_id=session_id,
                    said_at=said_at,
                    written_at=written_at,
                    role=draft.role,
                    speaker=draft.speaker,
                    position=position,
                    expires_at=draft.expires_at,
                    metadata=with_date_conventions(
                        _with_importance(draft), said_at, day_first=scope.day_first
                    ),
                )
                position += 1
                rows.append(row)
                importances.append(draft.importance or 0.0)
        if not turns:
            self.memories.write(Batch(scope, patch=patch))
            return []
        entries = self.link(list(turns.values()), embedded.select(rows), importances)
        self.memories.write(Batch(scope, put=entries, patch=patch))
        return [entry.memory for entry in entries]

    def _times(self, scope: Scope) -> tuple[datetime, datetime]:
        """Return when a statement of now is said, and when it is written.

        Times of writing grow in each scope, so that they order what the clock gives the same time.
        If the clock was set back since the last write, a statement follows that one all the same.
        """
        now = self.clock()
        if scope not in self._last_write:
            last = self._last_turn(scope)
            self._last_write[scope] = (now, now) if last is None else (last, last)
            if last is None:
                return now, now
        last_now, last_written = self._last_write[scope]
        written_at = now if now > last_written else last_written + _TICK
        said_at = now if now >= last_now else written_at
        self._last_write[scope] = max(now, last_now), written_at
        return said_at, written_at

    def _last_turn(self, scope: Scope) -> datetime | None:
        """When the newest turn of a scope was written; None without any."""
        table = self.memories.index(scope).tables[Granularity.TURN]
        rows = table.row_of.values()
        if not rows:
            return None
        [memory] = self.memories.get(scope, [table.ids[max(rows)]])
        return memory.written_at

    def new_id(self) -> str:
        """Return a new random id, which `is_generated` tells from those of clients."""
        return uuid.UUID(int=self.rng.getrandbits(128) & _FREE_BITS | _VERSION | _VARIANT).hex

    def without_duplicates(self, scope: Scope, drafts: Sequence[Draft]) -> list[Draft]:
        """Return the drafts without an id, or with one that is new to the scope and the list."""
        ids: set[str] = set()
        new = []
        for draft in drafts:
            if draft.id is not None:
                if draft.id in ids or self.memories.index(scope).granularity_of(draft.id):
                    continue
                ids.add(draft.id)
            new.append(draft)
        return new

    def link(
        self,
        memories: Sequence[Memory],
        embedded: EmbeddingBatch,
        importances: Sequence[float] | None = None,
        leave_out: frozenset[str] = frozenset(),
    ) -> list[Entry]:
        """Give new memories of one granularity their initial strength and their associations.

        Each is compared with the nearest known memories and with those before it in the list.

        Args:
            memories: at least one.
            importances: in [0, 1], one for each memory; by default 0.
            leave_out: ids that are about to be replaced, so not to be linked to.
        """
        vectors = embedded.vectors
        neighbors = self._nearest(memories[0], embedded, leave_out)
        among = np.clip(dot_products(vectors, vectors), -1.0, 1.0)
        for i, known in enumerate(neighbors):
            for j in np.argsort(-among[i, :i], kind="stable")[: self.association.neighbors]:
                known.append(Neighbor(memories[j].id, float(among[i, j])))
            # Equally near ones by id, so that links do not depend on the order of the store.
            known.sort(key=_by_id)
            known.sort(key=_by_similarity, reverse=True)
        nearest_of = [known[0].similarity if known else 0.0 for known in neighbors]
        # Nothing is fitted where nothing is near.
        edges: Sequence[tuple[Edge, ...]] = [()] * len(memories)
        if max(nearest_of) >= self.association.floor:
            edges = self.association.edges(neighbors)
        entries = []
        for i, (memory, nearest) in enumerate(zip(memories, nearest_of, strict=True)):
            strength = self.curve.initial_strength(
                surprise=min(max(1 - nearest, 0.0), 1.0),
                importance=importances[i] if importances else 0.0,
            )
            linked = replace(memory, strength=strength, edges=edges[i])
            entries.append(Entry(linked, vectors[i], embedded.token_codes[i]))
        return entries

    def _nearest(
        self, example: Memory, embedded: EmbeddingBatch, leave_out: frozenset[str]
    ) -> list[list[Neighbor]]:
        """The nearest memories of each vector that can be linked to: active or archived."""
        scope, granularity = example.scope, example.granularity
        table = self.memories.index(scope).tables[granularity]
        if not len(table):
            return [[] for _ in embedded.token_codes]
        # Those that are left out may be among the nearest.
        n = self.association.neighbors + len(leave_out)
        nearest = []
        for neighbors in self.store.nearest(scope, granularity, embedded.vectors, n):
            # Another client may have written since the index was brought up to date.
            indexed = [n for n in neighbors if n.id in table.row_of and n.id not in leave_out]
            rows = np.array([table.row_of[n.id] for n in indexed], dtype=np.intp)
            linkable = table.visible(None, include_archived=True, rows=rows)
            nearest.append([indexed[i] for i in np.flatnonzero(linkable).tolist()])
        return nearest

    def new_version(
        self, old: Memory, new: Memory, embedded: EmbeddingBatch, said_at: datetime
    ) -> list[Entry]:
        """Return the new version of a memory, and the former one as a record of its own.

        Args:
            new: the memory with its new text, speaker and metadata.
            said_at: since when the new version holds.
        """
        new = replace(
            new, said_at=said_at, written_at=self.clock(), version=old.version + 1, edges=()
        )
        [entry] = self.link([new], embedded, leave_out=frozenset({old.id}))
        # An edit makes no memory weaker.
        new = replace(
            entry.memory,
            strength=max(entry.memory.strength, old.strength),
            state=State.ACTIVE,
            state_changed_at=None,
        )
        former = replace(
            old,
            id=f"{old.id}@{old.version}",
            version_of=old.id,
            state=State.SUPERSEDED,
            state_changed_at=said_at,
            edges=(),
        )
        [stored] = self.store.get(old.scope, old.granularity, [old.id])
        return [replace(entry, memory=new), replace(stored, memory=former)]


def _with_importance(draft: Draft) -> Mapping[str, Any]:
    if not draft.importance:
        return draft.metadata
    return {**draft.metadata, IMPORTANCE: draft.importance}


def without_links(
    memories: IndexedStore, scope: Scope, removed: Collection[str], written: Collection[str]
) -> list[Memory]:
    """Return the memories that point at ids about to be removed, without those links and sources.

    Args:
        written: ids that the same change writes, so that they need no patch.
    """
    index = memories.index(scope)
    pointing = {n for i in removed for n in index.referencing(i)}.difference(removed, written)
    return [
        replace(
            memory,
            edges=tuple(e for e in memory.edges if e.target not in removed),
            sources=tuple(s for s in memory.sources if s not in removed),
        )
        for memory in memories.get(scope, sorted(pointing))
    ]


def carry_over_recall_stats(put: Sequence[Entry], old: Mapping[str, Memory]) -> list[Entry]:
    """Return entries with the strength and recalls of the memories that they replace.

    Args:
        old: the replaced memories by id; entries of other ids are returned as they are.
    """
    carried = []
    for entry in put:
        former = old.get(entry.memory.id)
        if former is not None:
            memory = replace(
                entry.memory,
                strength=max(entry.memory.strength, former.strength),
                last_recalled_at=former.last_recalled_at,
                recall_count=former.recall_count,
                recalls=former.recalls,
            )
            entry = replace(entry, memory=memory)
        carried.append(entry)
    return carried

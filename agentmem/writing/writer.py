"""From drafts to memories: embed, compare with what is known, link, and write as one batch."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from agentmem.embedding.embedder import Embedder, EmbeddingBatch
from agentmem.writing.association import Association
from agentmem.writing.messages import Draft
from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.blas import SINGLE_THREADED_BLAS
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.ranking.visibility import VisibilityMask
from agentmem_stores import (
    Batch,
    Entry,
    Granularity,
    Memory,
    MemoryStore,
    Neighbor,
    Scope,
    State,
    Vectors,
)

__all__ = ["Clock", "Writer", "carry_over_recall_stats"]

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Writer:
    """Makes memories of what was said."""

    store: MemoryStore
    memories: IndexedStore
    embedder: Embedder
    curve: ForgettingCurve
    association: Association
    clock: Clock
    rng: random.Random

    def write_turns(
        self, scope: Scope, session_id: str, drafts: Sequence[Draft], embedded: EmbeddingBatch
    ) -> list[Memory]:
        """Write the next turns of a session, but those held already; durable on return."""
        return self.write_sessions(scope, {session_id: drafts}, embedded)

    def write_sessions(
        self, scope: Scope, sessions: Mapping[str, Sequence[Draft]], embedded: EmbeddingBatch
    ) -> list[Memory]:
        """Write the next turns of several sessions in one batch, as `write_turns` does.

        Args:
            embedded: all drafts in their order.
        """
        placed = [(session, draft) for session, drafts in sessions.items() for draft in drafts]
        rows = self.without_duplicates(scope, [draft for _, draft in placed])
        if not rows:
            return []
        made: list[Memory] = []
        for session in sessions:
            mine = [placed[row][1] for row in rows if placed[row][0] == session]
            made += self.drafted_turns(scope, session, mine)
        importances = [placed[row][1].importance or 0.0 for row in rows]
        entries = self.link(made, embedded.select(rows), importances)
        self.memories.write(Batch(scope, put=entries))
        return [entry.memory for entry in entries]

    def drafted_turns(self, scope: Scope, session_id: str, drafts: Sequence[Draft]) -> list[Memory]:
        """Return drafts as the next turns of a session, without strength and associations."""
        now = self.clock()
        first = self.memories.index(scope).next_position(session_id)
        return [
            Memory(
                id=draft.id or self.new_id(),
                scope=scope,
                granularity=Granularity.TURN,
                text=draft.text,
                session_id=session_id,
                said_at=draft.said_at or now,
                written_at=now,
                role=draft.role,
                speaker=draft.speaker,
                position=first + i,
                metadata=draft.metadata,
            )
            for i, draft in enumerate(drafts)
        ]

    def new_id(self) -> str:
        """Return an id that nothing has."""
        return uuid.UUID(int=self.rng.getrandbits(128), version=4).hex

    def without_duplicates(self, scope: Scope, drafts: Sequence[Draft]) -> list[int]:
        """Which drafts have no id, or one that nothing in the scope and none before them has."""
        index = self.memories.index(scope)
        seen: set[str] = set()
        rows = []
        for row, draft in enumerate(drafts):
            if draft.id is None or not (draft.id in seen or index.granularity_of(draft.id)):
                rows.append(row)
                seen.add(draft.id or "")
        return rows

    @SINGLE_THREADED_BLAS
    def link(
        self,
        memories: Sequence[Memory],
        embedded: EmbeddingBatch,
        importances: Sequence[float] | None = None,
        leave_out: frozenset[str] = frozenset(),
    ) -> list[Entry]:
        """Give new memories of one granularity their first strength and their associations.

        Args:
            leave_out: ids that are about to be replaced, so not to be linked to.
        """
        vectors = embedded.vectors
        known = self._known(memories, vectors, leave_out)
        among = np.clip(vectors @ vectors.T, -1.0, 1.0)
        entries = []
        for i, memory in enumerate(memories):
            near = np.argsort(-among[i, :i], kind="stable")[: self.association.neighbors]
            earlier = [Neighbor(memories[j].id, float(among[i, j])) for j in near]
            found = sorted(known[i] + earlier, key=lambda n: (-n.similarity, n.id))
            nearest = found[0].similarity if found else 0.0
            importance = importances[i] if importances else 0.0
            strength = self.curve.initial_strength(float(np.clip(1 - nearest, 0, 1)), importance)
            linked = replace(memory, strength=strength, edges=self.association.edges(found))
            entries.append(Entry(linked, vectors[i], embedded.token_codes[i]))
        return entries

    def _known(
        self, memories: Sequence[Memory], vectors: Vectors, leave_out: frozenset[str]
    ) -> list[list[Neighbor]]:
        """The nearest memories of each vector that can be linked to: no former versions."""
        scope, granularity = memories[0].scope, memories[0].granularity
        table = self.memories.index(scope).tables[granularity]
        if not len(table):
            return [[] for _ in memories]
        n = self.association.neighbors + len(leave_out)
        shown = VisibilityMask(table, None, include_archived=True)
        known = []
        for found in self.store.nearest(scope, granularity, vectors, n):
            # What another client has written since the index was looked at is passed over.
            mine = [f for f in found if f.id in table.row_of and f.id not in leave_out]
            rows = np.array([table.row_of[f.id] for f in mine], dtype=np.intp)
            known.append([f for f, is_shown in zip(mine, shown.at(rows), strict=True) if is_shown])
        return known

    def updated(
        self, old: Memory, new: Memory, embedded: EmbeddingBatch, said_at: datetime
    ) -> list[Entry]:
        """Return the new version of a memory, and the former one as a record of its own.

        Args:
            new: the memory with what has changed in what it says.
        """
        now = self.clock()
        new = replace(new, said_at=said_at, written_at=now, version=old.version + 1, edges=())
        [entry] = self.link([new], embedded, leave_out=frozenset({old.id}))
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


def carry_over_recall_stats(put: Sequence[Entry], old: Mapping[str, Memory]) -> list[Entry]:
    """Let memories keep the strength that recalls have given to those that they replace.

    Args:
        old: what is replaced, by its id; others are new.
    """
    return [replace(e, memory=_lived(e.memory, old.get(e.memory.id))) for e in put]


def _lived(memory: Memory, old: Memory | None) -> Memory:
    if old is None:
        return memory
    return replace(
        memory,
        strength=max(memory.strength, old.strength),
        last_recalled_at=old.last_recalled_at,
        recall_count=old.recall_count,
    )

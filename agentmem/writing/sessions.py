"""Ending a session: its passages, summary and keywords are written from all of its turns."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from agentmem.digest.digest import Digester
from agentmem.embedding.embedder import MEAN_OF_TURNS, EmbeddingBatch, mean_direction
from agentmem.facts.facts import Facts
from agentmem.writing.passages import passages
from agentmem.writing.writer import Writer, carry_over_recall_stats
from agentmem_stores import (
    Batch,
    EmbeddingError,
    Entry,
    Granularity,
    InvalidInputError,
    Memory,
    MemoryNotFoundError,
    Scope,
    StoreError,
    Vectors,
)

__all__ = ["DERIVED", "ITEM_PREFIX", "Sessions", "is_derived", "is_item_session"]

# The summary comes last: it marks that the others are there, whatever a crash cuts off.
DERIVED = (Granularity.SESSION, Granularity.KEYWORDS, Granularity.FACT, Granularity.SUMMARY)

# What is kept one by one, such as notes and the items of a LangGraph store, is in sessions whose
# names begin with this. Nobody speaks in them, so there is nothing to sum up.
ITEM_PREFIX = "shelf:"

_log = logging.getLogger("agentmem")

_IDS = uuid.UUID("5ac9e3a4-0f5e-4b47-9d0c-6a4b0d1c7f11")


def is_item_session(session_id: str) -> bool:
    """Whether a session is no conversation, see `SHELF`."""
    return session_id.startswith(ITEM_PREFIX)


def is_derived(memory: Memory) -> bool:
    """Whether a memory was made from its sources, and goes when one of them does.

    A turn that stands for others which say the same has sources too, but somebody said it.
    """
    made_up = memory.role == "system" and is_item_session(memory.session_id)
    return bool(memory.sources) and (memory.granularity is not Granularity.TURN or made_up)


@dataclass(frozen=True)
class Sessions:
    """Writes what is derived from whole sessions."""

    writer: Writer
    digester: Digester
    facts: Facts

    def unfinished(self, scope: Scope) -> list[str]:
        """Sessions whose derived memories do not cover all of their turns, oldest first."""
        return [s for s in self.writer.memories.index(scope).undigested() if not is_item_session(s)]

    def end(self, scope: Scope, session_id: str) -> list[Memory]:
        """Write a session's derived memories, replacing those of an earlier end.

        Raises:
            MemoryNotFoundError: the session has no turns.
            InvalidInputError: it is no conversation.
        """
        if is_item_session(session_id):
            raise InvalidInputError(f"session {session_id!r} is no conversation; it has no end")
        index = self.writer.memories.index(scope)
        ids = index.members(session_id, Granularity.TURN)
        if not ids:
            raise MemoryNotFoundError(
                f"session {session_id!r} of {scope} has no turns; add some before ending it"
            )
        if index.is_digested(session_id):
            return self._derived(scope, session_id)
        turns = self.writer.store.get(scope, Granularity.TURN, ids)
        return self._write(scope, {session_id: turns})

    def end_or_leave(self, scope: Scope, session_ids: Sequence[str]) -> list[Memory]:
        """End sessions in one batch, after something that stands even if this fails.

        What could not be ended stays unfinished, and is tried again with the next turn added.

        Returns:
            What was written of them; nothing of those that need not be ended.
        """
        try:
            written = self._end_many(scope, session_ids)
        except (EmbeddingError, StoreError) as error:
            _log.warning("sessions of %s could not be summed up for now: %s", scope, error)
            return []
        return [memory for memory in written if memory.session_id in session_ids]

    def _end_many(self, scope: Scope, session_ids: Sequence[str]) -> list[Memory]:
        index, store = self.writer.memories.index(scope), self.writer.store
        ended: dict[str, list[Entry]] = {}
        for session_id in session_ids:
            ids = index.members(session_id, Granularity.TURN)
            if ids and not is_item_session(session_id) and not index.is_digested(session_id):
                ended[session_id] = store.get(scope, Granularity.TURN, ids)
        return self._write(scope, ended) if ended else []

    def _write(self, scope: Scope, sessions: Mapping[str, Sequence[Entry]]) -> list[Memory]:
        batch = self._batch(scope, sessions)
        self.writer.memories.write(batch)
        self.writer.memories.learn(scope)
        return [entry.memory for entry in batch.put]

    def removal(self, scope: Scope, session_id: str) -> list[tuple[Granularity, str]]:
        """What was derived from a session, to be deleted with or before its turns."""
        index = self.writer.memories.index(scope)
        return [(g, i) for g in DERIVED for i in index.records(session_id, g)]

    def _derived(self, scope: Scope, session_id: str) -> list[Memory]:
        index, store = self.writer.memories.index(scope), self.writer.store
        return [
            entry.memory
            for g in DERIVED
            for entry in store.get(scope, g, index.members(session_id, g))
        ]

    def _drafts(self, turns: Sequence[Memory]) -> list[Memory]:
        """The derived memories, without strength and associations."""
        embedder = self.writer.embedder
        drafts = [
            self._draft(part.turns, Granularity.SESSION, n, part.text)
            for n, part in enumerate(passages(turns, embedder.count_tokens, embedder.max_tokens))
        ]
        digest = self.digester.digest([(t.speaker or t.role, t.text) for t in turns])
        if digest.keywords:
            keywords = ", ".join(digest.keywords)
            drafts.append(self._draft(turns, Granularity.KEYWORDS, 0, keywords))
        return [*drafts, self._draft(turns, Granularity.SUMMARY, 0, digest.summary)]

    def _draft(
        self, turns: Sequence[Memory], granularity: Granularity, part: int, text: str
    ) -> Memory:
        first, last = turns[0], max(turns, key=lambda t: t.said_at)
        return Memory(
            id=uuid.uuid5(_IDS, f"{granularity}\n{part}\n{first.session_id}").hex,
            scope=first.scope,
            granularity=granularity,
            text=text,
            session_id=first.session_id,
            # Nobody could have known the whole before its last turn was said.
            said_at=last.said_at,
            written_at=self.writer.clock(),
            role="system",
            position=first.position,
            sources=tuple(t.id for t in turns),
        )

    def _batch(self, scope: Scope, sessions: Mapping[str, Sequence[Entry]]) -> Batch:
        drafts = [d for turns in sessions.values() for d in self._drafts([t.memory for t in turns])]
        vectors = self._vectors(drafts, [t for turns in sessions.values() for t in turns])
        facts = self.facts.of_turns(scope, [t for turns in sessions.values() for t in turns])
        put: list[Entry] = []
        for granularity in DERIVED:
            if granularity is Granularity.FACT:
                put.extend(facts)
            rows = [i for i, d in enumerate(drafts) if d.granularity is granularity]
            if rows:
                old = frozenset(i for s in sessions for i in self._kept(scope, s, granularity))
                group = [drafts[i] for i in rows]
                embedded = EmbeddingBatch.without_tokens(vectors[rows])
                put.extend(self.writer.link(group, embedded, leave_out=old))
        put = self._with_old_lives(scope, put)
        kept = {(e.memory.granularity, e.memory.id) for e in put}
        kept |= {(Granularity.FACT, i) for s in sessions for i in self._edited(scope, s)}
        stale = [r for s in sessions for r in self.removal(scope, s) if r not in kept]
        patch = self._unlinked(scope, {i for _, i in stale}, {i for _, i in kept})
        return Batch(scope, put=put, patch=patch, delete=stale)

    def _vectors(self, drafts: Sequence[Memory], turns: Sequence[Entry]) -> Vectors:
        """Of keywords, their embeddings; of the others, the middle of their turns'."""
        known = {turn.memory.id: turn.vector for turn in turns}
        told = [d.text for d in drafts if d.granularity not in MEAN_OF_TURNS]
        embedded = iter(self.writer.embedder.documents(told))
        return np.stack(
            [
                mean_direction([known[i] for i in d.sources])
                if d.granularity in MEAN_OF_TURNS
                else next(embedded)
                for d in drafts
            ]
        )

    def _unlinked(self, scope: Scope, gone: set[str], written: set[str]) -> list[Memory]:
        """What is linked to memories that are about to go, without these links."""
        index, store = self.writer.memories.index(scope), self.writer.store
        near = {n for i in gone for n in index.edges.get(i, {})} - gone - written
        return [
            replace(m, edges=tuple(e for e in m.edges if e.target not in gone))
            for g in Granularity
            for m in (e.memory for e in store.get(scope, g, sorted(near)))
        ]

    def _edited(self, scope: Scope, session_id: str) -> set[str]:
        index = self.writer.memories.index(scope)
        return self.facts.edited(scope, index.records(session_id, Granularity.FACT))

    def _kept(self, scope: Scope, session_id: str, granularity: Granularity) -> list[str]:
        return self.writer.memories.index(scope).members(session_id, granularity)

    def _with_old_lives(self, scope: Scope, put: Sequence[Entry]) -> list[Entry]:
        """A rewritten memory keeps the strength that recalls have given it."""
        old: dict[str, Memory] = {}
        for granularity in DERIVED:
            ids = [e.memory.id for e in put if e.memory.granularity is granularity]
            old |= {m.id: m for m in self.writer.store.get_memories(scope, granularity, ids)}
        return carry_over_recall_stats(put, old)

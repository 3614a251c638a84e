"""Ending a session: its passages, keywords, facts and summary are derived from its turns."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agentmem.digest.digest import Digester
from agentmem.embedding.embedder import (
    MEAN_OF_TURNS,
    Embedder,
    EmbeddingBatch,
    mean_direction,
)
from agentmem.facts.bookkeeping import Facts
from agentmem.provenance import derived_provenance
from agentmem.writing.writer import Clock, Writer, carry_over_recall_stats, without_links
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import (
    Batch,
    EmbeddingError,
    Entry,
    Granularity,
    InvalidInputError,
    Memory,
    MemoryNotFoundError,
    MemoryStore,
    Scope,
    StoreError,
    Vectors,
)

__all__ = [
    "DERIVED",
    "ITEM_PREFIX",
    "TURNS_PER_PASSAGE",
    "Sessions",
    "is_derived",
    "is_item_session",
    "passages",
]

# The granularities that ending a session writes. The summary comes last: once it is there, so are
# the others, wherever a crash cuts the batch off.
DERIVED = (Granularity.SESSION, Granularity.KEYWORDS, Granularity.FACT, Granularity.SUMMARY)

# Notes, plans and items of a LangGraph store are in sessions whose ids begin with this. They are
# not conversations, so there is nothing to sum up. The prefix is part of stored ids: another one
# would turn the items of existing stores into conversations.
ITEM_PREFIX = "shelf:"

# Short enough for the embedding to be about one thing. Longer passages found less on LoCoMo;
# overlapping ones cost more than they found.
TURNS_PER_PASSAGE = 3

# Characters of a turn that passages quote: about as many as are embedded (`MAX_WINDOWS`). All
# passages of one turn have its vector, so more of them find nothing more. Two replies of 1.2
# million characters became 4,172 passages in 35 s.
_MAX_QUOTED = 32_000
# Characters of a turn that digests read. The time is proportional: 1 s for 200,000.
_MAX_DIGESTED = 200_000

_log = logging.getLogger("agentmem")

# Namespace of the ids of derived memories, so that deriving again replaces them.
_IDS = uuid.UUID("5ac9e3a4-0f5e-4b47-9d0c-6a4b0d1c7f11")


def is_item_session(session_id: str) -> bool:
    """Return whether a session holds notes, plans or items instead of a conversation."""
    return session_id.startswith(ITEM_PREFIX)


def is_derived(memory: Memory) -> bool:
    """Return whether a memory was derived from its sources, and is deleted with any of them.

    A turn that stands for merged duplicates has sources too, but is a turn of its own.
    """
    is_note = memory.role == "system" and is_item_session(memory.session_id)
    return bool(memory.sources) and (memory.granularity is not Granularity.TURN or is_note)


@dataclass(frozen=True)
class Sessions:
    """Writes what is derived from whole sessions; the caller holds the lock of the scope."""

    store: MemoryStore
    memories: IndexedStore
    embedder: Embedder
    writer: Writer
    digester: Digester
    facts: Facts
    clock: Clock

    def unfinished(self, scope: Scope) -> list[str]:
        """Return the sessions whose derived memories do not cover all of their turns.

        The one that began first comes first.
        """
        sessions = self.memories.index(scope).undigested()
        return [s for s in sessions if not s.startswith(ITEM_PREFIX)]

    def end(self, scope: Scope, session_id: str) -> list[Memory]:
        """Write a session's derived memories in place of those of an earlier end, if any.

        Raises:
            MemoryNotFoundError: the session has no turns.
            InvalidInputError: it is not a conversation.
        """
        if is_item_session(session_id):
            raise InvalidInputError(
                f"session {session_id!r} is not a conversation: it contains notes or items"
            )
        index = self.memories.index(scope)
        turn_ids = index.members(session_id, Granularity.TURN)
        if not turn_ids:
            raise MemoryNotFoundError(
                f"session {session_id!r} of {scope} has no turns; add some before ending it"
            )
        if index.is_digested(session_id):
            return [
                memory
                for g in DERIVED
                for memory in self.store.get_memories(scope, g, index.members(session_id, g))
            ]
        turns = self.store.get(scope, Granularity.TURN, turn_ids)
        return self._write(scope, {session_id: turns})

    def try_end(self, scope: Scope, session_ids: Sequence[str]) -> list[Memory]:
        """End sessions in one batch, after a write that stands even if this fails.

        A failure is logged; the sessions stay unfinished, and the next `add` tries again.

        Returns:
            The derived memories written; none for sessions that were up to date.
        """
        index = self.memories.index(scope)
        turns: dict[str, Sequence[Entry]] = {}
        try:
            for session_id in session_ids:
                ids = index.members(session_id, Granularity.TURN)
                if ids and not is_item_session(session_id) and not index.is_digested(session_id):
                    turns[session_id] = self.store.get(scope, Granularity.TURN, ids)
            written = self._write(scope, turns) if turns else []
        except (EmbeddingError, StoreError) as error:
            _log.warning("sessions of %s could not be summarized yet: %s", scope, error)
            return []
        return [memory for memory in written if memory.session_id in session_ids]

    def extract_facts(self, scope: Scope, session_id: str) -> None:
        """Extract a session's facts again, in place of those that an earlier version wrote."""
        index = self.memories.index(scope)
        ids = index.members(session_id, Granularity.TURN)
        facts = self.facts.of_turns(scope, self.store.get(scope, Granularity.TURN, ids))
        former = index.records(session_id, Granularity.FACT)
        keep = {entry.memory.id for entry in facts} | self.facts.edited(scope, former)
        stale = [(Granularity.FACT, i) for i in former if i not in keep]
        patch = without_links(self.memories, scope, {i for _, i in stale}, keep)
        self.memories.write(Batch(scope, put=facts, patch=patch, delete=stale))

    def derived_keys(self, scope: Scope, session_id: str) -> list[tuple[Granularity, str]]:
        """Return granularity and id of everything derived from a session."""
        index = self.memories.index(scope)
        return [(g, i) for g in DERIVED for i in index.records(session_id, g)]

    def _write(self, scope: Scope, sessions: Mapping[str, Sequence[Entry]]) -> list[Memory]:
        batch = self._batch(scope, sessions)
        self.memories.write(batch)
        self.memories.learn_vocabulary(scope)
        return [entry.memory for entry in batch.put]

    def _batch(self, scope: Scope, sessions: Mapping[str, Sequence[Entry]]) -> Batch:
        index = self.memories.index(scope)
        turns = [turn for session in sessions.values() for turn in session]
        drafts = [d for session in sessions.values() for d in self._draft_all(session)]
        vectors = self._vectors(drafts, turns)
        facts = self.facts.of_turns(scope, turns)
        put: list[Entry] = []
        for granularity in DERIVED:
            if granularity is Granularity.FACT:
                put.extend(facts)
            rows = [i for i, d in enumerate(drafts) if d.granularity is granularity]
            if rows:
                replaced = [i for s in sessions for i in index.members(s, granularity)]
                group = [drafts[i] for i in rows]
                embedded = EmbeddingBatch.without_tokens(vectors[rows])
                put.extend(self.writer.link(group, embedded, leave_out=frozenset(replaced)))
        put = self._with_recall_stats(scope, put)
        keep = {(e.memory.granularity, e.memory.id) for e in put}
        for session in sessions:
            edited = self.facts.edited(scope, index.records(session, Granularity.FACT))
            keep |= {(Granularity.FACT, i) for i in edited}
        stale = [k for s in sessions for k in self.derived_keys(scope, s) if k not in keep]
        patch = without_links(self.memories, scope, {i for _, i in stale}, {i for _, i in keep})
        return Batch(scope, put=put, patch=patch, delete=stale)

    def _draft_all(self, turns: Sequence[Entry]) -> Iterator[Memory]:
        """The derived memories of a session, without strength and associations."""
        memories = [turn.memory for turn in turns]
        parts = passages(memories, self.embedder.count_tokens, self.embedder.max_tokens)
        for number, (members, text) in enumerate(parts):
            yield self._draft(members, Granularity.SESSION, number, text)
        digest = self.digester.digest(
            [(m.speaker or m.role, m.text[:_MAX_DIGESTED]) for m in memories]
        )
        if digest.keywords:
            yield self._draft(memories, Granularity.KEYWORDS, 0, ", ".join(digest.keywords))
        yield self._draft(memories, Granularity.SUMMARY, 0, digest.summary)

    def _draft(
        self, turns: Sequence[Memory], granularity: Granularity, number: int, text: str
    ) -> Memory:
        first = turns[0]
        return Memory(
            id=uuid.uuid5(_IDS, f"{granularity}\n{number}\n{first.session_id}").hex,
            scope=first.scope,
            granularity=granularity,
            text=text,
            session_id=first.session_id,
            # With `as_of`, a summary must not be visible before the last turn that it covers.
            said_at=max(turn.said_at for turn in turns),
            written_at=self.clock(),
            role="system",
            position=first.position,
            sources=tuple(turn.id for turn in turns),
            metadata=derived_provenance(turns),
        )

    def _vectors(self, drafts: Sequence[Memory], turns: Sequence[Entry]) -> Vectors:
        """Of passages and summaries the mean of their turns, of keywords their own embedding."""
        vector_of = {turn.memory.id: turn.vector for turn in turns}
        texts = [d.text for d in drafts if d.granularity not in MEAN_OF_TURNS]
        embedded = iter(self.embedder.documents(texts))
        return np.stack(
            [
                mean_direction([vector_of[i] for i in d.sources])
                if d.granularity in MEAN_OF_TURNS
                else next(embedded)
                for d in drafts
            ]
        )

    def _with_recall_stats(self, scope: Scope, put: Sequence[Entry]) -> list[Entry]:
        replaced: dict[str, Memory] = {}
        for granularity in DERIVED:
            ids = [e.memory.id for e in put if e.memory.granularity is granularity]
            replaced |= {m.id: m for m in self.store.get_memories(scope, granularity, ids)}
        return carry_over_recall_stats(put, replaced)


def passages(
    turns: Sequence[Memory], count_tokens: Callable[[str], int], max_tokens: int
) -> Iterator[tuple[Sequence[Memory], str]]:
    """Split a session into passages of consecutive turns, none longer than the embedder's window.

    Args:
        count_tokens: counts a text's tokens as the embedder does.
        max_tokens: the embedder's window, in tokens.

    Yields:
        The turns of a passage, and their text, each after its speaker.
    """
    for start in range(0, len(turns), TURNS_PER_PASSAGE):
        # The last passage is as long as the others, so it may share turns with the one before.
        first = max(min(start, len(turns) - TURNS_PER_PASSAGE), 0)
        members: list[Memory] = []
        lines: list[str] = []
        room = max_tokens
        for turn in turns[first : first + TURNS_PER_PASSAGE]:
            text = f"{turn.speaker or turn.role}: {turn.text[:_MAX_QUOTED]}"
            for line, length in _split(text, count_tokens, max_tokens):
                if lines and length > room:
                    yield members, "\n".join(lines)
                    members, lines, room = [], [], max_tokens
                if not members or members[-1] is not turn:
                    members.append(turn)
                lines.append(line)
                room -= length
        if lines:
            yield members, "\n".join(lines)


def _split(
    line: str, count_tokens: Callable[[str], int], max_tokens: int
) -> Iterator[tuple[str, int]]:
    """Halve a line, between words where possible, until every piece fits.

    Yields:
        A piece and its number of tokens.
    """
    length = count_tokens(line)
    if length <= max_tokens or len(line) < 2:
        yield line, length
        return
    middle_of_line = len(line) // 2
    space = line.rfind(" ", 1, middle_of_line + 1)
    cut = space if space > middle_of_line // 2 else middle_of_line
    for half in (line[:cut], line[cut:]):
        if half.strip():
            yield from _split(half.strip(), count_tokens, max_tokens)

"""Store the messages of a call: new ones as turns, edited ones as new versions, known ones not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agentmem.embedding.embedder import EmbeddingBatch
from agentmem.writing.identity import RECEIVED, UNANSWERED, Sending, SortedDrafts
from agentmem.writing.messages import Draft, n_parts, part_id, without_derived
from agentmem.writing.sessions import ITEM_PREFIX
from agentmem_stores import Memory, Scope

if TYPE_CHECKING:
    from agentmem.controller.services import Services

__all__ = ["StoreResult", "store_conversations", "store_turns"]


def store_turns(
    services: Services,
    scope: Scope,
    session_id: str | None,
    drafts: Sequence[Draft],
    *,
    sending: Sending,
    answered: Collection[str] = (),
) -> StoreResult:
    """Store messages in a session, and end the sessions that were open before it.

    Args:
        session_id: by default the open session, or a new one named after the time.
        sending: how the client sends messages.
        answered: ids of messages that are no longer marked as unanswered, with the same write.
    """
    intake = _Intake(services, scope, replace(sending, named=session_id is not None))
    drafts = services.admission.drafts(drafts)
    session = (
        session_id
        or services.open_sessions.get(scope)
        or f"session-{services.clock():%Y%m%dT%H%M%S.%fZ}"
    )
    planned = intake.plan({session: drafts})
    with services.locks.hold(scope):
        # Around all of it: the index is brought up to date once.
        with services.memories.writing(scope) as index:
            session = session_id or services.open_sessions.get(scope) or session
            stored = intake.write({session: drafts}, planned, answered)
            if not stored.turns or session.startswith(ITEM_PREFIX):
                return stored
            services.open_sessions[scope] = session
            undigested = index.undigested()
        for other in undigested:
            # Items and notes have sessions of their own, which never end.
            if other == session or other.startswith(ITEM_PREFIX):
                continue
            if services.sessions.try_end(scope, [other]):
                services.after_session_end(scope)
    return stored


def store_conversations(
    services: Services, scope: Scope, sessions: Mapping[str, Sequence[Draft]], *, sending: Sending
) -> StoreResult:
    """Store whole conversations with one embedding batch and one write, and end them."""
    intake = _Intake(services, scope, sending)
    drafts = {session: services.admission.drafts(each) for session, each in sessions.items()}
    planned = intake.plan(drafts)
    with services.locks.hold(scope):
        stored = intake.write(drafts, planned)
        services.sessions.try_end(scope, list(drafts))
        if services.open_sessions.get(scope) in drafts:
            del services.open_sessions[scope]
    if drafts:
        services.after_session_end(scope)
    return stored


@dataclass(frozen=True)
class StoreResult:
    """What a call has stored.

    Attributes:
        turns: the turns written.
        versions: the new versions of edited turns.
        known_as: the ids of turns by the ids of messages that are these turns, sent again.
    """

    turns: Sequence[Memory]
    versions: Sequence[Memory]
    known_as: Mapping[str, str]

    @property
    def memories(self) -> list[Memory]:
        """The turns written, and the new versions of edited ones."""
        return [*self.turns, *self.versions]


@dataclass(frozen=True)
class _Plan:
    """What is to be done with drafts as of a revision of the scope, and the embeddings for it."""

    sessions: Mapping[str, Sequence[Draft]]
    revision: str
    messages: SortedDrafts
    texts: Sequence[str]
    embedded: EmbeddingBatch


@dataclass(frozen=True)
class _Intake:
    """Plans without a lock, so that embedding blocks no other call, and writes under a lock."""

    services: Services
    scope: Scope
    sending: Sending

    def plan(self, sessions: Mapping[str, Sequence[Draft]]) -> _Plan:
        """Sort drafts into new, edited and known ones, and embed what is to be written."""
        with self.services.memories.reading(self.scope) as index:
            revision, messages = index.revision, self._sort(sessions)
        texts = _texts(messages)
        return _Plan(sessions, revision, messages, texts, self.services.embedder.turns(texts))

    def _sort(self, sessions: Mapping[str, Sequence[Draft]]) -> SortedDrafts:
        """Sort drafts while no other thread writes."""
        with_ids = [draft for drafts in sessions.values() for draft in drafts if draft.id]
        if not with_ids and not self.sending.histories:
            # Statements of their own, which are new whatever they say.
            return SortedDrafts(sessions)
        return self.services.identity.sort(self.scope, sessions, self.sending)

    def _replan(self, sessions: Mapping[str, Sequence[Draft]], plan: _Plan) -> _Plan:
        """Plan again for what others wrote since, with the embeddings of the first plan."""
        with self.services.memories.reading(self.scope):
            messages = self._sort(sessions)
        texts, row_of = _texts(messages), {text: row for row, text in enumerate(plan.texts)}
        if not row_of.keys() >= set(texts):  # something was deleted meanwhile
            return self.plan(sessions)
        embedded = plan.embedded.select([row_of[text] for text in texts])
        return replace(plan, messages=messages, texts=texts, embedded=embedded)

    def write(
        self, sessions: Mapping[str, Sequence[Draft]], plan: _Plan, answered: Collection[str] = ()
    ) -> StoreResult:
        """Carry out a plan; the caller holds the lock of the scope."""
        services, scope = self.services, self.scope
        # The plan was made without the lock, so another call may have written since.
        if (sessions, services.memories.index(scope).revision) != (plan.sessions, plan.revision):
            plan = self._replan(sessions, plan)
        services.reinforcement.flush(scope)
        messages, rows = plan.messages, list(range(len(plan.texts)))
        answered = [messages.known_as.get(message_id, message_id) for message_id in answered]
        n_edited = len(messages.edited)
        new_rows, edited_rows = rows[: len(rows) - n_edited], rows[len(rows) - n_edited :]
        turns = services.writer.write_sessions(
            scope,
            messages.new,
            plan.embedded.select(new_rows),
            self._answered(answered, {memory.id for memory, _ in messages.edited}),
        )
        versions = [
            self._edit(memory, draft, plan.embedded.select([row]))
            for row, (memory, draft) in zip(edited_rows, messages.edited, strict=True)
        ]
        return StoreResult(turns, versions, messages.known_as)

    def _answered(self, ids: Collection[str], edited: Collection[str]) -> list[Memory]:
        """Return turns without the mark that no reply follows them."""
        memories = self.services.memories.get(self.scope, sorted(set(ids).difference(edited)))
        return [
            replace(memory, metadata={k: v for k, v in memory.metadata.items() if k != UNANSWERED})
            for memory in memories
            if UNANSWERED in memory.metadata
        ]

    def _edit(self, memory: Memory, draft: Draft, embedded: EmbeddingBatch) -> Memory:
        """Replace the text of a turn; what was derived from it is derived again."""
        services, now = self.services, self.services.clock()
        unanswered = UNANSWERED in memory.metadata
        metadata = without_derived(memory.metadata)
        former = {k: v for k, v in metadata.items() if k not in {RECEIVED, UNANSWERED}}
        new = replace(
            memory,
            text=draft.text,
            speaker=draft.speaker or memory.speaker,
            metadata={**former, **draft.metadata},
        )
        since = max(draft.said_at or now, memory.said_at)
        if unanswered:
            # The new text takes the place of the former one in the conversation.
            since = memory.said_at
        entries = services.writer.new_version(memory, new, embedded, since)
        if unanswered:
            # Nobody has answered the former text, so it was never part of the conversation.
            entries = [
                replace(entries[0], memory=replace(entries[0].memory, version=memory.version))
            ]
        services.deletion.replace(self.scope, self._left_over(memory, draft), entries)
        return entries[0].memory

    def _left_over(self, memory: Memory, draft: Draft) -> list[Memory]:
        """The further parts of a message that is shorter than it was."""
        if memory.metadata.get("part") != 1:
            return []
        parts = range(n_parts(draft.metadata) + 1, n_parts(memory.metadata) + 1)
        turns = self.services.memories.get(self.scope, [part_id(memory.id, part) for part in parts])
        return [turn for turn in turns if turn.metadata.get("part") in parts]


def _texts(messages: SortedDrafts) -> list[str]:
    """Return the texts to embed: of new drafts, then of edited ones."""
    texts = [draft.text for drafts in messages.new.values() for draft in drafts]
    for _, draft in messages.edited:
        texts.append(draft.text)
    return texts

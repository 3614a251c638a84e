"""The verbs that change memories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from agentmem.controller.deletes import Deletes
from agentmem.controller.to_async import to_async
from agentmem.writing.messages import Draft, MessageLike, to_drafts
from agentmem.writing.sessions import is_item_session
from agentmem_stores import (
    EmptyTextError,
    InvalidInputError,
    Memory,
    MemoryNotFoundError,
    Scope,
    require_aware,
)
from agentmem_stores.records import is_unicode

__all__ = ["Writes"]


class Writes(Deletes):
    """Adding, ending sessions and updating."""

    def add(
        self,
        messages: MessageLike | Sequence[MessageLike],
        *,
        session_id: str | None = None,
        scope: Scope | None = None,
        timestamp: datetime | None = None,
        importance: float = 0.0,
        metadata: Mapping[str, Any] | None = None,
    ) -> list[Memory]:
        """Remember what was said, in one atomic batch that is durable on return.

        Args:
            messages: a string (said by the user), a LangChain message, a dict with `role` and
                `content` (optionally `speaker`, `timestamp`, `importance`, `metadata`, `id`), or
                a list of these, in order. A message whose `id` the scope holds already is not
                written again.
            session_id: the conversation; another one than the scope's open session ends that
                one. By default the open session, or a new one named after the time.
            timestamp: when it was said, aware; by default now.
            importance: in [0, 1]; makes the first strength greater.
            metadata: anything JSON can hold, kept with every message of the call.

        Returns:
            The turns written.

        Raises:
            EmptyTextError, NaiveDatetimeError, InvalidInputError: nothing was written.
            WriteHookError: `before_write` failed; nothing was written.
            EmbeddingError: the embedder failed; nothing was written.
        """
        owner = self._scope(scope)
        if session_id is not None:
            _check_session(session_id)
        said_at = require_aware(timestamp, "timestamp") if timestamp else None
        shared = Draft("", said_at=said_at, importance=importance, metadata=metadata or {})
        drafts = [draft.completed(shared) for draft in to_drafts(messages)]
        drafts = self._admission.drafts(self._new(owner, drafts))
        embedded = self._embedder.turns([draft.text for draft in drafts])
        with self._lock:
            self._reinforcement.flush()
            session = session_id or self._open_sessions.get(owner) or self._new_session()
            memories = self._writer.write_turns(owner, session, drafts, embedded)
            if is_item_session(session) or not memories:
                return memories
            self._open_sessions[owner] = session
            for other in self._sessions.unfinished(owner):
                if other != session and self._sessions.end_or_leave(owner, [other]):
                    self._session_ended(owner)
        return memories

    def add_many(
        self,
        sessions: Mapping[str, Sequence[MessageLike]],
        *,
        scope: Scope | None = None,
    ) -> list[Memory]:
        """Remember whole conversations at once, and end them.

        What `add` and `end_session` would do one after another, with one embedding batch and one
        write for all turns and another for all that is derived from them.

        Args:
            sessions: the messages of each conversation, by its id.

        Returns:
            The turns written.

        Raises as `add` does.
        """
        owner = self._scope(scope)
        for session_id in sessions:
            _check_session(session_id)
        given = {s: to_drafts(messages) for s, messages in sessions.items() if messages}
        drafts = {s: self._admission.drafts(self._new(owner, held)) for s, held in given.items()}
        embedded = self._embedder.turns([d.text for held in drafts.values() for d in held])
        with self._lock:
            self._reinforcement.flush()
            memories = self._writer.write_sessions(owner, drafts, embedded)
            self._sessions.end_or_leave(owner, list(drafts))
            if self._open_sessions.get(owner) in drafts:
                del self._open_sessions[owner]
        for _ in drafts:
            self._session_ended(owner)
        return memories

    def _new(self, owner: Scope, drafts: Sequence[Draft]) -> list[Draft]:
        return [drafts[row] for row in self._writer.without_duplicates(owner, drafts)]

    def _new_session(self) -> str:
        return f"session-{self.clock():%Y%m%dT%H%M%S.%fZ}"

    def end_session(
        self, session_id: str | None = None, *, scope: Scope | None = None
    ) -> list[Memory]:
        """Write the passages, keywords and summary of a session from all of its turns.

        Ending a session that has not changed since returns what is there.

        Args:
            session_id: by default the session open in the scope.

        Raises:
            MemoryNotFoundError: there is no such session.
        """
        owner = self._scope(scope)
        with self._lock:
            session = session_id or self._open_sessions.get(owner)
            if session is None:
                raise MemoryNotFoundError(f"no session of {owner} is open; name one to end it")
            derived = self._sessions.end(owner, session)
            if self._open_sessions.get(owner) == session:
                del self._open_sessions[owner]
        self._session_ended(owner)
        return derived

    def update(
        self,
        memory_id: str,
        *,
        text: str,
        timestamp: datetime | None = None,
        scope: Scope | None = None,
    ) -> Memory:
        """Give a memory a new text; the former version stays for `history` and `as_of`.

        Args:
            timestamp: since when the new text holds, aware; by default now.

        Returns:
            The new version, under the same id; the old one where `before_write` keeps the new
            text out.

        Raises:
            WriteHookError: `before_write` failed; nothing was changed.
            MemoryNotFoundError, EmptyTextError, NaiveDatetimeError: nothing was changed.
            InvalidInputError: the id names a former version.
            EmbeddingError: the embedder failed; nothing was changed.
        """
        owner = self._scope(scope)
        since = require_aware(timestamp, "timestamp") if timestamp else self.clock()
        if not text.strip():
            raise EmptyTextError("text is empty; use delete() to remove a memory")
        with self._lock:
            old = self.get(memory_id, scope=owner)
            if old.version_of is not None:
                raise InvalidInputError(f"{old.id} is a former version; update {old.version_of}")
            new = self._admission.memory(replace(old, text=text))
            if new is None:
                return old
            embedded = self._embedder.turns([new.text])
            put = self._writer.updated(old, new, embedded, since)
            self._erase(owner, [], put=put)
        return put[0].memory

    aadd = to_async(add)
    aadd_many = to_async(add_many)
    aend_session = to_async(end_session)
    aupdate = to_async(update)


def _check_session(session_id: str) -> None:
    if not (session_id.strip() and is_unicode(session_id)):
        raise InvalidInputError(
            "session_id is empty or holds lone surrogates; name the session, or pass None"
        )

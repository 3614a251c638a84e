"""Which messages of a call are new, which are known, and which are edited.

A message with an id is known by it: the same text is not stored again, another text becomes a new
version. Messages without ids are known as a resent history: clients of stateless chat APIs send the
whole conversation, or its last messages, with every request.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from agentmem.writing.messages import Draft
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import Granularity, Memory, Scope

__all__ = ["RECEIVED", "UNANSWERED", "Identity", "Sorted", "received_digest"]

# Metadata of a turn whose text `update` has replaced: a digest of the text as it was received, so
# that a client that sends it again does not undo the update.
RECEIVED = "received_digest"
# Metadata of a user's turn that no reply follows yet.
UNANSWERED = "unanswered"

# A list of messages is a session's history if it is longer than this and starts with as many of its
# turns. One exchange alone may be said again.
_SAME_START = 2

# The ids of messages whose own id another session has for another text.
_SESSION_IDS = uuid.UUID("0d1f7c56-41b5-4a55-8f0e-b7a3a1f2c9d4")


@dataclass(frozen=True)
class Sorted:
    """The messages of a call by what is to be done with them.

    Attributes:
        new: drafts to store, by session.
        edited: memories with the drafts that replace their texts.
    """

    new: Mapping[str, Sequence[Draft]]
    edited: Sequence[tuple[Memory, Draft]] = ()

    @property
    def texts(self) -> list[str]:
        """The texts to embed: of new drafts, then of edited ones."""
        new = [draft.text for drafts in self.new.values() for draft in drafts]
        return [*new, *(draft.text for _, draft in self.edited)]


@dataclass
class _Sorting:
    """Drafts as far as they are sorted; those with ids also by their id, with their session."""

    new: dict[str, list[Draft]] = field(default_factory=dict)
    edited: dict[str, tuple[Memory, Draft]] = field(default_factory=dict)
    by_id: dict[str, tuple[str, Draft]] = field(default_factory=dict)

    def add(self, session_id: str, draft: Draft, old: Memory | None) -> None:
        """Sort a draft with an id, whose memory there is or is not; the last text counts."""
        assert draft.id is not None
        earlier = self.by_id.get(draft.id)
        if earlier is not None:
            where, former = earlier
            if former.text != draft.text and where == session_id:
                self.new[session_id] = [draft if d is former else d for d in self.new[session_id]]
                self.by_id[draft.id] = (session_id, draft)
        elif old is None:
            self.new[session_id].append(draft)
            self.by_id[draft.id] = (session_id, draft)
        elif _is_edit(old, draft):
            self.edited[draft.id] = (old, draft)
        else:
            self.edited.pop(draft.id, None)


@dataclass(frozen=True)
class Identity:
    """Compares messages with what a scope has."""

    memories: IndexedStore

    def sort(
        self,
        scope: Scope,
        sessions: Mapping[str, Sequence[Draft]],
        *,
        histories: bool,
        named: bool = True,
        timestamp: datetime | None = None,
    ) -> Sorted:
        """Sort the messages of a call.

        Args:
            sessions: drafts by session.
            histories: whether messages without ids may be a resent history.
            named: whether the caller named the sessions. Then an id belongs to its session, and
                the same id in another session is another message unless it has the same text.
            timestamp: the time of messages without their own.
        """
        sorting = _Sorting()
        for session_id, drafts in sessions.items():
            drafts = [replace(d, said_at=d.said_at or timestamp) for d in drafts]
            known = (
                self._resent(scope, session_id, drafts, timestamp)
                if histories and any(draft.id is None for draft in drafts)
                else set()
            )
            sorting.new[session_id] = []
            for n, draft in enumerate(drafts):
                if draft.id is not None:
                    own = session_id if named else None
                    sorting.add(session_id, *self._find(scope, own, draft, sorting.by_id))
                elif n not in known:
                    sorting.new[session_id].append(draft)
        return Sorted(sorting.new, list(sorting.edited.values()))

    def _find(
        self,
        scope: Scope,
        session_id: str | None,
        draft: Draft,
        in_call: Mapping[str, tuple[str, Draft]],
    ) -> tuple[Draft, Memory | None]:
        """Return a draft with the id of its memory, and that memory if there is one."""
        assert draft.id is not None
        if session_id is not None:
            own_id = uuid.uuid5(_SESSION_IDS, f"{session_id}\n{draft.id}").hex
            if (old := self._memory(scope, own_id)) is not None:
                return replace(draft, id=own_id), old
            earlier = in_call.get(draft.id)
            if earlier and earlier[0] != session_id and earlier[1].text != draft.text:
                return replace(draft, id=own_id), None
        old = self._memory(scope, draft.id)
        if session_id is None or old is None or old.session_id == session_id:
            return draft, old
        if old.granularity is not Granularity.TURN or not _is_edit(old, draft):
            return draft, old
        return replace(draft, id=own_id), None

    def _memory(self, scope: Scope, memory_id: str) -> Memory | None:
        if self.memories.index(scope).granularity_of(memory_id) is None:
            return None
        return next(iter(self.memories.get(scope, [memory_id])), None)

    def _resent(
        self, scope: Scope, session_id: str, drafts: Sequence[Draft], timestamp: datetime | None
    ) -> set[int]:
        """Return the indexes of drafts that are turns of the session, sent again."""
        ids = self.memories.index(scope).members(session_id, Granularity.TURN)
        messages = [(n, draft) for n, draft in enumerate(drafts) if draft.role != "system"]
        if not ids or not messages:
            return set()
        # An instruction of the system may come first, so one turn more than is compared.
        ends = self._turns(scope, [*ids[: _SAME_START + 1], *ids[-len(drafts) :]])
        spoken = [turn for turn in ends if turn.role != "system"]

        same = partial(_is_same, timestamp=timestamp)
        # The whole history, perhaps of another branch.
        start = list(zip(spoken, messages, strict=False))[:_SAME_START]
        if len(messages) > len(start) == _SAME_START and all(same(t, d) for t, (_, d) in start):
            return _accounted_for(self._turns(scope, ids), drafts, same)
        # The last turns of the session, and what came after them.
        for length in range(min(len(spoken), len(messages)), 0, -1):
            pairs = zip(spoken[-length:], messages[:length], strict=True)
            if all(same(turn, draft) for turn, (_, draft) in pairs):
                return {n for n, _ in messages[:length]}
        return set()

    def _turns(self, scope: Scope, ids: Iterable[str]) -> list[Memory]:
        """Return turns in the order of their ids, each once."""
        unique = list(dict.fromkeys(ids))
        turns = {turn.id: turn for turn in self.memories.get(scope, unique)}
        return [turns[i] for i in unique if i in turns]


def received_digest(memory: Memory) -> str:
    """Return the digest of the text that a turn was received with."""
    digest = memory.metadata.get(RECEIVED)
    return digest if isinstance(digest, str) else _digest(memory.text)


def _is_same(turn: Memory, draft: Draft, *, timestamp: datetime | None) -> bool:
    """Whether a message is a turn, sent again; `timestamp` is for messages without their own."""
    if turn.id == draft.id:
        return True
    has_own_time = draft.said_at is not None and draft.said_at != timestamp
    return (
        turn.role == draft.role
        and received_digest(turn) == _digest(draft.text)
        and not (has_own_time and turn.said_at != draft.said_at)
    )


def _accounted_for(
    turns: list[Memory], drafts: Sequence[Draft], same: Callable[[Memory, Draft], bool]
) -> set[int]:
    """Return the indexes of drafts that are turns, where each turn stands for one message."""
    known, left = set(), list(turns)
    for n, draft in enumerate(drafts):
        match = next((turn for turn in left if same(turn, draft)), None)
        if match is not None:
            left.remove(match)
            known.add(n)
    return known


def _is_edit(memory: Memory, draft: Draft) -> bool:
    """Whether a draft replaces the text of a turn; other memories are not messages."""
    return memory.granularity is Granularity.TURN and _digest(draft.text) != received_digest(memory)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]

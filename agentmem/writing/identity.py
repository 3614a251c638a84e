"""Which messages of a call are new, which are known, and which are edited.

A message with an id is known by it: the same text is not stored again, another text becomes a new
version. Messages without ids are known as a resent history (`histories`), also if the client gives
them ids when it sends them again.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from agentmem.writing.histories import START, align, is_whole, match_end, text_digest
from agentmem.writing.messages import Draft, n_parts
from agentmem.writing.writer import is_generated
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import Granularity, Memory, Scope

__all__ = ["RECEIVED", "UNANSWERED", "Identity", "Sending", "SortedDrafts", "received_digest"]

# Metadata of a turn whose text `update` has replaced: a digest of the text as it was received, so
# that a client that sends it again does not undo the update.
RECEIVED = "received_digest"
# Metadata of a user's turn that no reply follows yet.
UNANSWERED = "unanswered"

# The ids of messages whose own id another session has for another text.
_SESSION_IDS = uuid.UUID("0d1f7c56-41b5-4a55-8f0e-b7a3a1f2c9d4")


@dataclass(frozen=True)
class SortedDrafts:
    """The messages of a call by what is to be done with them.

    Attributes:
        new: drafts to store, by session.
        edited: memories with the drafts that replace their texts.
        known_as: the ids of turns by the ids of messages that are these turns, sent again.
    """

    new: Mapping[str, Sequence[Draft]]
    edited: Sequence[tuple[Memory, Draft]] = ()
    known_as: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sending:
    """How a client sends messages.

    Attributes:
        histories: whether messages without ids may be a resent history.
        stable_ids: whether a message that is sent again has the same id. If not, messages with ids
            may be a resent history too.
        others: ids of turns that stand for messages which the call leaves out.
        named: whether the caller names the sessions. Then an id belongs to its session, and the
            same id in another session is another message unless it has the same text.
        timestamp: the time of messages without their own.
    """

    histories: bool = False
    stable_ids: bool = True
    others: Collection[str] = ()
    named: bool = True
    timestamp: datetime | None = None


@dataclass
class _Sorting:
    """Drafts as far as they are sorted; those with ids also by their id, with their session."""

    new: dict[str, list[Draft]] = field(default_factory=dict)
    edited: dict[str, tuple[Memory, Draft]] = field(default_factory=dict)
    by_id: dict[str, tuple[str, Draft]] = field(default_factory=dict)
    known_as: dict[str, str] = field(default_factory=dict)

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
        self, scope: Scope, sessions: Mapping[str, Sequence[Draft]], sending: Sending
    ) -> SortedDrafts:
        """Sort the messages of a call by session."""
        sorting = _Sorting()
        for session_id, drafts in sessions.items():
            drafts = [replace(d, said_at=d.said_at or sending.timestamp) for d in drafts]
            resent = self._resent(scope, session_id, drafts, sending)
            sorting.new[session_id] = []
            for n, draft in enumerate(drafts):
                if draft.id is None:
                    if n not in resent:
                        sorting.new[session_id].append(draft)
                elif resent.get(n, draft.id) != draft.id:
                    sorting.known_as[draft.id] = resent[n]
                else:
                    own = session_id if sending.named else None
                    sorting.add(session_id, *self._find(scope, own, draft, sorting.by_id))
        return SortedDrafts(sorting.new, list(sorting.edited.values()), sorting.known_as)

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
        self, scope: Scope, session_id: str, drafts: Sequence[Draft], sending: Sending
    ) -> dict[int, str]:
        """Return the ids of turns by the indexes of drafts that are these turns, sent again."""
        if not sending.histories:
            return {}
        index = self.memories.index(scope)
        ids = index.members(session_id, Granularity.TURN)
        known = {d.id for d in drafts if d.id and index.granularity_of(d.id) is not None}
        # Reading all turns of a long session takes time, so its ends are compared first.
        end_ids = [*ids[:START], *ids[-len(drafts) - START :]]
        if not ids or (sending.stable_ids and not _may_lack_ids(drafts, known, end_ids)):
            return {}
        illustrated = {(d.role, text_digest(d.text)) for d in drafts if "attachments" in d.metadata}
        keys = _Keys(known, frozenset(sending.others), sending.timestamp, illustrated)
        ends = self._turns(scope, end_ids)
        instructions = {keys.of_turn(t): t.id for t in ends if t.role == "system"}
        messages = [keys.of_draft(draft) for draft in drafts]
        resent = {n: instructions[key] for n, key in enumerate(messages) if key in instructions}
        spoken = [n for n, draft in enumerate(drafts) if draft.role != "system"]
        spoken_messages = [messages[n] for n in spoken]
        turns = [turn for turn in ends if turn.role != "system"]
        ends_keys = [keys.of_turn(turn) for turn in turns]
        views = list(_views(turns))
        if not sending.stable_ids:
            # The last replies may have been lost on their way to the client.
            answered = views[-1]
            starts = [i for i, n in enumerate(answered) if turns[n].role == "user"]
            views += [answered[:start] for start in reversed(starts[1:])]
        if any(is_whole([ends_keys[n] for n in view[:START]], spoken_messages) for view in views):
            turns = [turn for turn in self._turns(scope, ids) if turn.role != "system"]
            matches = align([keys.of_turn(turn) for turn in turns], spoken_messages)
        else:
            matches = match_end(ends_keys, spoken_messages, views)
        for m, t in matches.items():
            if keys.same_time(turns[t], drafts[spoken[m]]):
                resent[spoken[m]] = turns[t].id
        if sending.stable_ids:
            return _without_other_ids(resent, drafts, known)
        _add_repeats(resent, drafts)
        return resent

    def _turns(self, scope: Scope, ids: Iterable[str]) -> list[Memory]:
        """Return turns in the order of their ids, each once."""
        unique = list(dict.fromkeys(ids))
        turns = {turn.id: turn for turn in self.memories.get(scope, unique)}
        return [turns[i] for i in unique if i in turns]


@dataclass(frozen=True)
class _Keys:
    """Makes keys that are equal for the same message.

    Attributes:
        known: ids of messages that there are; these are the same as the turns with these ids only.
        others: ids of turns that other messages stand for.
        timestamp: the time of messages without their own.
        illustrated: roles and digests of messages with attachments. Clients leave pictures out of
            old messages to save tokens, so turns with other texts are compared without theirs.
    """

    known: Collection[str]
    others: Collection[str]
    timestamp: datetime | None
    illustrated: Collection[tuple[str, str]]

    def of_turn(self, turn: Memory) -> Hashable:
        if turn.id in self.known or turn.id in self.others:
            return turn.id
        return self._of_content(turn.role, received_digest(turn), turn.metadata)

    def of_draft(self, draft: Draft) -> Hashable:
        if draft.id in self.known:
            return draft.id
        return self._of_content(draft.role, text_digest(draft.text), draft.metadata)

    def _of_content(self, role: str, digest: str, metadata: Mapping[str, Any]) -> Hashable:
        compared = (role, digest) in self.illustrated
        return role, digest, _attachments(metadata) if compared else ()

    def same_time(self, turn: Memory, draft: Draft) -> bool:
        has_own_time = draft.said_at is not None and draft.said_at != self.timestamp
        return turn.id == draft.id or not has_own_time or turn.said_at == draft.said_at


def _may_lack_ids(drafts: Sequence[Draft], known: Collection[str], turn_ids: Sequence[str]) -> bool:
    """Whether messages, or the turns that they repeat, came without ids.

    One message with an id of its own is a statement of its own.
    """
    if not all(draft.id for draft in drafts):
        return True
    has_new = len(drafts) > 1 and any(draft.id not in known for draft in drafts)
    return has_new and any(map(is_generated, turn_ids))


def _without_other_ids(
    resent: Mapping[int, str], drafts: Sequence[Draft], known: Collection[str]
) -> dict[int, str]:
    """Leave out messages with ids of their own that match turns which came with other ids."""
    return {
        n: turn_id
        for n, turn_id in resent.items()
        if drafts[n].id is None or drafts[n].id in known or is_generated(turn_id)
    }


def _views(turns: Sequence[Memory]) -> Iterator[Sequence[int]]:
    """Yield the indexes of the turns that a client may know.

    All of them; questions and replies, without what the model said before it called a tool; and
    these without questions that got no reply.
    """
    yield range(len(turns))
    questions_and_replies, answered, is_answered = [], [], True
    for n, turn in enumerate(turns):
        is_last = n + 1 == len(turns) or turns[n + 1].role == "user"
        if turn.role == "user":
            is_answered = UNANSWERED not in turn.metadata
            questions_and_replies.append(n)
            answered += [n] * is_answered
        elif is_last and is_answered:
            questions_and_replies.append(n)
            answered.append(n)
    yield questions_and_replies
    yield answered


def _add_repeats(resent: dict[int, str], drafts: Sequence[Draft]) -> None:
    """Add what the user says again right after the same words, because no reply came."""
    for n in range(1, len(drafts)):
        before, draft = drafts[n - 1], drafts[n]
        same = before.role == draft.role == "user" and before.text == draft.text
        if same and n - 1 in resent and n not in resent:
            resent[n] = resent[n - 1]


def received_digest(memory: Memory) -> str:
    """Return the digest of the text that a turn was received with."""
    digest = memory.metadata.get(RECEIVED)
    return digest if isinstance(digest, str) else text_digest(memory.text)


def _attachments(metadata: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what tells the attachments of a message apart, in any provider's form."""
    notes = metadata.get("attachments")
    if not isinstance(notes, list):
        return ()
    return tuple(
        next((note[key] for key in ("url", "id", "name") if isinstance(note.get(key), str)), None)
        for note in notes
        if isinstance(note, Mapping)
    )


def _is_edit(memory: Memory, draft: Draft) -> bool:
    """Whether a draft replaces the text of a turn; other memories are not messages."""
    if memory.granularity is not Granularity.TURN:
        return False
    is_other_text = text_digest(draft.text) != received_digest(memory)
    has_others = "attachments" in draft.metadata and "attachments" in memory.metadata
    return (
        is_other_text
        or n_parts(draft.metadata) != n_parts(memory.metadata)
        or (has_others and _attachments(draft.metadata) != _attachments(memory.metadata))
    )

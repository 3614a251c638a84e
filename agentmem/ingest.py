"""Write whole conversations into memory, through the public methods of the controller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentmem_stores import DataFormatError, Granularity, Scope

if TYPE_CHECKING:
    from agentmem.client import Client
    from agentmem.controller.controller import MemoryController
    from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn

__all__ = ["IngestReport", "ingest", "session_batches"]

# Characters of the turns that are embedded and written at once, and how many more each turn counts:
# writing it takes about as long as embedding so many. A batch takes seconds, which is what an
# interruption loses; each write of Chroma takes 15 ms, however few rows it has.
BATCH_CHARACTERS, TURN_CHARACTERS = 150_000, 400


@dataclass(frozen=True)
class IngestReport:
    """What ingesting a conversation did.

    Attributes:
        written: how many turns it wrote.
        present: how many turns were there already.
    """

    scope: Scope
    written: int
    present: int


def ingest(
    memory: MemoryController | Client,
    dialogue: Dialogue,
    *,
    scope: Scope | None = None,
    progress: Callable[[int], None] | None = None,
) -> IngestReport:
    """Write a conversation into a scope, a few sessions at a time.

    Each batch of sessions is one atomic write. Turns that are there already are not written again,
    so after an interruption the next run completes the conversation.

    Args:
        scope: the scope to write to; by default `Scope(dialogue.owner)`.
        progress: called with the number of turns done since its last call.

    Raises:
        DataFormatError: the scope has a session of the same id with other turns.
    """
    owner = scope or Scope(dialogue.owner)
    written = present = 0
    for sessions in session_batches(dialogue.sessions):
        missing: dict[str, list[dict[str, Any]]] = {}
        for session in sessions:
            absent = _absent(memory, owner, session)
            missing[session.id] = [_message(turn) for turn in absent]
            present += len(session.turns) - len(absent)
            written += len(absent)
        memory.add_many({s: messages for s, messages in missing.items() if messages}, scope=owner)
        for session in sessions:
            # All of its turns may be present, but its derived memories missing.
            if session.turns and not missing[session.id]:
                memory.end_session(session.id, scope=owner)
        if progress is not None:
            progress(sum(len(session.turns) for session in sessions))
    return IngestReport(owner, written, present)


def session_batches(sessions: Sequence[DialogueSession]) -> Iterator[list[DialogueSession]]:
    """Yield batches of sessions; each ends with the session that reaches `BATCH_CHARACTERS`."""
    batch: list[DialogueSession] = []
    size = 0
    for session in sessions:
        batch.append(session)
        size += sum(len(turn.text) + TURN_CHARACTERS for turn in session.turns)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _absent(
    memory: MemoryController | Client, owner: Scope, session: DialogueSession
) -> Sequence[DialogueTurn]:
    """Return the turns of a session that the scope does not have."""
    turns = memory.get_all(
        scope=owner, session_id=session.id, granularity=Granularity.TURN, limit=None
    )
    if all(turn.id is not None for turn in session.turns):
        text_of = {turn.id: turn.text for turn in turns}
        # A changed text becomes a new version of its turn.
        return [turn for turn in session.turns if text_of.get(str(turn.id)) != turn.text]
    texts = [turn.text for turn in sorted(turns, key=lambda turn: turn.position)]
    if texts != [turn.text for turn in session.turns[: len(texts)]]:
        raise DataFormatError(
            f"{owner} already has a session {session.id!r} with other turns; ingest into another "
            "scope, or delete that session first"
        )
    return session.turns[len(texts) :]


def _message(turn: DialogueTurn) -> dict[str, Any]:
    return {
        "role": turn.role,
        "content": turn.text,
        "speaker": turn.speaker,
        "timestamp": turn.said_at,
        "metadata": turn.metadata,
    } | ({} if turn.id is None else {"id": turn.id})

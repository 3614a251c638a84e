"""Whole conversations into memory, through the public verbs only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentmem_stores import DataFormatError, Granularity, Scope

if TYPE_CHECKING:
    from agentmem.controller.controller import MemoryController
    from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn

__all__ = ["IngestReport", "ingest", "portions"]

# How many turns are embedded and written at once.
PORTION = 128


@dataclass(frozen=True)
class IngestReport:
    """What ingesting a conversation did: how many turns it wrote, and how many were there."""

    scope: Scope
    written: int
    present: int


def ingest(
    memory: MemoryController,
    dialogue: Dialogue,
    *,
    scope: Scope | None = None,
    progress: Callable[[int], None] | None = None,
) -> IngestReport:
    """Write a conversation, a few sessions at a time, into a scope of its own.

    The missing turns of some sessions are written in one atomic batch, so whatever an
    interruption left out is written by the next run, and a run over what is there changes
    nothing.

    Args:
        scope: whose memories they become; by default `Scope(dialogue.owner)`.
        progress: called with the number of turns done since the last call.

    Raises:
        DataFormatError: the scope holds a session of the same id with another content.
    """
    owner = scope or Scope(dialogue.owner)
    written = present = 0
    for sessions in portions(dialogue.sessions):
        missing: dict[str, list[dict[str, Any]]] = {}
        for session in sessions:
            held = _held(memory, owner, session)
            missing[session.id] = [_message(turn) for turn in session.turns[held:]]
            present += held
            written += len(session.turns) - held
        memory.add_many({s: told for s, told in missing.items() if told}, scope=owner)
        for session in sessions:
            # Its turns may all be there, and what is derived from them not yet.
            if session.turns and not missing[session.id]:
                memory.end_session(session.id, scope=owner)
        if progress is not None:
            progress(sum(len(session.turns) for session in sessions))
    return IngestReport(owner, written, present)


def portions(sessions: Sequence[DialogueSession]) -> Iterator[list[DialogueSession]]:
    """Sessions in groups of about `PORTION` turns."""
    group: list[DialogueSession] = []
    for session in sessions:
        group.append(session)
        if sum(len(s.turns) for s in group) >= PORTION:
            yield group
            group = []
    if group:
        yield group


def _held(memory: MemoryController, owner: Scope, session: DialogueSession) -> int:
    """How many turns of a session are there already."""
    held = memory.get_all(
        scope=owner, session_id=session.id, granularity=Granularity.TURN, limit=None
    )
    texts = [m.text for m in sorted(held, key=lambda m: m.position)]
    if texts != [turn.text for turn in session.turns[: len(texts)]]:
        raise DataFormatError(
            f"{owner} already holds a session {session.id!r} with other turns; "
            "ingest into another scope, or forget that session first"
        )
    return len(texts)


def _message(turn: DialogueTurn) -> dict[str, Any]:
    return {
        "role": turn.role,
        "content": turn.text,
        "speaker": turn.speaker,
        "timestamp": turn.said_at,
        "metadata": turn.metadata,
    }

"""Whole conversations into memory, through the public verbs only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentmem_stores import DataFormatError, Granularity, Scope

if TYPE_CHECKING:
    from .controller import MemoryController
    from .formats import Dialogue, DialogueSession, DialogueTurn

__all__ = ["IngestReport", "ingest"]


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
    """Write a conversation, session by session, into a scope of its own.

    A session's missing turns are written in one atomic batch, so whatever an interruption left
    out is written by the next run, and a run over what is there changes nothing.

    Args:
        scope: whose memories they become; by default `Scope(dialogue.owner)`.
        progress: called with the number of turns done since the last call.

    Raises:
        DataFormatError: the scope holds a session of the same id with another content.
    """
    owner = scope or Scope(dialogue.owner)
    written = present = 0
    for session in dialogue.sessions:
        held = memory.get_all(
            scope=owner, session_id=session.id, granularity=Granularity.TURN, limit=None
        )
        texts = [m.text for m in sorted(held, key=lambda m: m.position)]
        if texts != [turn.text for turn in session.turns[: len(texts)]]:
            raise DataFormatError(
                f"{owner} already holds a session {session.id!r} with other turns; "
                "ingest into another scope, or forget that session first"
            )
        _finish(memory, owner, session, len(texts))
        present += len(texts)
        written += len(session.turns) - len(texts)
        if progress is not None:
            progress(len(session.turns))
    return IngestReport(owner, written, present)


def _finish(memory: MemoryController, owner: Scope, session: DialogueSession, done: int) -> None:
    missing = [_message(turn) for turn in session.turns[done:]]
    if missing:
        memory.add(missing, session_id=session.id, scope=owner)
    if session.turns:
        memory.end_session(session.id, scope=owner)


def _message(turn: DialogueTurn) -> dict[str, Any]:
    return {
        "role": turn.role,
        "content": turn.text,
        "speaker": turn.speaker,
        "timestamp": turn.said_at,
        "metadata": turn.metadata,
    }

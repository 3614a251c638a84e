"""Conversations as every format yields them. All of these are immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["Dialogue", "DialogueQuestion", "DialogueSession", "DialogueTurn"]


@dataclass(frozen=True)
class DialogueTurn:
    """One message of a conversation; its text is never blank.

    Attributes:
        role: `user`, `assistant`, or another role that the file names.
        speaker: the name of the speaker, if the file has one.
        said_at: UTC; None if the file has no times.
        metadata: the name of the turn in its file; never anything about the questions.
        id: the same whenever the file is read, so that a turn is written once; None where the
            position in the session tells turns apart.
    """

    role: str
    speaker: str | None
    text: str
    said_at: datetime | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True)
class DialogueSession:
    """One or more turns in their order. `id` is unique within the dialogue."""

    id: str
    started_at: datetime | None
    turns: tuple[DialogueTurn, ...]


@dataclass(frozen=True)
class DialogueQuestion:
    """A question about a dialogue, and the turns and sessions that hold its answer.

    Attributes:
        answer: the correct answer; None if the dialogue does not answer the question.
        category: as the file has it.
        evidence_turns: names of turns from their metadata, all of them in the dialogue.
        evidence_sessions: ids of sessions, all of them in the dialogue.
        asked_at: UTC; None if the file has no time.
    """

    id: str
    text: str
    answer: str | None
    category: str
    evidence_turns: tuple[str, ...] = ()
    evidence_sessions: tuple[str, ...] = ()
    asked_at: datetime | None = None


@dataclass(frozen=True)
class Dialogue:
    """All sessions of one owner; `owner` is empty if the file names none."""

    owner: str
    sessions: tuple[DialogueSession, ...]
    questions: tuple[DialogueQuestion, ...] = ()

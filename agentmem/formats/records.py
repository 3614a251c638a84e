"""Conversations as every format gives them. All records are immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["Dialogue", "DialogueSession", "DialogueTurn", "Question"]


@dataclass(frozen=True)
class DialogueTurn:
    """One thing said; the text is never blank.

    Attributes:
        role: `user`, `assistant`, or what else the file calls it.
        speaker: the name of who said it, where the file tells one.
        said_at: UTC; None where the file tells no time.
        metadata: what the turn is called in its file, nothing of what is asked about it.
    """

    role: str
    speaker: str | None
    text: str
    said_at: datetime | None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DialogueSession:
    """Turns in their order; at least one. `id` is unique within the dialogue."""

    id: str
    started_at: datetime | None
    turns: tuple[DialogueTurn, ...]


@dataclass(frozen=True)
class Question:
    """A question about a dialogue, and where its answer was said.

    Attributes:
        answer: the right one; None where there is none.
        category: as the file has it.
        evidence_turns: their names in the turns' metadata, all of them in the dialogue.
        evidence_sessions: ids of sessions, all of them in the dialogue.
        asked_at: UTC; None where the file tells no time.
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
    """All sessions of one owner; `owner` is empty where the file names none."""

    owner: str
    sessions: tuple[DialogueSession, ...]
    questions: tuple[Question, ...] = ()

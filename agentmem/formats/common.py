"""The common format: users with sessions and questions, as a list of JSON objects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from os import PathLike
from typing import Annotated

from pydantic import Field, TypeAdapter

from agentmem.formats.dialogue import Dialogue, DialogueQuestion, DialogueSession, DialogueTurn
from agentmem.formats.json_stream import read_list
from agentmem.formats.schema import FileModel, Name, Text, parse_with
from agentmem.formats.times import TURN_GAP, parse_iso

__all__ = ["UNANSWERABLE", "read_common"]

# Ids of questions that nothing in the conversation answers end so, as in LongMemEval.
UNANSWERABLE = "_abs"

_Time = Annotated[datetime, parse_with(parse_iso, "an ISO time such as '2026-01-05T18:00'")]


class _Turn(FileModel):
    turn_id: Name
    content: Text
    role: str | None = None
    speaker: str | None = None
    timestamp: _Time | None = None


class _Session(FileModel):
    session_id: Name
    turns: list[_Turn]
    date: _Time | None = None


class _Question(FileModel):
    question: Name
    question_id: str | None = None
    question_date: _Time | None = None
    answer: str | None = None
    category: str = ""
    evidence_turn_ids: list[str] = Field(default_factory=list)
    evidence_session_ids: list[str] = Field(default_factory=list)


class _User(FileModel):
    id: Name
    sessions: list[_Session]
    questions: list[_Question] = Field(default_factory=list)
    unanswerable: list[_Question] = Field(default_factory=list)


_USER = TypeAdapter(_User)


def read_common(path: str | PathLike[str]) -> Iterator[Dialogue]:
    """Yield a dialogue for each user; the ids of its `unanswerable` questions end in `_abs`.

    The format is a list of `{"id", "sessions": [{"session_id", "date", "turns": [{"turn_id",
    "role" | "speaker", "content", "timestamp"}]}], "questions": [{"question_id", "question",
    "question_date", "answer", "category", "evidence_turn_ids", "evidence_session_ids"}],
    "unanswerable": [{"question"}]}`.

    Raises:
        DataFormatError: see `agentmem.formats.read.read`.
    """
    for entry in read_list(path):
        user = entry.named_by("id").parse(_USER)
        sessions = tuple(_session(session) for session in user.sessions if session.turns)
        names = {turn.turn_id for session in user.sessions for turn in session.turns}
        ids = {session.id for session in sessions}
        questions = [
            DialogueQuestion(
                id=question.question_id or f"{user.id}:{n}",
                text=question.question,
                answer=question.answer,
                category=question.category,
                evidence_turns=tuple(t for t in question.evidence_turn_ids if t in names),
                evidence_sessions=tuple(s for s in question.evidence_session_ids if s in ids),
                asked_at=question.question_date,
            )
            for n, question in enumerate(user.questions)
        ]
        questions += [
            DialogueQuestion(
                id=f"{user.id}:{n}{UNANSWERABLE}",
                text=question.question,
                answer=None,
                category="unanswerable",
                asked_at=question.question_date,
            )
            for n, question in enumerate(user.unanswerable)
        ]
        yield Dialogue(user.id, sessions, tuple(questions))


def _session(session: _Session) -> DialogueSession:
    turns = tuple(
        DialogueTurn(
            role=turn.role or "user",
            speaker=turn.speaker,
            text=turn.content,
            said_at=turn.timestamp or (session.date and session.date + n * TURN_GAP),
            metadata={"dia_id": turn.turn_id},
        )
        for n, turn in enumerate(session.turns)
        if turn.content.strip()
    )
    return DialogueSession(session.session_id, session.date, turns)

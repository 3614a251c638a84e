"""LongMemEval (Wu et al. 2025): a question after a haystack of chats with an assistant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from os import PathLike
from typing import Annotated, Any

from pydantic import TypeAdapter

from agentmem.formats.dialogue import Dialogue, DialogueQuestion, DialogueSession, DialogueTurn
from agentmem.formats.json_stream import read_list
from agentmem.formats.schema import Answer, FileEntry, FileModel, Name, Text, parse_with
from agentmem.formats.times import TURN_GAP, parse_longmemeval

__all__ = ["read_longmemeval"]


_Time = Annotated[
    datetime, parse_with(parse_longmemeval, "a time such as '2023/05/30 (Tue) 23:40'")
]


class _Turn(FileModel):
    role: Name
    content: Text
    has_answer: Any = None


class _Haystack(FileModel):
    question_id: Name
    haystack_session_ids: list[Name]
    haystack_dates: list[_Time]
    haystack_sessions: list[list[_Turn]]
    question: Name
    answer: Answer
    question_type: Name
    question_date: _Time
    answer_session_ids: list[Name]


_HAYSTACK = TypeAdapter(_Haystack)


def read_longmemeval(path: str | PathLike[str]) -> Iterator[Dialogue]:
    """Yield a dialogue for each question; its owner is the `question_id`.

    Sessions are sorted by date and renamed to `session_1`, `session_2` and so on, because the ids
    in the file give away which sessions hold the answer, and some occur twice. Turns are called
    `session_3:4` after their place among the turns that have text.

    Raises:
        DataFormatError: see `agentmem.formats.read.read`.
    """
    for entry in read_list(path):
        yield _dialogue(entry.named_by("question_id"))


def _dialogue(entry: FileEntry) -> Dialogue:
    haystack = entry.parse(_HAYSTACK)
    count = len(haystack.haystack_sessions)
    for field in ("haystack_session_ids", "haystack_dates"):
        if len(getattr(haystack, field)) != count:
            raise entry.error(
                field, f"one for each of the {count} haystack_sessions", entry.value[field]
            )
    sessions: list[DialogueSession] = []
    evidence_turns: list[str] = []
    renamed: dict[str, list[str]] = {}
    parts = zip(
        haystack.haystack_session_ids,
        haystack.haystack_dates,
        haystack.haystack_sessions,
        strict=True,
    )
    for original_id, started, raw_turns in sorted(parts, key=lambda part: part[1]):
        session_id = f"session_{len(sessions) + 1}"
        turns, evidence = _turns(session_id, started, raw_turns)
        if turns:
            sessions.append(DialogueSession(session_id, started, turns))
            evidence_turns.extend(evidence)
            renamed.setdefault(original_id, []).append(session_id)
    question = DialogueQuestion(
        id=haystack.question_id,
        text=haystack.question,
        answer=haystack.answer,
        category=haystack.question_type,
        evidence_turns=tuple(evidence_turns),
        evidence_sessions=_evidence_sessions(haystack, renamed, evidence_turns),
        asked_at=haystack.question_date,
    )
    return Dialogue(haystack.question_id, tuple(sessions), (question,))


def _turns(
    session_id: str, started: datetime, raw_turns: list[_Turn]
) -> tuple[tuple[DialogueTurn, ...], list[str]]:
    """Return the turns that have text, and the names of those that hold the answer."""
    turns: list[DialogueTurn] = []
    evidence: list[str] = []
    for raw in raw_turns:
        if not raw.content.strip():
            continue
        name = f"{session_id}:{len(turns)}"
        said_at = started + len(turns) * TURN_GAP
        turns.append(DialogueTurn(raw.role, None, raw.content, said_at, {"turn_id": name}))
        if raw.has_answer is True:
            evidence.append(name)
    return tuple(turns), evidence


def _evidence_sessions(
    haystack: _Haystack, renamed: dict[str, list[str]], evidence_turns: list[str]
) -> tuple[str, ...]:
    marked = {turn.partition(":")[0] for turn in evidence_turns}
    session_ids: list[str] = []
    for original_id in haystack.answer_session_ids:
        same = renamed.get(original_id, [])
        # Of several sessions with the same id, those with a marked turn are meant.
        session_ids.extend([s for s in same if s in marked] or same[:1])
    return tuple(dict.fromkeys(session_ids))

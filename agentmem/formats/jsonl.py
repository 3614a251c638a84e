"""JSON lines: one turn per line, the format for chats of any origin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from os import PathLike
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter

from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn
from agentmem.formats.json_stream import read_lines
from agentmem.formats.schema import FileModel, Name, Text, expected
from agentmem.formats.times import TURN_GAP, moment_of
from agentmem.roles import ROLE_OF_MESSAGE_TYPE

__all__ = ["read_jsonl"]


def _session_id(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _moment(value: Any) -> datetime:
    moment = moment_of(value)
    if moment is None:
        raise expected("ISO 8601, such as '2026-03-01T18:30:00+01:00', or seconds since 1970")
    return moment


class _Line(FileModel):
    session_id: Annotated[Name, BeforeValidator(_session_id)]
    role: Name
    content: Text
    timestamp: Annotated[datetime, BeforeValidator(_moment)] | None = None
    speaker: Name | None = None
    user_id: Name | None = None
    metadata: dict[str, Any] | None = None


_LINE = TypeAdapter(_Line)


def read_jsonl(path: str | PathLike[str]) -> Iterator[Dialogue]:
    """Yield a dialogue for each `user_id`; lines without one belong to the owner "".

    A line is `{"session_id", "role", "content"}` with the optional fields `timestamp` (ISO 8601 or
    seconds since 1970; UTC if it has no time zone), `speaker`, `user_id` and `metadata`. Lines of
    different sessions and users may be mixed, so the whole file is read before the first dialogue.
    Lines with blank content are skipped, and other fields are ignored.

    Raises:
        DataFormatError: see `agentmem.formats.read.read`.
    """
    owners: dict[str, dict[str, list[DialogueTurn]]] = {}
    for entry in read_lines(path):
        line = entry.parse(_LINE)
        if not line.content.strip():
            continue
        turn = DialogueTurn(
            role=ROLE_OF_MESSAGE_TYPE.get(line.role, line.role),
            speaker=line.speaker,
            text=line.content,
            said_at=line.timestamp,
            metadata=line.metadata or {},
        )
        sessions = owners.setdefault(line.user_id or "", {})
        sessions.setdefault(line.session_id, []).append(turn)
    for owner, sessions in owners.items():
        yield Dialogue(owner, tuple(_session(name, turns) for name, turns in sessions.items()))


def _session(session_id: str, turns: Sequence[DialogueTurn]) -> DialogueSession:
    """Date turns without a timestamp by the turn before them, or by the first that has one."""
    first = next((i for i, turn in enumerate(turns) if turn.said_at), None)
    if first is None:
        return DialogueSession(session_id, None, tuple(turns))
    moment = turns[first].said_at or datetime.min.replace(tzinfo=UTC)
    moment -= (first + 1) * TURN_GAP
    dated = []
    for turn in turns:
        moment = turn.said_at or moment + TURN_GAP
        dated.append(replace(turn, said_at=moment))
    return DialogueSession(session_id, dated[0].said_at, tuple(dated))

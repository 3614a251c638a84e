"""JSON lines: a turn on every line, the form in which anybody's chats can be brought."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from os import PathLike

from agentmem.formats import times as _times
from agentmem.formats.json import lines
from agentmem.formats.node import Node
from agentmem.formats.records import Dialogue, DialogueSession, DialogueTurn

__all__ = ["read_jsonl"]

_ROLES = {"human": "user", "ai": "assistant"}


def read_jsonl(path: str | PathLike[str]) -> Iterator[Dialogue]:
    """Yield a dialogue for each `user_id`; lines without one belong to the owner "".

    A line is `{session_id, role, content}` with, if wanted, `timestamp` (ISO 8601, or seconds
    since 1970; without a time zone UTC), `speaker`, `user_id` and `metadata`. Lines of different
    sessions and users may be mixed, so that the whole file is read before the first dialogue.
    Lines without content are passed over, and other fields are not looked at.
    """
    owners: dict[str, dict[str, list[DialogueTurn]]] = {}
    for node in lines(path):
        owner, session_id, turn = _line(node)
        if turn.text.strip():
            owners.setdefault(owner, {}).setdefault(session_id, []).append(turn)
    for owner, sessions in owners.items():
        yield Dialogue(owner, tuple(_session(name, turns) for name, turns in sessions.items()))


def _line(node: Node) -> tuple[str, str, DialogueTurn]:
    user, speaker, time, extra = map(node.get, ("user_id", "speaker", "timestamp", "metadata"))
    role = node["role"].name()
    turn = DialogueTurn(
        role=_ROLES.get(role, role),
        speaker=speaker.name() if speaker else None,
        text=node["content"].text(),
        said_at=_moment(time) if time else None,
        metadata=extra.object() if extra else {},
    )
    return user.name() if user else "", _session_id(node["session_id"]), turn


def _session_id(node: Node) -> str:
    if isinstance(node.value, int) and not isinstance(node.value, bool):
        return str(node.value)
    return node.name()


def _moment(node: Node) -> datetime:
    expected = "ISO 8601, such as '2026-03-01T18:30:00+01:00', or seconds since 1970"
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        try:
            return datetime.fromtimestamp(node.value, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise node.error(expected) from error
    return node.parsed(_times.iso, expected)


def _session(name: str, turns: Sequence[DialogueTurn]) -> DialogueSession:
    """Date the turns that tell no time by those before them, or else by the first that does."""
    first = next((i for i, turn in enumerate(turns) if turn.said_at), None)
    if first is None:
        return DialogueSession(name, None, tuple(turns))
    moment = turns[first].said_at or datetime.min.replace(tzinfo=UTC)
    moment -= (first + 1) * _times.TURN_GAP
    dated = []
    for turn in turns:
        moment = turn.said_at or moment + _times.TURN_GAP
        dated.append(replace(turn, said_at=moment))
    return DialogueSession(name, dated[0].said_at, tuple(dated))

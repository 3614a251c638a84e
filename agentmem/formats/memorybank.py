"""MemoryBank (Zhong et al. 2024): users who chat with an assistant day by day."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike

from pydantic import TypeAdapter

from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn
from agentmem.formats.json_stream import read_object
from agentmem.formats.schema import FileEntry, FileModel, Text
from agentmem.formats.times import TURN_GAP, parse_day

__all__ = ["read_memorybank"]


class _Exchange(FileModel):
    query: Text
    response: Text


class _Person(FileModel):
    name: Text | None = None
    history: dict[str, list[_Exchange]]


_PERSON = TypeAdapter(_Person)


def read_memorybank(path: str | PathLike[str]) -> Iterator[Dialogue]:
    """Yield a dialogue for each user of a file in the form of `memory_bank_en.json`.

    The owner is the key exactly as it is written, spaces included. A session is a day; days
    without text are left out. The format has no questions.

    Raises:
        DataFormatError: see `agentmem.formats.read.read`.
    """
    for owner, entry in read_object(path):
        if not owner.strip():
            raise entry.error("", "a user's name as the key", owner)
        person = entry.parse(_PERSON)
        speaker = (person.name or "").strip() or owner.strip()
        sessions = [_session(entry, day, turns, speaker) for day, turns in person.history.items()]
        sessions.sort(key=lambda session: (session.started_at, session.id))
        yield Dialogue(owner, tuple(session for session in sessions if session.turns))


def _session(
    entry: FileEntry, day: str, exchanges: list[_Exchange], speaker: str
) -> DialogueSession:
    try:
        started = parse_day(day)
    except ValueError:
        raise entry.error(f"history.{day}", "a day such as '2023-05-02' as the key", day) from None
    spoken = [
        (role, name, text)
        for exchange in exchanges
        for role, name, text in (
            ("user", speaker, exchange.query),
            ("assistant", None, exchange.response),
        )
        if text.strip()
    ]
    turns = tuple(
        DialogueTurn(role, name, text, started + i * TURN_GAP)
        for i, (role, name, text) in enumerate(spoken)
    )
    return DialogueSession(day, started, turns)

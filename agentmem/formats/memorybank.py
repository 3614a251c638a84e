"""MemoryBank (Zhong et al. 2024): users who chat with an assistant day by day."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike

from agentmem.formats import times as _times
from agentmem.formats.json import members
from agentmem.formats.node import Node
from agentmem.formats.records import Dialogue, DialogueSession, DialogueTurn

__all__ = ["read_memorybank"]


def read_memorybank(path: str | PathLike[str]) -> Iterator[Dialogue]:
    """Yield a dialogue for each user of a file in the form of `memory_bank_en.json`.

    The owner is the key exactly as it stands, spaces included. A session is a day, and a day
    without a word is none. There are no questions.
    """
    for owner, entry in members(path):
        if not owner.strip():
            raise entry.error("a user's name as the key")
        named = entry.get("name")
        speaker = (named.text().strip() if named else "") or owner.strip()
        history = entry["history"]
        sessions = sorted(
            (_session(history[day], day, speaker) for day in history),
            key=lambda session: (session.started_at, session.id),
        )
        yield Dialogue(owner, tuple(s for s in sessions if s.turns))


def _session(node: Node, day: str, speaker: str) -> DialogueSession:
    try:
        started = _times.noon(day)
    except ValueError as error:
        raise node.error("a day such as '2023-05-02' as the key") from error
    turns: list[DialogueTurn] = []
    for pair in node.items():
        for key, role, name in (("query", "user", speaker), ("response", "assistant", None)):
            if (text := pair[key].text()).strip():
                said_at = started + len(turns) * _times.TURN_GAP
                turns.append(DialogueTurn(role, name, text, said_at))
    return DialogueSession(day, started, tuple(turns))

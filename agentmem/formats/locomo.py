"""LoCoMo (Maharana et al. 2024): long conversations of two people, with questions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from os import PathLike

from agentmem.formats import times as _times
from agentmem.formats.json import entries
from agentmem.formats.node import Node
from agentmem.formats.records import Dialogue, DialogueSession, DialogueTurn, Question

__all__ = ["LOCOMO_CATEGORIES", "read_locomo"]

# What the numbers of the categories mean.
LOCOMO_CATEGORIES = {
    "1": "multi-hop",
    "2": "temporal",
    "3": "open-domain",
    "4": "single-hop",
    "5": "adversarial",
}

_SESSION = re.compile(r"session_(\d+)")
_EVIDENCE = re.compile(r"(?<!\w)D(\d+):(\d+)(?!\w)")

# Session and number of a turn, as evidence names it, and its `dia_id` and session's id.
_Names = dict[tuple[int, int], tuple[str, str]]


def read_locomo(path: str | PathLike[str]) -> Iterator[Dialogue]:
    """Yield a dialogue for each conversation of a file in the form of `locomo10.json`.

    The owner is the conversation's `sample_id`, turns carry their `dia_id`, and the caption of a
    photo is part of the text. Both people are users: nobody in these conversations assists.
    """
    for entry in entries(path):
        owner = entry["sample_id"].name()
        yield _dialogue(owner, entry.named(owner))


def _dialogue(owner: str, entry: Node) -> Dialogue:
    conversation = entry["conversation"]
    numbers = {key: int(m[1]) for key in conversation if (m := _SESSION.fullmatch(key))}
    sessions = [_session(conversation, key) for key in sorted(numbers, key=lambda k: numbers[k])]
    kept = tuple(s for s in sessions if s.turns)
    names = _names(kept)
    asked = entry.get("qa")
    questions = [
        _question(f"{owner}:{i}", node, names)
        for i, node in enumerate(asked.items() if asked else ())
    ]
    return Dialogue(owner, kept, tuple(questions))


def _session(conversation: Node, key: str) -> DialogueSession:
    nodes = list(conversation[key].items())
    if not nodes:
        return DialogueSession(key, None, ())
    started = conversation[f"{key}_date_time"].parsed(
        _times.locomo, "a time such as '1:56 pm on 8 May, 2023'"
    )
    turns: list[DialogueTurn] = []
    for node in nodes:
        if text := _text(node):
            turns.append(
                DialogueTurn(
                    role="user",
                    speaker=node["speaker"].name(),
                    text=text,
                    said_at=started + len(turns) * _times.TURN_GAP,
                    metadata={"dia_id": node["dia_id"].name()},
                )
            )
    return DialogueSession(key, started, tuple(turns))


def _text(node: Node) -> str:
    text, caption = node["text"].text().strip(), node.get("blip_caption")
    shown = caption.text().strip() if caption else ""
    return " ".join(part for part in (text, f"[shares a photo: {shown}]" if shown else "") if part)


def _names(sessions: tuple[DialogueSession, ...]) -> _Names:
    names: _Names = {}
    for session in sessions:
        for turn in session.turns:
            dia_id = str(turn.metadata["dia_id"])
            for key in _places(dia_id):
                names.setdefault(key, (dia_id, session.id))
    return names


def _places(text: str) -> list[tuple[int, int]]:
    return [(int(m[1]), int(m[2])) for m in _EVIDENCE.finditer(text)]


def _question(name: str, node: Node, names: _Names) -> Question:
    category, answer = node["category"], node.get("answer")
    if str(category.value) not in LOCOMO_CATEGORIES:
        raise category.error("a category from 1 to 5")
    # Some entries name several turns, some none that exists; what cannot be found is left out.
    found = [
        names[place]
        for entry in (node["evidence"].items() if node.get("evidence") else ())
        for place in _places(entry.text())
        if place in names
    ]
    return Question(
        id=name,
        text=node["question"].name(),
        answer=answer.answer() if answer else None,
        category=str(category.value),
        evidence_turns=tuple(dict.fromkeys(dia_id for dia_id, _ in found)),
        evidence_sessions=tuple(dict.fromkeys(session for _, session in found)),
    )

"""LoCoMo (Maharana et al. 2024): long conversations of two people, with questions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from os import PathLike
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter

from agentmem.formats.dialogue import Dialogue, DialogueQuestion, DialogueSession, DialogueTurn
from agentmem.formats.json_stream import read_list
from agentmem.formats.schema import Answer, FileEntry, FileModel, Name, Text, expected, parse_with
from agentmem.formats.times import TURN_GAP, parse_locomo

__all__ = ["LOCOMO_CATEGORIES", "read_locomo"]

# The meaning of the category numbers.
LOCOMO_CATEGORIES = {
    "1": "multi-hop",
    "2": "temporal",
    "3": "open-domain",
    "4": "single-hop",
    "5": "adversarial",
}

_SESSION = re.compile(r"session_(\d+)")
# A turn as evidence names it: session and number. One entry may name several.
_EVIDENCE = re.compile(r"(?<!\w)D(\d+):(\d+)(?!\w)")

# Session and number of a turn -> its `dia_id` and the id of its session.
_TurnIndex = dict[tuple[int, int], tuple[str, str]]


def _category(value: object) -> str:
    if str(value) not in LOCOMO_CATEGORIES:
        raise expected("a category from 1 to 5")
    return str(value)


class _Turn(FileModel):
    speaker: Name
    dia_id: Name
    text: Text
    blip_caption: Text | None = None


class _Question(FileModel):
    question: Name
    category: Annotated[str, BeforeValidator(_category)]
    answer: Answer | None = None
    evidence: list[Text] | None = None


class _Conversation(FileModel):
    sample_id: Name
    # Keys are `session_1`, `session_1_date_time` and so on, beside others that are ignored.
    conversation: dict[str, Any]
    qa: list[_Question] | None = None


_CONVERSATION = TypeAdapter(_Conversation)
_TURNS = TypeAdapter(list[_Turn])
_TIME: TypeAdapter[datetime] = TypeAdapter(
    Annotated[datetime, parse_with(parse_locomo, "a time such as '1:56 pm on 8 May, 2023'")]
)


def read_locomo(path: str | PathLike[str]) -> Iterator[Dialogue]:
    """Yield a dialogue for each conversation of a file in the form of `locomo10.json`.

    The owner is the `sample_id` of the conversation, turns carry their `dia_id`, and the caption
    of a photo is part of the text. Both speakers have the role `user`.

    Raises:
        DataFormatError: see `agentmem.formats.read.read`.
    """
    for entry in read_list(path):
        yield _dialogue(entry.named_by("sample_id"))


def _dialogue(entry: FileEntry) -> Dialogue:
    content = entry.parse(_CONVERSATION)
    numbers = {key: int(m[1]) for key in content.conversation if (m := _SESSION.fullmatch(key))}
    sessions = tuple(
        session
        for key in sorted(numbers, key=lambda k: numbers[k])
        if (session := _session(entry, key)).turns
    )
    turn_index: _TurnIndex = {}
    for session in sessions:
        for turn in session.turns:
            dia_id = str(turn.metadata["dia_id"])
            for place in _places(dia_id):
                turn_index.setdefault(place, (dia_id, session.id))
    questions = tuple(
        _question(f"{content.sample_id}:{i}", question, turn_index)
        for i, question in enumerate(content.qa or ())
    )
    return Dialogue(content.sample_id, sessions, questions)


def _session(entry: FileEntry, key: str) -> DialogueSession:
    turns = entry.parse(_TURNS, "conversation", key)
    if not turns:
        return DialogueSession(key, None, ())
    started = entry.parse(_TIME, "conversation", f"{key}_date_time")
    spoken = [(turn, text) for turn in turns if (text := _text(turn))]
    return DialogueSession(
        key,
        started,
        tuple(
            DialogueTurn(
                "user", turn.speaker, text, started + i * TURN_GAP, {"dia_id": turn.dia_id}
            )
            for i, (turn, text) in enumerate(spoken)
        ),
    )


def _text(turn: _Turn) -> str:
    caption = (turn.blip_caption or "").strip()
    photo = f"[shares a photo: {caption}]" if caption else ""
    return f"{turn.text.strip()} {photo}".strip()


def _places(text: str) -> list[tuple[int, int]]:
    return [(int(m[1]), int(m[2])) for m in _EVIDENCE.finditer(text)]


def _question(question_id: str, question: _Question, turn_index: _TurnIndex) -> DialogueQuestion:
    # Some evidence names several turns, some names none that exists; the latter is left out.
    evidence = [
        turn_index[place]
        for text in question.evidence or ()
        for place in _places(text)
        if place in turn_index
    ]
    return DialogueQuestion(
        id=question_id,
        text=question.question,
        answer=question.answer,
        category=question.category,
        evidence_turns=tuple(dict.fromkeys(dia_id for dia_id, _ in evidence)),
        evidence_sessions=tuple(dict.fromkeys(session for _, session in evidence)),
    )

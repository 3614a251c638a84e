"""LongMemEval (Wu et al. 2025): a question after a haystack of chats with an assistant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from os import PathLike

from agentmem.formats import times as _times
from agentmem.formats.json import entries
from agentmem.formats.node import Node
from agentmem.formats.records import Dialogue, DialogueSession, DialogueTurn, Question

__all__ = ["read_longmemeval"]

_TIME = "a time such as '2023/05/30 (Tue) 23:40'"


@dataclass(frozen=True)
class _Haystack:
    """One session as the file has it."""

    name: str
    started: datetime
    turns: Node


def read_longmemeval(path: str | PathLike[str]) -> Iterator[Dialogue]:
    """Yield a dialogue for each question; its owner is the `question_id`.

    Sessions are sorted by date and called `session_1`, `session_2` and so on, because the ids in
    the file tell which ones hold the answer, and some stand there twice. Turns are called
    `session_3:4`, by their place among those with text.
    """
    for entry in entries(path):
        owner = entry["question_id"].name()
        yield _dialogue(owner, entry.named(owner))


def _dialogue(owner: str, entry: Node) -> Dialogue:
    sessions: list[DialogueSession] = []
    evidence: list[str] = []
    homes: dict[str, list[str]] = {}
    for haystack in _haystacks(entry):
        session_id = f"session_{len(sessions) + 1}"
        turns, marked = _turns(session_id, haystack)
        if turns:
            sessions.append(DialogueSession(session_id, haystack.started, turns))
            evidence.extend(marked)
            homes.setdefault(haystack.name, []).append(session_id)
    question = Question(
        id=owner,
        text=entry["question"].name(),
        answer=entry["answer"].answer(),
        category=entry["question_type"].name(),
        evidence_turns=tuple(evidence),
        evidence_sessions=_evidence_sessions(entry, homes, evidence),
        asked_at=entry["question_date"].parsed(_times.longmemeval, _TIME),
    )
    return Dialogue(owner, tuple(sessions), (question,))


def _haystacks(entry: Node) -> list[_Haystack]:
    sessions = list(entry["haystack_sessions"].items())
    names = [node.name() for node in entry["haystack_session_ids"].items()]
    dates = [node.parsed(_times.longmemeval, _TIME) for node in entry["haystack_dates"].items()]
    for key, found in (("haystack_session_ids", names), ("haystack_dates", dates)):
        if len(found) != len(sessions):
            raise entry[key].error(f"one for each of the {len(sessions)} haystack_sessions")
    made = [_Haystack(*parts) for parts in zip(names, dates, sessions, strict=True)]
    return sorted(made, key=lambda haystack: haystack.started)


def _turns(session_id: str, haystack: _Haystack) -> tuple[tuple[DialogueTurn, ...], list[str]]:
    """The turns that have text, and the names of those that hold the answer."""
    turns: list[DialogueTurn] = []
    marked: list[str] = []
    for node in haystack.turns.items():
        role, text = node["role"].name(), node["content"].text()
        if not text.strip():
            continue
        name = f"{session_id}:{len(turns)}"
        said_at = haystack.started + len(turns) * _times.TURN_GAP
        turns.append(DialogueTurn(role, None, text, said_at, {"turn_id": name}))
        if (mark := node.get("has_answer")) and mark.value is True:
            marked.append(name)
    return tuple(turns), marked


def _evidence_sessions(
    entry: Node, homes: dict[str, list[str]], turns: list[str]
) -> tuple[str, ...]:
    marked = {turn.partition(":")[0] for turn in turns}
    found: list[str] = []
    for node in entry["answer_session_ids"].items():
        same = homes.get(node.name(), [])
        # Of sessions with the same id, those that hold the answer are meant.
        found.extend([s for s in same if s in marked] or same[:1])
    return tuple(dict.fromkeys(found))

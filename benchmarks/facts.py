"""Precision and recall of the extracted facts, measured against labels.

Labels name turns and character offsets, no text: which of the drawn facts are false, and where in
300 turns a reader finds a fact.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agentmem.facts.extractor import ExtractedFact, RuleExtractor
from agentmem.facts.grammar.rule import Claim
from agentmem.formats.read import read
from agentmem_stores import Granularity, Memory, Scope

__all__ = ["Turn", "compare_with_labels", "draw", "drawn_lines", "turns_of"]

_NOW = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Turn:
    """A user turn of a data set, by an id that names file, conversation, session and position."""

    id: str
    memory: Memory


def turns_of(path: Path) -> Iterator[Turn]:
    """Yield the turns of a file that people say, each text once."""
    seen: set[str] = set()
    name = path.name.split(".")[0]
    for dialogue in read(path):
        for session in dialogue.sessions:
            for position, turn in enumerate(session.turns):
                if (turn.role == "user" or turn.speaker) and turn.text not in seen:
                    seen.add(turn.text)
                    memory = Memory(
                        id=f"{name}:{dialogue.owner}:{session.id}:{position}",
                        scope=Scope("reader"),
                        granularity=Granularity.TURN,
                        text=turn.text,
                        session_id=session.id,
                        said_at=turn.said_at or _NOW,
                        written_at=_NOW,
                        role="user",
                        speaker=turn.speaker,
                        position=position,
                    )
                    yield Turn(memory.id, memory)


def draw(turns: list[Turn], number: int, seed: int) -> list[ExtractedFact]:
    """Return facts of these turns drawn at random; a fact that is repeated counts once."""
    facts: dict[Claim, ExtractedFact] = {}
    for fact in RuleExtractor().extract([turn.memory for turn in turns]):
        if not (fact.claim.ends or fact.claim.old):
            facts.setdefault(fact.claim, fact)
    return random.Random(seed).sample(list(facts.values()), min(number, len(facts)))


def drawn_lines(files: Sequence[Path], number: int, seed: int) -> Iterator[str]:
    """Yield facts drawn from files, with the ids of their turns, as lines of tab-separated fields.

    Args:
        number: how many facts of all files together.
    """
    for path in files:
        for fact in draw(list(turns_of(path)), number // len(files), seed):
            claim = fact.claim
            yield "\t".join(
                [fact.turn.id, claim.subject, claim.attributes[0], claim.value, fact.text]
            )


def compare_with_labels(files: Sequence[Path], number: int, labels: Path) -> Iterator[str]:
    """Yield how many of the drawn facts are true, and how many of the labeled ones are found.

    Args:
        files: the files that the labels were made for, in the same order.
        number: how many facts were drawn when the labels were made.
    """
    by_file = [list(turns_of(path)) for path in files]
    content = json.loads(labels.read_text(encoding="utf-8"))
    false = {tuple(each) for each in content["false"]}
    share = number // len(by_file)
    drawn = [fact for turns in by_file for fact in draw(turns, share, content["seed"])]
    wrong = [f for f in drawn if (f.turn.id, f.claim.attributes[0], f.claim.value) in false]
    yield f"true: {len(drawn) - len(wrong)} of {len(drawn)}"
    turn_of = {turn.id: turn for turns in by_file for turn in turns}
    yield f"found: {_recall_summary(content['facts'], turn_of)}"


def _recall_summary(labels: dict[str, list[list[int]]], turns: dict[str, Turn]) -> str:
    """How many of the labeled values are extracted: the value and the fact's value overlap."""
    total = hits = 0
    for turn_id, spans in labels.items():
        turn = turns[turn_id]
        values = [f.claim.value for f in RuleExtractor().extract([turn.memory]) if not f.claim.ends]
        for start, end in spans:
            words = set(turn.memory.text[start:end].casefold().split())
            total += 1
            hits += any(
                words & set(value.casefold().replace("(", "").replace(")", "").split())
                for value in values
            )
    return f"{hits} of {total} in {len(labels)} turns"

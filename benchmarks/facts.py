"""How true the extracted facts are, and how many of those that a reader finds are extracted.

    python -m benchmarks.facts FILE... --draw 200        # facts to be read, with their turn ids
    python -m benchmarks.facts FILE... --labels benchmarks/facts_labels.json

FILE is a conversation file of LoCoMo, LongMemEval or MemoryBank, as `agentmem ingest` reads it.
Labels name turns and character offsets, no text: which of the drawn facts are false, and where in
300 turns a reader finds a fact.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agentmem.facts.extractor import ExtractedFact, RuleExtractor
from agentmem.facts.grammar.rule import Claim
from agentmem.formats.read import read
from agentmem_stores import Granularity, Memory, Scope

__all__ = ["Turn", "draw", "main", "turns_of"]

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


def main() -> None:
    """Print a draw, or compare the extraction with labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--draw", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--labels", type=Path)
    options = parser.parse_args()
    by_file = [list(turns_of(path)) for path in options.files]
    share = options.draw // len(by_file)
    if options.labels is None:
        for turns in by_file:
            for fact in draw(turns, share, options.seed):
                claim = fact.claim
                print(
                    f"{fact.turn.id}\t{claim.subject}\t{claim.attributes[0]}\t{claim.value}\t{fact.text}"
                )
        return
    labels = json.loads(options.labels.read_text(encoding="utf-8"))
    false = {tuple(each) for each in labels["false"]}
    drawn = [f for turns in by_file for f in draw(turns, share, labels["seed"])]
    wrong = [f for f in drawn if (f.turn.id, f.claim.attributes[0], f.claim.value) in false]
    print(f"true: {len(drawn) - len(wrong)} of {len(drawn)}")
    print(f"found: {_recall_summary(labels['facts'], {t.id: t for ts in by_file for t in ts})}")


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


if __name__ == "__main__":
    main()

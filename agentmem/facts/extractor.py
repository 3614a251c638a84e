"""From turns to facts: the interface of an extractor, and the one that needs no model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from agentmem.facts.assertions import clauses, own_text
from agentmem.facts.grammar.claims import Claim
from agentmem.facts.grammar.endings import correction
from agentmem.facts.grammar.mentions import mentioned_in_sentence
from agentmem.facts.grammar.reader import claims
from agentmem_stores import Memory

__all__ = ["ExtractedFact", "FactExtractor", "RuleExtractor"]

_PER_TURN = 12
# Without any of these a text tells nothing, and need not be read closely.
_WORTH_READING = re.compile(
    r"\b(?:i|i'm|i've|me|my|we|our|us|mine|lives|works|died|passed|ran|dead|gone|actually|not|"
    r"first day|home)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ExtractedFact:
    """What one turn tells of somebody.

    Attributes:
        turn: the turn that tells it.
        claim: whom it is about, what of them, and the value; or what it ends or corrects.
        text: the sentence that tells it.
    """

    turn: Memory
    claim: Claim
    text: str


# Characters of a turn that are read; what is longer was pasted. The time is proportional: 1.5 s for
# 200,000 characters that state facts.
_MAX_READ = 200_000


class FactExtractor(Protocol):
    """Finds facts in turns."""

    def extract(self, turns: Sequence[Memory]) -> list[ExtractedFact]:
        """Return what turns tell of people, in order; nothing that is not certain."""


class RuleExtractor:
    """Finds facts by the rules of `grammar`; needs neither a model nor embeddings.

    Example:
        >>> [turn] = memory.add("I work as a baker in Lyon.")
        >>> [fact] = RuleExtractor().extract([turn])
        >>> fact.claim.attributes, fact.claim.value
        (('job',), 'baker')
    """

    def extract(self, turns: Sequence[Memory]) -> list[ExtractedFact]:
        """Return what turns tell of people, in order."""
        return [fact for turn in turns for fact in _in_turn(turn)]


def _in_turn(turn: Memory) -> Iterator[ExtractedFact]:
    seen: set[Claim] = set()
    for text, claim in _claimed(turn.text[:_MAX_READ]):
        if claim not in seen and len(seen) < _PER_TURN:
            seen.add(claim)
            yield ExtractedFact(turn, claim, text)


def _claimed(text: str) -> Iterator[tuple[str, Claim]]:
    if not _WORTH_READING.search(text):
        return
    for sentence in own_text(text):
        yield from ((sentence, claim) for claim in mentioned_in_sentence(sentence))
        if (corrected := correction(sentence)) is not None:
            yield sentence, corrected
    claimed = [(c.sentence, claim) for c in clauses(text) for claim in claims(c)]
    yield from _resolved(claimed)


def _resolved(claimed: Sequence[tuple[str, Claim]]) -> Iterator[tuple[str, Claim]]:
    """Leave out what is said more fully by another claim: "my dog" beside "my dog Rex"."""
    named = {
        claim.value.rpartition(" (")[2].rstrip(")")
        for _, claim in claimed
        if claim.value.endswith(")")
    }
    people = {
        claim.attributes[0].split()[-1]
        for _, claim in claimed
        if len(claim.attributes) == 1 and not claim.ends
    }
    for text, claim in claimed:
        if claim.attributes == ("pet",) and claim.value in named and not claim.ends:
            continue
        if claim.attributes == ("family",) and claim.value.split()[-1] in people:
            continue
        yield text, claim

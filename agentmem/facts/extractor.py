"""From turns to facts: the interface of an extractor, and the one that needs no model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from agentmem.facts.assertions import Clause, clauses, own_text
from agentmem.facts.grammar.endings import correction, denied, ended, gone
from agentmem.facts.grammar.mentions import mentioned, mentioned_in_sentence
from agentmem.facts.grammar.named import called, mine
from agentmem.facts.grammar.person import PERSON
from agentmem.facts.grammar.possessions import POSSESSIONS
from agentmem.facts.grammar.predicate import parse
from agentmem.facts.grammar.pursuits import PURSUITS
from agentmem.facts.grammar.rule import Claim, Rules
from agentmem.facts.lexicon import MONTH, WEEKDAYS
from agentmem.facts.patterns import any_of, pattern
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
    sentences = own_text(text) if _WORTH_READING.search(text) else []
    claimed = [
        (s, claim) for s in sentences for claim in (*mentioned_in_sentence(s), *correction(s))
    ]
    claimed += [(c.sentence, claim) for c in clauses(sentences) for claim in _claims(c)]
    return _resolved(claimed)


def _resolved(claimed: Sequence[tuple[str, Claim]]) -> Iterator[tuple[str, Claim]]:
    """Leave out what is said more fully by another claim: "my dog" beside "my dog Rex"."""
    stated = [claim for _, claim in claimed if not claim.ends]
    named = {c.value.rpartition(" (")[2].rstrip(")") for c in stated if c.value.endswith(")")}
    people = {c.attributes[0].split()[-1] for c in stated if c.attributes}
    for text, claim in claimed:
        pet = claim.attributes == ("pet",) and claim.value in named
        relative = claim.attributes == ("family",) and claim.value.split()[-1] in people
        if claim.ends or not (pet or relative):
            yield text, claim


# --- What a clause claims ---------------------------------------------------------------------

_RULES = Rules((*PERSON, *POSSESSIONS, *PURSUITS))
_LONGEST = 220

# What is hedged, hypothetical or a joke states nothing.
_HEDGED = pattern(
    r"\b(?:would|could|might|may be|maybe|perhaps|probably|possibly|supposedly|allegedly|"
    r"apparently|wish|hope|hoping|pretend\w*|imagine|imaginary|kind of|sort of|almost|nearly|"
    r"practically|basically an?|technically|virtually|joking|kidding|dreamt?|dreamed|as if|ish\b|"
    "something like|or so they|they say|rumou?r|if|unless|whether|in a way|metaphorically|"
    "deep down|in spirit|at heart|by day|on paper|like to think|feel like|hypothetically|in theory|"
    r"supposed to|in another life|in my head|for halloween|in the game|in minecraft|on tv)\b"
)
_WEEKDAY = any_of(WEEKDAYS)
_SEASON = any_of("summer spring fall autumn winter")
# What holds for a while, held once or will hold is not what holds.
_TEMPORARY = pattern(
    rf"\b(?:next (?:week|month|year|{_SEASON}|{_WEEKDAY})|this (?:week|weekend|evening|morning|"
    "afternoon|summer|month|semester)|tonight|tomorrow|soon|for (?:now|today|the (?:day|week|"
    "weekend|night|moment|time being|summer))|temporarily|until|till|for (?:a|one|two|three|a few|"
    r"several|a couple of|\d+) (?:more )?(?:days?|weeks?|nights?)|back then|at the time|at that "
    r"time|years ago|as a (?:kid|child|boy|girl|teen\w*|student|young)|growing up|when i was|in "
    r"(?:19|20)\d\d(?! model)|in the (?:past|future|19|20|eighties|nineties|sixties|seventies)|"
    rf"before|later|starting|from (?:next|{_WEEKDAY}|{MONTH})|in (?:a|two|three|four|five|six|\d+) "
    "(?:day|week|night|month|year)s?|eventually|some ?day|one day|yesterday|last (?:weekend|week|"
    rf"night|month|year|{_SEASON}|{_WEEKDAY})|for school|once)\b"
)
_ALSO = pattern(r"\b(?:also|as well|in addition)\b|\btoo\W*$")


def _claims(clause: Clause) -> Iterator[Claim]:
    """Yield what a clause claims: facts, and what ends facts."""
    text = " ".join(clause.text.split())
    if len(text) > _LONGEST or _HEDGED.search(text):
        return
    if over := gone(text):
        yield from over
        return
    temporary = _TEMPORARY.search(text) is not None
    yield from mentioned(text, passing=temporary)
    read = mine(text)
    if read is None and not temporary:
        read = called(text)
    also = _ALSO.search(text) is not None
    for claim in read or _predicate(replace(clause, text=text), temporary):
        yield replace(claim, also=also)


def _predicate(clause: Clause, temporary: bool) -> list[Claim]:
    p = parse(clause)
    if p is None:
        return []
    passing = temporary and p.tense in ("present", "progressive")
    if p.negated:
        now = p.tense in ("present", "progressive")
        return denied(p, _RULES) if now and not temporary else []
    # "I graduated from Leiden" ends the studies and states an education.
    over = ended(p)
    return over + ([] if passing and not over else _RULES.read(p))

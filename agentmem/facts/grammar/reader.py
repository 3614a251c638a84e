"""Read the claims of a clause: what is gone, what is called by its name, what a verb states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agentmem.facts.assertions import Clause
from agentmem.facts.grammar.claims import Claim
from agentmem.facts.grammar.endings import denied, ended, gone
from agentmem.facts.grammar.mentions import mentioned
from agentmem.facts.grammar.named import called, mine
from agentmem.facts.grammar.person import PERSON
from agentmem.facts.grammar.possessions import POSSESSIONS
from agentmem.facts.grammar.predicate import parse
from agentmem.facts.grammar.pursuits import PURSUITS
from agentmem.facts.grammar.rule import Rules
from agentmem.facts.grammar.work import WORK
from agentmem.facts.lexicon import MONTH
from agentmem.facts.patterns import any_of, pattern

__all__ = ["claims"]

_RULES = Rules((*PERSON, *WORK, *POSSESSIONS, *PURSUITS))
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
_SPAN = any_of("day days week weeks night nights month months year years")
_WEEKDAY = any_of("monday tuesday wednesday thursday friday saturday sunday")
_SEASON = any_of("summer spring fall autumn winter")
# What holds for a while, held once or will hold is not what holds.
_TEMPORARY = pattern(
    rf"\b(?:next (?:week|month|year|{_SEASON}|{_WEEKDAY})|this (?:week|weekend|evening|morning|"
    "afternoon|summer|month|semester)|tonight|tomorrow|soon|for (?:now|today|the (?:day|week|"
    "weekend|night|moment|time being|summer))|temporarily|until|till|for (?:a|one|two|three|a few|"
    r"several|a couple of|\d+) (?:more )?(?:days?|weeks?|nights?)|back then|at the time|"
    r"at that time|years ago|as a (?:kid|child|boy|girl|teen\w*|student|young)|growing up|"
    r"when i was|in (?:19|20)\d\d(?! model)|in the (?:past|future|19|20|eighties|nineties|sixties|"
    f"seventies)|before|later|starting|from (?:next|{_WEEKDAY}|{MONTH})|in (?:a|two|three|four|"
    rf"five|six|\d+) {_SPAN}|eventually|some ?day|one day|yesterday|last (?:weekend|week|night|"
    rf"month|year|{_SEASON}|{_WEEKDAY})|for school|once)\b"
)
_ALSO = pattern(r"\b(?:also|as well|in addition)\b|\btoo\W*$")


def claims(clause: Clause) -> Iterator[Claim]:
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
    read = read or _predicate(replace(clause, text=text), temporary)
    also = _ALSO.search(text) is not None
    yield from (replace(claim, also=True) if also else claim for claim in read)


def _predicate(clause: Clause, temporary: bool) -> list[Claim]:
    p = parse(clause)
    if p is None:
        return []
    if over := ended(p):
        # "I graduated from Leiden" ends the studies and states an education.
        return over + _RULES.read(p)
    now = p.tense in ("present", "progressive")
    if p.negated:
        return denied(p, _RULES) if now and not temporary else []
    return [] if now and temporary else _RULES.read(p)

"""A rule: which words after a verb state which attribute."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.patterns import pattern, words

__all__ = ["DONE", "END", "EVER", "NAME_END", "WHOLE", "Claim", "Read", "Rule", "Rules"]


@dataclass(frozen=True)
class Claim:
    """What a clause states of a person, or ends.

    Attributes:
        subject: the person, as in `Predicate.subject`.
        attributes: the attribute that a fact states. For an ending, the attributes that it may
            end; none means all of them.
        value: as written; "" in an ending matches every value.
        ends: whether the claim ends facts instead of stating one.
        old: the value that this one replaces, for corrections that name no attribute.
        also: whether the value is said to be additional ("I also work at ...").
    """

    subject: str
    attributes: tuple[str, ...]
    value: str
    ends: bool = False
    old: str = ""
    also: bool = False


Read = Callable[[Predicate, str], list[Claim]]

# Tenses of rules: what is so since something happened, and what is so.
DONE = "past perfect lasting"
EVER = "present progressive lasting"

# What may follow a place, an organization or a thing without changing what is said.
WHOLE = (
    r"(?=(?:, [^,]*\d+\w?)?\W*(?:(?:now|too|already|currently|again|these days|nowadays|today|"
    r"at the moment|though|btw|by the way|actually|originally|full-?time|part-?time|instead|"
    r"permanently|anyway|right now|together|alone|as well)\b\W*)*"
    r"(?:(?:with|for|since|as|because|near|in|at|on|by|and|but|from|where|which|who|close to|"
    r"not far|right|just|over|last|about|around|after|to be|so|all|ever|almost|during|the|a few|"
    r"two|three|five|ten|to|this|of|next to|out of|within|part of|most of)\b.*)?$)"
)
# Within a sentence a stop ends an initial or an abbreviation; only such words begin another one.
_STOP = (
    r"\.(?= (?:i|i'm|i've|i'd|i'll|my|we|our|he|she|it|it's|they|his|her|this|that|there|the|an?|"
    r"you|what|do|can|could|please|thanks|nice|hello|and|but|so)(?: |,|$))"
)
# What is said about a thing, and does not belong to its name.
END = (
    f"{_STOP}| (?:and (?:i|it|they|we|he|she|have|am|would|want|was|that|how|find|can|get|carry|"
    "must|so|need|really|often|always|usually|much)|but|because|since|so|which|who|that|when|where|"
    "while|with|for|from|at|in|on|near|to|as|too|very|quite|pretty|a (?:lot|few|bit)|the most|more|"
    "most|every|once|twice|whenever|after(?! all)|before|during|by|of course|though|especially|"
    "like|such|even|if|about|around|over|than|together|lately|recently|last|these|this|today|again|"
    "right|now|yesterday|using|fluently|natively|well|regularly|competitively|professionally|it's|"
    r"they're|of|is|are|was|can|two|three|\d+ (?:years|months|weeks))\b|[(:!;]|,(?: ?)(?:but|so|"
    "which|and (?:i|it|they|have|am)|it|they|too|especially|such|like|because|mostly|"
    r"particularly)\b"
)
# What follows a name.
NAME_END = rf"{END}|,| - | (?:and|btw|here|instead|please|anyway|although)\b"


@dataclass(frozen=True)
class Rule:
    """What a verb states together with what follows it.

    Attributes:
        verbs: in their base form, or names of attributes ("My goal is ..."), separated by spaces;
            "_" stands for a space. Rules without a verb read a whole clause.
        after: a pattern of what follows the verb; its group `v` is read, else all that follows.
            Three dots at its end stand for that group, up to the end of the clause.
        read: makes claims of it.
        tenses: in which the rule applies, separated by spaces.
        own: whether it only applies to the author.
    """

    verbs: str
    after: str
    read: Read
    tenses: str = "present progressive"
    own: bool = False
    matcher: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        after = self.after
        after = after.removesuffix("...") + "(?P<v>.+)$" if after.endswith("...") else after
        object.__setattr__(self, "matcher", pattern(after))

    def claims(self, p: Predicate) -> list[Claim]:
        """Return what the rule reads in a predicate of one of its verbs and tenses."""
        match = None if self.own and p.subject else self.matcher.match(p.rest)
        if match is None:
            return []
        return self.read(p, match["v"] if "v" in self.matcher.groupindex else p.rest)


class Rules:
    """Rules by verb and tense. The first that reads something decides."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules: dict[tuple[str, str], list[Rule]] = defaultdict(list)
        for rule in rules:
            for verb, tense in product(words(rule.verbs) or ("",), rule.tenses.split()):
                self._rules[verb, tense].append(rule)

    def read(self, p: Predicate, verb: str | None = None) -> list[Claim]:
        """Return what a predicate states, as if it were not negated.

        Args:
            verb: whose rules are read, if not those of the predicate's verb.
        """
        key = (p.verb if verb is None else verb, p.tense)
        match = (rule.claims(p) for rule in self._rules.get(key, ()))
        return next(filter(None, match), [])

    def of(self, p: Predicate, attributes: Sequence[str]) -> list[Claim]:
        """Return the claims of some attributes in the present tense of a predicate."""
        match = self.read(replace(p, tense="present"))
        return [claim for claim in match if claim.attributes[0] in attributes]

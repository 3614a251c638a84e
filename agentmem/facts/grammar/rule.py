"""A rule: which words after a verb state which attribute, and how the value is read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.lexicon import SOFTWARE, TITLE
from agentmem.facts.patterns import before, pattern, strip_prefix, words
from agentmem.facts.values import job_in, listed, organization_in, place_in

__all__ = [
    "DONE", "END", "EVER", "NAME_END", "WHOLE", "Claim", "Read", "Rule", "Rules", "complete",
    "each", "employer", "fact", "job", "job_title", "known", "place", "text",
]  # fmt: skip


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
    f"{_STOP}|"
    " (?:and (?:i|it|they|we|he|she|have|am|would|want|was|that|how|find|can|get|carry|must|so|"
    "need|really|often|always|usually|much)|but|because|since|so|which|who|that|when|where|while|"
    "with|for|from|at|in|on|near|to|as|too|very|quite|pretty|a (?:lot|few|bit)|the most|more|most|"
    "every|once|twice|whenever|after(?! all)|before|during|by|of course|though|especially|like|"
    "such|even|if|about|around|over|than|together|lately|recently|last|these|this|today|again|"
    "right|now|yesterday|using|fluently|natively|well|regularly|competitively|"
    "professionally|it's|they're|of|is|are|was|can|two|three|\\d+ (?:years|months|weeks))\\b|"
    r"[(:!;]|,(?: ?)(?:but|so|which|and (?:i|it|they|"
    r"have|am)|it|they|too|especially|such|like|because|mostly|particularly)\b"
)
# What follows a name.
NAME_END = rf"{END}|,| - | (?:and|btw|here|instead|please|anyway|although)\b"


def complete(tail: str) -> bool:
    """Return whether a value that is followed by this is whole."""
    return pattern(WHOLE).match(tail) is not None


def fact(p: Predicate, attribute: str, value: str | None) -> list[Claim]:
    """Return the claim that the subject has a value; nothing without a value."""
    value = (value or "").strip(" .,!;:'\"")
    # "I'm a fan of Dr. Who" is cut at a word that is none of a name elsewhere.
    whole = value and not re.fullmatch(TITLE, value)
    return [Claim(p.subject, (attribute,), value)] if whole else []


# --- How values are read ----------------------------------------------------------------------


def text(attribute: str) -> Read:
    """Take the value as it is written."""
    return lambda p, rest: fact(p, attribute, rest)


def known(attribute: str, value: str) -> Read:
    """Take a fixed value."""
    return lambda p, _: fact(p, attribute, value)


def each(attribute: str, allowed: Collection[str], lead: str = "") -> Read:
    """Take the items of an enumeration that are in a closed list.

    Args:
        lead: a pattern of what may stand before an item.
    """

    def read(p: Predicate, rest: str) -> list[Claim]:
        items = (before(END, strip_prefix(lead, item)) for item in listed(rest))
        return [c for item in items if item.lower() in allowed for c in fact(p, attribute, item)]

    return read


def place(attribute: str) -> Read:
    """Take the place that the text begins with."""

    def read(p: Predicate, rest: str) -> list[Claim]:
        match = place_in(rest, p.clause)
        whole = match and match[0].lower() not in SOFTWARE and complete(match[1])
        return fact(p, attribute, match[0]) if match and whole else []

    return read


def employer(p: Predicate, rest: str) -> list[Claim]:
    """Take the organization that the text begins with as the employer."""
    match = organization_in(rest, p.clause)
    whole = match and complete(match[1]) and not _NO_EMPLOYER.match(match[0])
    return fact(p, "employer", match[0]) if match and whole else []


_NO_EMPLOYER = pattern(r"(?:a |the )?(?:day|night|\d)")
_AT = pattern(r",? ?(?:working )?(?:at|for|with) (?P<v>.+)$")


def _job(*, open_ended: bool) -> Read:
    def read(p: Predicate, rest: str) -> list[Claim]:
        match = job_in(rest, open_ended=open_ended)
        if match is None:
            return []
        learns = re.search("student|apprentice|trainee", match[0], re.IGNORECASE)
        at = _AT.match(match[1].strip())
        where = (place("school") if learns else employer)(p, at["v"]) if at else []
        return fact(p, "job", match[0]) + where

    return read


# A known job, and the employer if one follows: "a nurse at Hooli".
job = _job(open_ended=False)
# Any job title, where the words before say that one follows: "I work as ...".
job_title = _job(open_ended=True)


# --- Rules ------------------------------------------------------------------------------------


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

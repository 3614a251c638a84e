"""How rules read a value: a job, a place, an employer, or the text as it is."""

from __future__ import annotations

import re
from collections.abc import Collection

from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.rule import END, WHOLE, Claim, Read
from agentmem.facts.lexicon import SOFTWARE, TITLE
from agentmem.facts.patterns import before, pattern, strip_prefix
from agentmem.facts.values import job_in, listed, organization_in, place_in

__all__ = ["complete", "each", "employer", "fact", "job", "job_title", "known", "place", "text"]


def complete(tail: str) -> bool:
    """Return whether a value that is followed by this is whole."""
    return pattern(WHOLE).match(tail) is not None


def fact(p: Predicate, attribute: str, value: str | None) -> list[Claim]:
    """Return the claim that the subject has a value; nothing without a value."""
    value = (value or "").strip(" .,!;:'\"")
    # "I'm a fan of Dr. Who" is cut at a word that is none of a name elsewhere.
    whole = value and not re.fullmatch(TITLE, value)
    return [Claim(p.subject, (attribute,), value)] if whole else []


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

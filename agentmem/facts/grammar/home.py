"""Where people live."""

from __future__ import annotations

import re

from agentmem.facts.grammar.claims import Claim
from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.rule import DONE, EVER, Rule, fact, place
from agentmem.facts.patterns import any_of, pattern

__all__ = ["HOME"]

_home = place("home")
_STREET = re.compile(
    r"(?P<street>(?:\d+\w? )?[A-Z][\w.-]+(?: [A-Z][\w.-]+)* \d+\w?|"
    r"\d+\w? [A-Z][\w.-]+(?: [A-Z][\w.-]+)*)(?: in (?P<city>.+)|, (?P<also>[A-Z].+)|$)"
)


def _lives(p: Predicate, rest: str) -> list[Claim]:
    street = _STREET.match(rest)
    if street is None:
        return _home(p, rest)
    city = street["city"] or street["also"]
    return fact(p, "address", street["street"]) + (_home(p, city) if city else [])


_WHEN = pattern(r"\b(?:in (?:19|20)\d\d|when|as a)\b")


def _moved(p: Predicate, rest: str) -> list[Claim]:
    """ "I moved to Rome" is a home, "I moved to Rome in 2003" may be a former one."""
    rest = rest.split(", ")[0]
    return [] if _WHEN.search(rest) and p.tense == "past" else _home(p, rest)


_KINDS = any_of(
    "beach_house beachhouse cabin cottage summerhouse lake_house condo second_apartment second_flat"
)
_SECOND_HOME = pattern(
    r"an? (?P<kind>(?:holiday|vacation|summer|weekend|second|beach|winter) "
    rf"(?:home|house|cottage|apartment|flat|place)|{_KINDS}) (?:in|on|near|at) (?P<where>.+)$"
)


def _second_home(p: Predicate, rest: str) -> list[Claim]:
    """ "We have a holiday home in Crete"."""
    match = _SECOND_HOME.match(rest)
    return place(match["kind"].lower())(p, match["where"]) if match else []


_HOW = (
    r"(?:(?:right|alone|together|happily|out|up|down|over|here|now|full-time|permanently|"
    r"all alone|with (?:my|our) (?:[\w-]+ ){1,5}?) ?)*"
)
# "I live on coffee" names no place.
_IN = r"(?:(?:in|at|near|outside(?: of)?) |on (?=the |(?-i:[A-Z\d])))"
_WAY = any_of("back over out here up down away again just recently house homes")

HOME = (
    Rule("live reside", f"{_HOW}{_IN}...", _lives, EVER),
    Rule("move", f"(?:(?:{_WAY}|from .{{2,30}}?) )*(?:to|into) ...", _moved, DONE),
    Rule("settle", "(?:down )?(?:in|into) ...", _home, DONE),
    Rule("have own", "an? .+", _second_home, "present lasting"),
    Rule("buy", "an? .+", _second_home, DONE),
)

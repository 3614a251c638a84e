"""Cars, devices and businesses that people own."""

from __future__ import annotations

import re

from agentmem.facts.grammar.claims import SPEAKER, Claim
from agentmem.facts.grammar.patterns import CAR, DEVICE, any_of, pattern, words
from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.rule import Rule, complete, fact

__all__ = ["THINGS", "car"]

_CAR_PHRASE = pattern(
    rf"(?:an?|my|our|the) (?P<car>(?:(?!{CAR}\b|(?:at|for|from|in|about|of|with|to|by|on|and|who|"
    rf"that)\b)[\w.'-]+ ){{0,3}}?{CAR}\b(?: (?-i:[A-Z0-9][\w-]*)| \d+| (?:civic|corolla|golf|polo|"
    r"fiesta|focus|camry|mustang|octavia|clio|car|van|truck|suv))*)(?P<more>.*)$"
)
# "a Fender guitar", "a rental car", "a friend's car" are no cars of one's own.
_NO_CAR = pattern(
    r"\b(?:fender|guitar|amp|pedal|smaller|bigger|better|second|used|toy|rental|rented|company|"
    r"(?-i:model)|dream|matchbox|lego|hired|flash|bumper|race|racing|cable|sidecar|remote|rc|minor|"
    r"thing|problem|question|look|test)\b|'s\b"
)
# Names of cars that mean something else where they stand alone.
_AMBIGUOUS = words(
    "seat golf polo beetle jaguar leaf focus mini outback forester accord switch astra"
)
_NO_CAR_BUT = pattern(
    r" ?(?:accident|crash|loan|payment|insurance|seat|wash|trouble|issue|dealer\w*|key|game|repair|"
    r"ride|trip|tire|battery|at the (?:shop|garage)|park|rental|mechanic|charger|in mind|show)"
)
_UNNAMED = pattern(
    r"(?:(?:new|old|own|little|big|nice|brand new|small|used) )*"
    r"(?:car|van|truck|hatchback|camper|coupe|estate|convertible)$"
)
_MOTORCYCLE = pattern(r"\b(?:motorcycle|motorbike|scooter|vespa|harley|ducati)\b")


def car(p: Predicate, said: str) -> list[Claim]:
    """Take the car that a phrase with its determiner names: "a red Volvo"."""
    found = _CAR_PHRASE.match(said.strip())
    if found is None:
        return []
    value, more = found["car"], found["more"]
    if not (complete(more) or re.match(r" ?(?:,|that|and)", more)) or _NO_CAR_BUT.match(more):
        return []
    if _NO_CAR.search(value) or value.lower() in _AMBIGUOUS or _UNNAMED.match(value):
        return []
    value = re.sub(r"^(?:new|brand new|used) ", "", value, flags=re.IGNORECASE)
    return fact(p, "motorcycle" if _MOTORCYCLE.search(value) else "car", value)


_DEVICE_PHRASE = pattern(
    rf"(?:an?|my|the) (?:new |old )?(?P<device>(?:(?!{DEVICE}\b)(?-i:[A-Z])[\w.-]* ){{0,2}}"
    rf"{DEVICE}\b(?: (?:pro|air|mini|max|plus|ultra|charge|(?-i:[A-Z0-9][\w-]*)))*)(?P<more>.*)$"
)
_UNNAMED_DEVICE = words("laptop switch surface galaxy pixel dslr")


def _device(p: Predicate, said: str) -> list[Claim]:
    found = _DEVICE_PHRASE.match(said.strip())
    if not found or not complete(found["more"]) or p.subject != SPEAKER:
        return []
    return [] if found["device"].lower() in _UNNAMED_DEVICE else fact(p, "device", found["device"])


def _possession(p: Predicate, said: str) -> list[Claim]:
    # "I have a car, a red Volvo"
    said = re.sub(r"^an? (?:new )?car(?: too)?, (?=an? )", "", said, flags=re.IGNORECASE)
    return car(p, said) + _device(p, said)


_FOR_OTHERS = pattern(
    r".*\bfor (?:my|our|his|her|their|a friend|the (?:kids|day|week|weekend|trip|holiday|"
    r"summer))\b|.*\b(?:my|our) \w+ (?:an?|some)\b"
)


def _bought(p: Predicate, said: str) -> list[Claim]:
    return [] if _FOR_OTHERS.match(said) else car(p, said)


_BUSINESS = any_of(
    """
    bakery shop store restaurant cafe caf\u00e9 business company studio salon gym bookstore bookshop
    bar farm hotel gallery boutique startup agency
    """
)


def _business(p: Predicate, said: str) -> list[Claim]:
    found = re.match(
        rf"(?:and run )?an? (?P<v>(?:[\w-]+ ){{0,2}}{_BUSINESS})\b", said, re.IGNORECASE
    )
    return fact(p, "business", found["v"]) if found else []


def _owned(p: Predicate, said: str) -> list[Claim]:
    return car(p, said) + _business(p, said)


THINGS = (
    Rule("have", "", _possession, "present"),
    Rule("own", "", _owned, "present progressive"),
    Rule("run", "", _business, "present"),
    Rule("use", "", _device, "present"),
    Rule("drive", "", car),
    Rule("get buy", "", _bought, "past perfect", own=True),
)

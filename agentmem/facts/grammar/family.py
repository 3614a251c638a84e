"""Relatives and pets that people say they have."""

from __future__ import annotations

import re

from agentmem.facts.grammar.claims import SPEAKER, Claim
from agentmem.facts.grammar.patterns import NUMBER, PET, any_of, pattern, words
from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.rule import Rule, complete, fact, known
from agentmem.facts.lexicon import RELATIONS
from agentmem.facts.values import name_in

__all__ = ["FAMILY", "kind_of_pet", "named_pets"]

_CALLED = pattern(
    r",? ?(?:(?:that|which|who|whom|he|she|it)(?:'s| is| are| we)? )?"
    r"(?:(?:is |are )?(?:called|named|by the name of)|whose names? (?:is|are)|who goes by|"
    r"we (?:call|named)) (?P<names>.+)$"
)
_CAPITALIZED = r"[A-Z\u00c0-\u00de]\S*"
_NAMES = re.compile(
    rf" ?(?:,|:|-|\u2013|\u2014|\() ?(?P<names>{_CAPITALIZED}"
    rf"(?:(?:, | and |, and | & ){_CAPITALIZED})*)\)?"
)
_NAMES_END = pattern(
    r" (?:who|which|that|from|last|and (?:he|she|they|it|we|i)|because|for|since|at|in|yesterday|"
    r"today|two|three|a few|this|when|too|as well)\b|[.(]"
)
_NEXT = pattern(
    r",? (?:and|plus|as well as) (?=(?:an?|one|two|three|four|five|another) )|"
    r", (?=(?:an?|one|two|three|four) )"
)


_AND = pattern(r",? (?:and|&) |, ")


def _names(after: str, clause: str) -> list[str]:
    """Return the names that follow: "called Salt and Pepper", ", Salt and Pepper"."""
    found = _CALLED.match(after) or _NAMES.match(after)
    names: list[str] = []
    for item in _AND.split(_NAMES_END.split(found["names"])[0]) if found else ():
        name = name_in(item.strip("()"), clause)
        if name is None:
            break
        names.append(name)
    return names


# --- Pets -------------------------------------------------------------------------------------

_NO_PET_BUT = any_of(
    """
    plant plants food bed toy toys walker park shelter person lover owner sitter show race house
    allergy hair phobia video costume stuff clip problem carrier tower litter leash collar treat
    treats training rescue sculpture statue painting breed breeds meme memes cafe in_me
    """
)
_PET_PHRASE = pattern(
    rf"(?P<number>{NUMBER}|another|also an?|some|several|my|our|no|any) "
    rf"(?P<adjectives>(?:(?!{PET}\b|(?:at|for|from|in|about|of|with|to|by|on|and|who|that)\b)"
    rf"[\w'-]+ ){{0,3}}?)(?P<kind>{PET}(?: (?:{PET}|mix|cross))?)\b"
    rf"(?! {_NO_PET_BUT}\b|[-'])(?P<more>.*)$"
)
_NOT_KEPT = words("stuffed toy plush robot virtual hot imaginary dead wild big favorite favourite")
# Eaten, bred or talked about as often as kept.
_AMBIGUOUS = words(
    "fish rabbit goat chicken chickens boxer pointer setter mouse mice bird birds rat rats horse "
    "horses shepherd"
)
_KEPT = pattern(r"\W*$| (?:called|named|at home|and)")
_ELSEWHERE = pattern(
    r" (?:in|on|at) (?:my|the|our) (?:dream|game|head|yard|garden|street|throat|lap|neighborhood|"
    r"park|oven)"
)
_SINGULAR = {
    "puppies": "puppy", "kitties": "kitty", "bunnies": "bunny", "ponies": "pony", "mice": "mouse",
    "fish": "fish", "canaries": "canary",
}  # fmt: skip
_ONE = frozenset(("a", "an", "one", "another", "also a", "my", "our"))


def kind_of_pet(plural: str) -> str:
    """Return the singular of a kind of pet: "puppies" are each a puppy."""
    low = plural.lower()
    return _SINGULAR.get(low) or (plural[:-1] if low.endswith("s") else plural)


def named_pets(names: list[str], kind: str) -> list[Claim]:
    """Return a claim for each pet of a kind."""
    return [Claim(SPEAKER, ("pet",), f"{name} ({kind})") for name in names]


def _pets(p: Predicate, said: str) -> list[Claim]:
    """ "two cats, Miso and Tofu, and a goldfish named Bubbles"."""
    claims: list[Claim] = []
    for part in _NEXT.split(said):
        if found := _PET_PHRASE.match(part.strip()):
            claims += _pet(p, found)
    return claims


def _pet(p: Predicate, found: re.Match[str]) -> list[Claim]:
    number, kind, more = found["number"].lower(), found["kind"], found["more"]
    adjectives = found["adjectives"].lower().split()
    if number == "no" or any(a in _NOT_KEPT or a.endswith("'s") or a.isdigit() for a in adjectives):
        return []
    if kind.lower() in _AMBIGUOUS and not (
        _CALLED.match(more) or (p.verb in ("have", "own", "adopt") and _KEPT.match(more))
    ):
        return []
    if names := _names(more, p.clause):
        one = kind if number in _ONE and kind.lower() not in _SINGULAR else kind_of_pet(kind)
        return [Claim(p.subject, ("pet",), f"{name} ({one})") for name in names]
    if number not in _ONE:
        return fact(p, "pet", kind if number == "any" else f"{number} {kind}")
    return [] if _ELSEWHERE.match(more) else fact(p, "pet", kind)


# --- Children and siblings --------------------------------------------------------------------

_CHILD = any_of(
    """
    kid kids child children son sons daughter daughters boys girls baby_boy baby_girl toddler
    toddlers twins stepchildren stepkids grandchildren grandkids grandson grandsons granddaughter
    granddaughters
    """
)
_KIN = tuple(
    (
        pattern(
            rf"(?P<all>{NUMBER} (?P<adjectives>{adjectives})(?P<kind>{kinds}))\b(?P<more>.*)$"
        ),
        name,
    )
    for adjectives, kinds, name in (
        (r"(?:(?!of\b)[\w'-]+ ){0,3}?", _CHILD, "children"),
        (
            "(?:(?:older|younger|big|little|twin|elder|half|step)[ -])*",
            any_of("brother brothers sister sisters sibling siblings"),
            "sibling",
        ),
    )
)  # fmt: skip
_NOT_OWN = pattern(
    r" (?:who (?:is|are) (?:coming|visiting)|in (?:my|the) (?:class|story)|to|over|as|of mine|menu|"
    r"version)\b|'"
)
_OF_OTHERS = pattern(r"\b(?:other|more|friends'|imaginary|fur)\b|'s\b")
_TOLD_APART = words("older younger big little twin elder half step")


def _kin(p: Predicate, said: str) -> list[Claim]:
    """ "two kids", "a daughter called Emma", "three brothers"."""
    claims: list[Claim] = []
    for part in _NEXT.split(said):
        for phrase, attribute in _KIN:
            found = phrase.match(part.strip())
            if found and not _NOT_OWN.match(found["more"]):
                claims += _relatives(p, found, attribute)
    return claims


def _relatives(p: Predicate, found: re.Match[str], attribute: str) -> list[Claim]:
    adjectives = found["adjectives"].lower().replace("-", " ").strip()
    plural = found["kind"].lower()
    relation = "child" if plural in ("children", "twins") else plural.rstrip("s")
    names = _names(found["more"], p.clause)
    if names and relation in RELATIONS:
        mark = f"{adjectives} " if adjectives in _TOLD_APART else ""
        return [Claim(p.subject, (mark + relation,), name) for name in names]
    whole = complete(found["more"]) or re.match(r" ?(?:,|who|aged|that|\()", found["more"])
    if not whole or _OF_OTHERS.search(found["adjectives"]):
        return []
    return fact(p, attribute, re.sub(r"^(?:an?|one) ", "", found["all"], flags=re.IGNORECASE))


# "a car, a red Volvo", "a dog too, a greyhound called Pixel"
_APPOSITION = pattern(r"an?(?:other)? (?:new )?(?:car|dog|cat|pet)(?: too| as well)?, (?=an? )")


def _family(p: Predicate, said: str) -> list[Claim]:
    said = _APPOSITION.sub("", said, count=1)
    return _kin(p, said) + _pets(p, said)


_FOR_OTHERS = pattern(
    r".*\bfor (?:my|our|his|her|their|a friend|the kids)\b|.*\b(?:my|our) \w+ (?:an?|some)\b"
)


def _got(p: Predicate, said: str) -> list[Claim]:
    """ "I got a puppy": other animals may be food or toys."""
    if _FOR_OTHERS.match(said):
        return []
    if p.verb == "buy" and not re.search(r"puppy|kitten|dog|cat|named|called", said):
        return []
    return _pets(p, _APPOSITION.sub("", said, count=1))


_LONG_AGO = r"(?!.*\b(?:ago|in (?:19|20)))"

FAMILY = (
    Rule("have", "", _family, "present"),
    Rule("own", "", _pets, "present progressive"),
    Rule("get buy adopt", "", _got, "past perfect"),
    Rule(
        "get",
        rf"{_LONG_AGO}(?:just |recently |finally )?married\b",
        known("relationship", "married"),
        "past perfect",
    ),
    Rule(
        "get",
        rf"{_LONG_AGO}(?:just |recently |finally )?engaged\b(?! (?:in|with)\b)",
        known("relationship", "engaged"),
        "past perfect",
    ),
    Rule("marry", rf"{_LONG_AGO}(?!.*\bthem\b)", known("relationship", "married"), "past perfect"),
)

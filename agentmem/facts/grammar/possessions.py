"""What people have: pets, relatives, cars, devices and businesses."""

from __future__ import annotations

import re

from agentmem.facts.grammar.claims import SPEAKER, Claim
from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.rule import DONE, Rule, complete, fact, known
from agentmem.facts.lexicon import (
    CAR,
    DEVICE,
    NUMBER,
    PET,
    RELATIONS,
    SOFTWARE,
)
from agentmem.facts.patterns import any_of, before, pattern, strip_prefix, words
from agentmem.facts.values import name_in

__all__ = [
    "AMBIGUOUS_PETS", "NO_DEVICE", "NO_PET_BUT", "POSSESSIONS", "car", "kind_of_pet", "named_pets",
]  # fmt: skip

_CALLED = pattern(
    ",? ?(?:(?:that|which|who|whom|he|she|it)(?:'s| is| are| we)? )?(?:(?:is |are )?(?:called|"
    "named|by the name of)|whose names? (?:is|are)|who goes by|we (?:call|named)) (?P<names>.+)$"
)
_CAPITALIZED = r"[A-Z\u00c0-\u00de]\S*"
_NAMES = re.compile(
    rf" ?(?:,|:|-|\u2013|\u2014|\() ?(?P<names>{_CAPITALIZED}"
    rf"(?:(?:, | and |, and | & ){_CAPITALIZED})*)\)?"
)
_NAMES_END = (
    r" (?:who|which|that|from|last|and (?:he|she|they|it|we|i)|because|for|since|at|in|yesterday|"
    r"today|two|three|a few|this|when|too|as well)\b|[.(]"
)
_NEXT = pattern(
    r",? (?:and|plus|as well as) (?=(?:an?|one|two|three|four|five|another) )|"
    r", (?=(?:an?|one|two|three|four) )"
)


def _names(after: str, clause: str) -> list[str]:
    """Return the names that follow: "called Salt and Pepper", ", Salt and Pepper"."""
    match = _CALLED.match(after) or _NAMES.match(after)
    names: list[str] = []
    for item in re.split(",? (?:and|&) |, ", before(_NAMES_END, match["names"])) if match else ():
        name = name_in(item.strip("()"), clause)
        if name is None:
            break
        names.append(name)
    return names


# --- Pets -------------------------------------------------------------------------------------

NO_PET_BUT = any_of(
    """
    plant plants food bed toy toys walker park shelter person lover owner sitter show race house
    allergy hair phobia video costume stuff clip problem carrier tower litter leash collar treat
    treats training rescue sculpture statue painting breed breeds meme memes cafe in_me day days
    tree shed hat play feeder bath figure
    """
)
# Eaten, bred or talked about as often as kept.
AMBIGUOUS_PETS = words(
    """
    fish goat chicken chickens boxer pointer setter mouse mice bird birds rat rats shepherd lab
    persian snake
    """
)
_PET_PHRASE = pattern(
    f"(?P<number>{NUMBER}|another|also an?|some|several|my|our|no|any) (?P<adjectives>(?:(?!{PET}"
    r"\b|(?:at|for|from|in|about|of|with|to|by|on|and|who|that)\b)[\w'-]+ "
    rf"){{0,3}}?)(?P<kind>{PET}(?: (?:{PET}|mix|cross))?)\b(?! {NO_PET_BUT}\b|[-'])(?P<more>.*)$"
)
_NOT_KEPT = words("stuffed toy plush robot virtual hot imaginary dead wild big favorite favourite")
_KEPT = pattern(r"\W*$| (?:called|named|at home|and)")
_ELSEWHERE = pattern(
    r" (?:in|on|at) (?:my|the|our) (?:dream|game|head|yard|garden|street|throat|lap|neighborhood|"
    r"park|oven|fight|race)"
)
_SINGULAR = {
    "puppies": "puppy", "kitties": "kitty", "bunnies": "bunny", "ponies": "pony", "mice": "mouse",
    "fish": "fish", "canaries": "canary",
}  # fmt: skip
_ONE = frozenset(("a", "an", "one", "another", "also a", "my", "our"))


def kind_of_pet(plural: str) -> str:
    """Return the singular of a kind of pet: "puppies" are each a puppy."""
    return _SINGULAR.get(plural.lower()) or plural.removesuffix("s")


def named_pets(names: list[str], kind: str, subject: str = SPEAKER) -> list[Claim]:
    """Return a claim for each pet of a kind."""
    return [Claim(subject, ("pet",), f"{name} ({kind})") for name in names]


def _pet(p: Predicate, match: re.Match[str]) -> list[Claim]:
    number, kind, more = match["number"].lower(), match["kind"], match["more"]
    adjectives = match["adjectives"].lower().split()
    if number == "no" or any(a in _NOT_KEPT or a.endswith("'s") or a.isdigit() for a in adjectives):
        return []
    kept = p.verb in ("have", "own", "adopt") and _KEPT.match(more)
    if kind.lower() in AMBIGUOUS_PETS and not (_CALLED.match(more) or kept):
        return []
    if names := _names(more, p.clause):
        one = number in _ONE and kind.lower() not in _SINGULAR
        return named_pets(names, kind if one else kind_of_pet(kind), p.subject)
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
_SIBLING = any_of("brother brothers sister sisters sibling siblings")
_TOLD_APART = words("older younger big little twin elder half step")
_KIN = pattern(
    rf"(?P<all>{NUMBER} (?:(?P<siblings>(?P<which>(?:{any_of(_TOLD_APART)}[ -])*){_SIBLING})|"
    rf"(?P<adjectives>(?:(?!of\b)[\w'-]+ ){{0,3}}?)(?P<child>{_CHILD})))\b(?!-)(?P<more>.*)$"
)
_NOT_OWN = pattern(
    r" (?:who (?:is|are) (?:coming|visiting)|in (?:my|the) (?:class|story)|to|over|as|of mine|menu|"
    r"version)\b|'"
)
_OF_OTHERS = pattern(r"\b(?:other|more|friends'|imaginary|fur)\b|'s\b")


def _relatives(p: Predicate, match: re.Match[str]) -> list[Claim]:
    """ "two kids", "a daughter called Emma", "three brothers"."""
    which, more = (match["which"] or match["adjectives"] or "").lower().strip(" -"), match["more"]
    plural = (match["child"] or match["siblings"].split()[-1].split("-")[-1]).lower()
    relation = "child" if plural in ("children", "twins") else plural.rstrip("s")
    names = _names(more, p.clause)
    if names and relation in RELATIONS:
        mark = f"{which} " if which in _TOLD_APART else ""
        return [Claim(p.subject, (mark + relation,), name) for name in names]
    whole = complete(more) or re.match(r" ?(?:,|who|aged|that|\()", more)
    if not whole or _OF_OTHERS.search(match["adjectives"] or ""):
        return []
    name = "children" if match["child"] else "sibling"
    return fact(p, name, strip_prefix("(?:an?|one) ", match["all"]))


# Not a partner, a teacher or a doctor: those may be companies and programs.
_NEW_PERSON = pattern(
    "(?:an?|another) (?:new )?(?P<relation>"
    + any_of(
        "boss manager supervisor landlord landlady dentist roommate flatmate housemate hairdresser "
        "girlfriend boyfriend"
    )
    + r")(?:, | called | named )(?P<name>[^,]+?)(?=,| (?:from|who)\b|\W*$)"
)


def _new_person(p: Predicate, match: re.Match[str]) -> list[Claim]:
    """ "a new manager, Ines"."""
    name = name_in(match["name"], p.clause, certain=False)
    if name is None or name.split()[0].lower() in SOFTWARE:
        return []
    return [Claim(p.subject, (match["relation"].lower(),), name)]


# "a car, a red Volvo", "a dog too, a greyhound called Pixel"
_APPOSITION = "an?(?:other)? (?:new )?(?:car|dog|cat|pet)(?: too| as well)?, (?=an? )"


def _beings(p: Predicate, rest: str) -> list[Claim]:
    """ "two cats, Miso and Tofu, and a daughter named Emma"."""
    claims: list[Claim] = []
    for part in _NEXT.split(strip_prefix(_APPOSITION, rest)):
        phrase = part.strip()
        kin = _KIN.match(phrase) if p.verb == "have" else None
        if kin and not _NOT_OWN.match(kin["more"]):
            claims += _relatives(p, kin)
        if person := _NEW_PERSON.match(phrase):
            claims += _new_person(p, person)
        if pet := _PET_PHRASE.match(phrase):
            claims += _pet(p, pet)
    return claims


_FOR_OTHERS = pattern(
    r".*\bfor (?:my|our|his|her|their|a friend|the (?:kids|day|week|weekend|trip|holiday|"
    r"summer))\b|.*\b(?:my|our) \w+ (?:an?|some)\b"
)


def _got(p: Predicate, rest: str) -> list[Claim]:
    """ "I got a puppy": other animals that are bought may be food or toys."""
    toy = p.verb == "buy" and not re.search(r"puppy|kitten|dog|cat|named|called", rest)
    return [] if toy or _FOR_OTHERS.match(rest) else _beings(p, rest)


# --- Cars, devices, businesses ----------------------------------------------------------------

_CAR_PHRASE = pattern(
    rf"(?:an?|my|our|the) (?P<car>(?:(?!{CAR}\b|(?:at|for|from|in|about|of|with|to|by|on|and|who|"
    rf"that)\b)[\w.'-]+ ){{0,3}}?{CAR}\b(?: (?-i:[A-Z0-9][\w-]*)| \d+| (?:civic|corolla|golf|polo|"
    r"fiesta|focus|camry|mustang|octavia|clio|car|van|truck|suv))*)(?P<more>.*)$"
)
# "a Fender guitar", "a rental car", "a friend's car" are no cars of one's own.
_NO_CAR = pattern(
    r"\b(?:fender|guitar|amp|pedal|smaller|bigger|better|second|used|toy|rental|rented|company|"
    "(?-i:model)|dream|matchbox|lego|hired|flash|bumper|race|racing|cable|sidecar|remote|rc|minor|"
    r"thing|problem|question|look|test)\b|'s\b|^(?:seat|golf|polo|beetle|jaguar|leaf|focus|mini|"
    "outback|forester|accord|switch|astra)$|^(?:(?:new|old|own|little|big|nice|brand new|small|"
    "used) )*(?:car|van|truck|hatchback|camper|coupe|estate|convertible)$"
)
_NO_CAR_BUT = pattern(
    r" ?(?:accident|crash|loan|payment|insurance|seat|wash|trouble|issue|dealer\w*|key|game|repair|"
    r"ride|trip|tire|battery|at the (?:shop|garage)|park|rental|mechanic|charger|in mind|show)"
)
_MOTORCYCLE = pattern(r"\b(?:motorcycle|motorbike|scooter|vespa|harley|ducati)\b")


def car(p: Predicate, rest: str) -> list[Claim]:
    """Take the car that a phrase with its determiner names: "a red Volvo"."""
    match = _CAR_PHRASE.match(strip_prefix(_APPOSITION, rest.strip()))
    if match is None:
        return []
    value, more = match["car"], match["more"]
    whole = complete(more) or re.match(r" ?(?:,|that|and)", more)
    if not whole or _NO_CAR_BUT.match(more) or _NO_CAR.search(value):
        return []
    name = "motorcycle" if _MOTORCYCLE.search(value) else "car"
    return fact(p, name, strip_prefix("(?:new|brand new|used) ", value))


# Kinds of devices that a brand or a model must tell apart.
NO_DEVICE = words("laptop switch surface galaxy pixel dslr garmin fitbit")
_DEVICE_PHRASE = pattern(
    rf"(?:an?|my|the) (?:new |old )?(?P<device>(?:(?!{DEVICE}\b)(?-i:[A-Z])[\w.-]* ){{0,2}}"
    rf"{DEVICE}\b(?: (?:pro|air|mini|max|plus|ultra|charge|(?-i:[A-Z0-9][\w-]*)))*)(?P<more>.*)$"
)


def _device(p: Predicate, rest: str) -> list[Claim]:
    match = _DEVICE_PHRASE.match(strip_prefix(_APPOSITION, rest.strip()))
    if not match or not complete(match["more"]) or p.subject != SPEAKER:
        return []
    return [] if match["device"].lower() in NO_DEVICE else fact(p, "device", match["device"])


_BUSINESS = pattern(
    r"(?:and run )?an? (?P<v>(?:[\w-]+ ){0,2}(?:bakery|shop|store|restaurant|cafe|caf\u00e9|"
    r"business|company|studio|salon|gym|bookstore|bookshop|bar|farm|hotel|gallery|boutique|"
    r"startup|agency))\b"
)


def _business(p: Predicate, rest: str) -> list[Claim]:
    match = _BUSINESS.match(rest)
    return fact(p, "business", match["v"]) if match else []


def _had(p: Predicate, rest: str) -> list[Claim]:
    return _beings(p, rest) or car(p, rest) + _device(p, rest)


def _owned(p: Predicate, rest: str) -> list[Claim]:
    return _beings(p, rest) or car(p, rest) + _business(p, rest)


def _bought(p: Predicate, rest: str) -> list[Claim]:
    return _got(p, rest) or ([] if p.subject or _FOR_OTHERS.match(rest) else car(p, rest))


_RECENTLY = r"(?!.*\b(?:ago|in (?:19|20)))"

POSSESSIONS = (
    Rule("have", "", _had, "present"),
    Rule("own", "", _owned),
    Rule("adopt", "", _got, DONE),
    Rule("get buy", "", _bought, DONE),
    Rule("run", "", _business, "present"),
    Rule("use", "", _device, "present"),
    Rule("drive", "", car),
    Rule(
        "get",
        rf"{_RECENTLY}married\b(?! to (?:my|the) (?:work|job|career)\b)",
        known("relationship", "married"),
        DONE,
    ),
    Rule("get", rf"{_RECENTLY}engaged\b(?! in| with)", known("relationship", "engaged"), DONE),
    Rule("marry", rf"{_RECENTLY}(?!.*\bthem\b)", known("relationship", "married"), DONE),
)

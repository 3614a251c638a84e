"""What people have: pets, relatives, cars, devices and businesses."""

from __future__ import annotations

import re
from itertools import takewhile

from agentmem.facts import lexicon
from agentmem.facts.grammar.predicate import SPEAKER, Predicate
from agentmem.facts.grammar.readers import complete, fact, known, text
from agentmem.facts.grammar.rule import DONE, END, WHOLE, Claim, Rule
from agentmem.facts.lexicon import CAR, DEVICE, NUMBER, PET, RELATIONS, SOFTWARE, TITLE, TOLD_APART
from agentmem.facts.patterns import any_of, before, pattern, strip_prefix
from agentmem.facts.values import name_in

__all__ = ["CAR_PHRASE", "POSSESSIONS", "car", "device", "kind_of_pet", "named_pets"]

_CALLED = pattern(
    ",? ?(?:(?:that|which|who|whom|he|she|it)(?:'s| is| are| we)? )?(?:(?:is |are )?(?:called|"
    "named|by the name of)|whose names? (?:is|are)|who goes by|we (?:call|named)) (?P<names>.+)$"
)
_CAPITALIZED = rf"(?:{TITLE}\. )?[A-Z\u00c0-\u00de]\S*"
_NAMES = re.compile(
    rf" ?(?:,|:|-|\u2013|\u2014|\() ?(?P<names>{_CAPITALIZED}"
    rf"(?:(?:, | and |, and | & ){_CAPITALIZED})*)\)?"
)
_NEXT = pattern(
    r",? (?:and|plus|as well as) (?=(?:an?|one|two|three|four|five|another) )|"
    r", (?=(?:an?|one|two|three|four) )"
)


def _names(after: str, clause: str) -> list[str]:
    """Return the names that follow: "called Salt and Pepper", ", Salt and Pepper"."""
    match = _CALLED.match(after) or _NAMES.match(after)
    items = re.split(",? (?:and|&) |, ", before(END, match["names"])) if match else []
    names = takewhile(bool, (name_in(item.strip("()"), clause) for item in items))
    return [name for name in names if name]


# --- Pets -------------------------------------------------------------------------------------

_PET_PHRASE = pattern(
    rf"(?P<number>{NUMBER}|another|also an?|some|several|my|our|any) (?P<adjectives>(?:(?!{PET}\b|"
    r"(?:at|for|from|in|about|of|with|to|by|on|and|who|that)\b)[\w'-]+ "
    rf"){{0,3}}?)(?P<kind>{PET}(?: (?:{PET}|mix|cross))?)\b(?! {lexicon.NO_PET_BUT}\b|"
    "[-'])(?P<more>.*)$"
)
_NOT_KEPT = pattern(
    r".*(?:\b(?:stuffed|toy|plush|robot|virtual|hot|imaginary|dead|wild|big|favou?rite|\d+)\b|'s )"
)
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
    if _NOT_KEPT.match(match["adjectives"]):
        return []
    kept = p.verb in ("have", "own", "adopt") and _KEPT.match(more)
    if kind.lower() in lexicon.AMBIGUOUS_PETS and not (_CALLED.match(more) or kept):
        return []
    if names := _names(more, p.clause):
        one = number in _ONE and kind.lower() not in _SINGULAR
        return named_pets(names, kind if one else kind_of_pet(kind), p.subject)
    if number not in _ONE:
        return fact(p, "pet", kind if number == "any" else f"{number} {kind}")
    return [] if _ELSEWHERE.match(more) else fact(p, "pet", kind)


# --- Children, siblings, colleagues -------------------------------------------------------------

_CHILD = any_of("""
    kid kids child children son sons daughter daughters boys girls baby_boy baby_girl toddler
    toddlers twins stepchildren stepkids grandchildren grandkids grandson grandsons granddaughter
    granddaughters
""")
_KIN = pattern(
    f"(?P<all>{NUMBER} (?:(?P<which>(?:{TOLD_APART}[ -])*)(?P<sibling>(?:brother|sister|"
    r"sibling)s?)|(?!(?:[\w'-]+ ){0,2}(?:of|other|more|imaginary|fur|\w+'s?)\b)(?:[\w'-]+ "
    rf"){{0,3}}?(?P<child>{_CHILD})))\b(?![-']| (?:to|over|as|menu|version|of mine|who (?:is|are) "
    r"(?:coming|visiting)|in (?:my|the) (?:class|story))\b)(?P<more>.*)$"
)


def _relatives(p: Predicate, match: re.Match[str]) -> list[Claim]:
    """ "two kids", "a daughter called Emma", "three brothers"."""
    plural, more = (match["child"] or match["sibling"]).lower(), match["more"]
    relation = "child" if plural in ("children", "twins") else plural.rstrip("s")
    names = _names(more, p.clause)
    if names and relation in RELATIONS:
        which = (match["which"] or "").lower()
        return [Claim(p.subject, (which + relation,), name) for name in names]
    whole = complete(more) or re.match(r" ?(?:,|who|aged|that|\()", more)
    name = "children" if match["child"] else "sibling"
    return fact(p, name, strip_prefix("(?:an?|one) ", match["all"]) if whole else None)


# Not a partner, a teacher or a doctor: those may be companies and programs.
_NEW_PERSON = pattern(
    "(?:an?|another) (?:new )?(?P<relation>boss|manager|supervisor|landlord|landlady|dentist|"
    "roommate|flatmate|housemate|hairdresser|girlfriend|boyfriend)(?:, | called | named )"
    r"(?P<name>[^,]+?)(?=,| (?:from|who)\b|\W*$)"
)


def _new_person(p: Predicate, match: re.Match[str]) -> list[Claim]:
    """ "a new manager, Ines"."""
    name = name_in(match["name"], p.clause, certain=False)
    known = name and name.split()[0].lower() not in SOFTWARE
    return [Claim(p.subject, (match["relation"].lower(),), name)] if name and known else []


# "a car, a red Volvo", "a dog too, a greyhound called Pixel"
_APPOSITION = "(?:an?(?:other)? (?:new )?(?:car|dog|cat|pet)(?: too| as well)?, (?=an? ))?"


def _beings(p: Predicate, rest: str) -> list[Claim]:
    """ "two cats, Miso and Tofu, and a daughter named Emma"."""
    claims: list[Claim] = []
    for part in _NEXT.split(strip_prefix(_APPOSITION, rest)):
        for form, read in ((_KIN, _relatives), (_NEW_PERSON, _new_person), (_PET_PHRASE, _pet)):
            match = form.match(part.strip())
            if match and (p.verb == "have" or form is not _KIN):
                claims += read(p, match)
    return claims


# --- Cars, devices, businesses ----------------------------------------------------------------

CAR_PHRASE = (
    rf"{_APPOSITION}(?:an?|my|our|the) (?P<v>(?:(?!{CAR}\b|(?:at|for|from|in|about|of|with|to|by|"
    rf"on|and|who|that)\b)[\w.'-]+ ){{0,3}}?{CAR}\b(?: (?-i:[A-Z0-9][\w-]*)| \d+| (?:civic|"
    r"corolla|golf|polo|fiesta|focus|camry|mustang|octavia|clio|car|van|truck|suv))*+)"
    r"(?! ?(?:accident|crash|loan|payment|insurance|seat|wash|trouble|issue|dealer\w*|key|game|"
    r"repair|ride|trip|tire|battery|at the (?:shop|garage)|park|rental|mechanic|charger|in mind|"
    rf"show))(?:{WHOLE}|(?= ?(?:,|that|and)))"
)
# "a Fender guitar", "a rental car", "a friend's car" are no cars of one's own.
_NO_CAR = pattern(
    r"\b(?:fender|guitar|amp|pedal|smaller|bigger|better|second|used|toy|rental|rented|company|"
    "(?-i:model)|dream|matchbox|lego|hired|flash|bumper|race|racing|cable|sidecar|remote|rc|minor|"
    r"thing|problem|question|look|test)\b|'s\b|^(?:seat|golf|polo|beetle|jaguar|leaf|focus|mini|"
    "outback|forester|accord|switch|astra)$|^(?:(?:new|old|own|little|big|nice|brand new|small|"
    "used) )*(?:car|van|truck|hatchback|camper|coupe|estate|convertible)$"
)


def car(p: Predicate, value: str) -> list[Claim]:
    """Take a car that is more than "a car"."""
    two_wheels = pattern(r"\b(?:motorcycle|motorbike|scooter|vespa|harley|ducati)\b").search(value)
    name = "motorcycle" if two_wheels else "car"
    mine = not _NO_CAR.search(value)
    return fact(p, name, strip_prefix("(?:new|brand new|used) ", value) if mine else None)


_DEVICE_PHRASE = (
    rf"{_APPOSITION}(?:an?|my|the) (?:new |old )?(?P<v>(?:(?!{DEVICE}\b)(?-i:[A-Z])[\w.-]* ){{0,2}}"
    rf"{DEVICE}\b(?: (?:pro|air|mini|max|plus|ultra|charge|(?-i:[A-Z0-9][\w-]*)))*+){WHOLE}"
)
# Kinds of devices that a brand or a model must tell apart.
_NO_DEVICE = pattern("laptop|dslr|(?:switch|surface|galaxy|pixel|garmin|fitbit)$")


def device(p: Predicate, value: str) -> list[Claim]:
    """Take a device that is more than "a laptop"."""
    return [] if _NO_DEVICE.match(value) else fact(p, "device", value)


_BUSINESS = (
    r"(?:and run )?an? (?P<v>(?:[\w-]+ ){0,2}(?:bakery|shop|store|restaurant|cafe|caf\u00e9|"
    r"business|company|studio|salon|gym|bookstore|bookshop|bar|farm|hotel|gallery|boutique|"
    r"startup|agency))\b"
)
_OWN = (
    r"(?!.*\bfor (?:my|our|his|her|their|a friend|the (?:kids|day|week|weekend|trip|holiday|"
    r"summer))\b|.*\b(?:my|our) \w+ (?:an?|some)\b)"
)
# Other animals that are bought may be food or toys.
_ALIVE = "(?=.*(?:puppy|kitten|dog|cat|named|called))"
_RECENTLY = r"(?!.*\b(?:ago|in (?:19|20)))"
_TO_WORK = r"(?! to (?:my|the) (?:work|job|career)\b)"

# fmt: off
POSSESSIONS = (
    Rule("have", "", _beings, "present"),
    Rule("own", "", _beings),
    Rule("adopt get", _OWN, _beings, DONE),
    Rule("buy", _OWN + _ALIVE, _beings, DONE),
    Rule("have", CAR_PHRASE, car, "present"),
    Rule("own drive", CAR_PHRASE, car),
    Rule("get buy", _OWN + CAR_PHRASE, car, DONE, own=True),
    Rule("have use", _DEVICE_PHRASE, device, "present", own=True),
    Rule("own", _BUSINESS, text("business")),
    Rule("run", _BUSINESS, text("business"), "present"),
    Rule("get", rf"{_RECENTLY}married\b{_TO_WORK}", known("relationship", "married"), DONE),
    Rule("get", rf"{_RECENTLY}engaged\b(?! in| with)", known("relationship", "engaged"), DONE),
    Rule("marry", rf"{_RECENTLY}(?!.*\bthem\b)", known("relationship", "married"), DONE),
)
# fmt: on

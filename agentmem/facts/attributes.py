"""The attributes of a person that facts tell: their names, where a profile shows them, how many values.

An attribute's name includes its qualifier: "work phone number" and "private phone number" are two
attributes of one base, "phone number". Only statements of the same attribute of the same subject
take each other's place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentmem.facts.lexicon import LANGUAGES, ONE_OF_THEM, RELATIONS

__all__ = ["SECTIONS", "Attribute", "attribute", "attribute_name", "base_name", "is_known"]

# The order of a profile.
SECTIONS = (
    "person", "work", "places", "people", "preferences", "pursuits", "routines", "things",
    "health", "contact", "other", "topics",
)  # fmt: skip


@dataclass(frozen=True)
class Attribute:
    """What can be said of a person.

    Attributes:
        name: with its qualifier, such as "work phone number".
        section: where a profile shows it, one of `SECTIONS`.
        single: whether it has one value at a time, so that a newer value replaces the older one.
    """

    name: str
    section: str
    single: bool


_ONE = {
    "person": "name|nickname|first name|last name|full name|middle name|maiden name|age|birthday|birth year|"
    "relationship|religion|blood type|height|weight|shoe size|handedness|star sign|pronouns|gender",
    "work": "industry|job|employer|office|studies|school|major|business|salary|workplace|title",
    "places": "home|address|hometown|birthplace|time zone|zip code|postcode",
    "contact": "phone number|email|website|username|fax number",
    "routines": "time to get up|bedtime|commute|gym",
    "things": "car|computer|phone|bank|bike|license plate|wifi password|password",
    "pursuits": "goal|dream",
    "health": "diet|doctor|dentist|therapist|medication",
}  # fmt: skip
_MANY = {
    "person": "nationality|language|education|degree",
    "people": "family|pet|children|sibling|friend",
    "preferences": "likes",
    "pursuits": "volunteering|hobby|sport|instrument|learning|membership",
    "things": "device|subscription",
    "health": "allergy|intolerance|illness",
}  # fmt: skip
_KNOWN = {
    name: Attribute(name, section, single)
    for table, single in ((_ONE, True), (_MANY, False))
    for section, names in table.items()
    for name in names.split("|")
}
# People and machines write the same attribute in several ways.
_SAME = {
    name: base
    for base, names in {
        "favourite": "favorite", "colour": "color", "film": "movie",
        "mobile phone number": "mobile|cell|mobile number|cell number|"
            "cell phone number|cellphone number|mobile phone|cell phone",
        "phone number": "number|telephone number|phone|telephone|contact number",
        "email": "e-mail|email address|e-mail address|mail address|mail",
        "birthday": "date of birth|birth date|birthdate",
        "job": "profession|occupation|current job|job title|role", "employer": "company|workplace",
        "address": "home address|postal address|street address", "last name": "surname|family name",
        "wifi password": "wi-fi password|wi-fi code", "hometown": "home town",
        "relationship": "marital status|relationship status", "hobby": "hobbies", "pet": "pets",
        "sibling": "siblings", "children": "child|kids", "motorcycle": "motorbike",
        "allergy": "allergies", "language": "languages|native language|mother tongue",
        "car": "vehicle", "license plate": "plate|plate number|licence plate|number plate", "zip code": "zip",
        "mother": "mum|mom", "father": "dad", "neighbour": "neighbor",
        "home": "city|residence|place of living|place of residence|location|home city",
        "computer": "laptop", "blood type": "blood group",
    }.items()
    for name in names.split("|")
}  # fmt: skip
_PHONES = frozenset(
    "work private home office mobile cell emergency contact personal business landline daytime evening other second".split()
)
_IDLE = re.compile(
    r"^(?:(?:new|current|present|actual|latest|own|updated|correct|main|whole|favorite(?= ))\s+)+(?=\S)"
)


def attribute_name(phrase: str) -> str:
    """Return the name of an attribute that somebody calls by these words, in lower case.

    >>> attribute_name("new cell phone number"), attribute_name("favorite color")
    ('mobile phone number', 'favourite colour')
    """
    name = re.sub(r"\bfavorite\b", "favourite", " ".join(phrase.lower().split()))
    name = _IDLE.sub("", name)
    if name in _SAME:
        return _SAME[name]
    parts = name.split()
    if parts[:1] == ["favourite"]:
        return " ".join(_SAME.get(word, word) for word in parts)
    for start in range(max(len(parts) - 3, 0), len(parts)):
        tail = " ".join(parts[start:])
        # "Locker number" and "order number" call nobody.
        other = tail == "number" and parts[start - 1] not in _PHONES
        if tail in _KNOWN or other:
            break
        if tail in _SAME:
            return f"{' '.join(parts[:start])} {_SAME[tail]}"
    return name


def is_known(name: str) -> bool:
    """Return whether a name is that of an attribute in the tables, without a qualifier."""
    return name in _KNOWN


def base_name(name: str) -> str:
    """Return an attribute's name without its qualifier: "work phone number" is a "phone number"."""
    parts = name.split()
    tails = (" ".join(parts[start:]) for start in range(len(parts)))
    known = (tail for tail in tails if tail in _KNOWN)
    return name if name.startswith("favourite ") else next(known, name)


def attribute(name: str) -> Attribute:
    """Return what is known of an attribute; those that nobody thought of have one value."""
    base = base_name(name)
    if base in _KNOWN:
        known = _KNOWN[base]
        return Attribute(name, known.section, known.single)
    if name.startswith("favourite "):
        return Attribute(name, "preferences", True)
    relation = name.split()[-1]
    if relation in RELATIONS:
        return Attribute(name, "people", relation in ONE_OF_THEM)
    return Attribute(name, "person" if name in LANGUAGES else "other", True)

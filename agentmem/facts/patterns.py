"""Parts of patterns that several rules share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from agentmem.facts.lexicon import CARS, DEVICES, PETS, RELATIONS

__all__ = [
    "ACTIVITIES", "CAR", "DETERMINER", "DEVICE", "MONTH", "NUMBER", "PET", "RELATION", "any_of",
    "before", "pattern", "strip_prefix", "words",
]  # fmt: skip


def words(text: str) -> frozenset[str]:
    """Return the words of a list; an underscore stands for a space."""
    return frozenset(word.replace("_", " ") for word in text.split())


def any_of(listed: str | Iterable[str]) -> str:
    """Return a pattern of any of these words, the longest first; "_" stands for a space."""
    each = words(listed) if isinstance(listed, str) else listed
    return "(?:" + "|".join(sorted(map(re.escape, each), key=lambda w: (-len(w), w))) + ")"


@cache
def pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern that ignores case."""
    return re.compile(text, re.IGNORECASE)


def strip_prefix(prefix: str, text: str) -> str:
    """Return a text without a prefix; all of it where the prefix is not there."""
    found = pattern(prefix).match(text)
    return text[found.end() :] if found else text


def before(end: str, text: str) -> str:
    """Return a text up to where a pattern begins; all of it where it does not."""
    return pattern(end).split(text, maxsplit=1)[0]


RELATION = any_of(RELATIONS)
PET = any_of(PETS)
CAR = any_of(CARS)
DEVICE = any_of(DEVICES)
DETERMINER = r"(?:an?|the|my|our|his|her|this|that) "
NUMBER = r"(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|\d{1,2})"
MONTH = any_of(
    "january february march april may june july august september october november december"
)
ACTIVITIES = any_of(
    """
    yoga pilates karate judo taekwondo kickboxing boxing crossfit photography pottery ceramics
    woodworking gardening ballet gymnastics martial_arts jiu-jitsu jiu_jitsu tai_chi meditation
    calligraphy embroidery crochet knitting painting rock_climbing weightlifting archery fencing
    zumba aerial_yoga swimming running cycling hiking surfing skiing sewing quilting birdwatching
    baking
    """
)

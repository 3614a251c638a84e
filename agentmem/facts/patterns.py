"""Helpers to write and to apply patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

__all__ = ["any_of", "before", "pattern", "strip_prefix", "words"]


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
    match = pattern(prefix).match(text)
    return text[match.end() :] if match else text


def before(end: str, text: str) -> str:
    """Return a text up to where a pattern begins; all of it where it does not."""
    return pattern(end).split(text, maxsplit=1)[0]

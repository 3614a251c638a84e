"""What the generated users of `eval updates` talk about, and in which words: `phrases.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

__all__ = ["PHRASINGS", "Attribute", "Phrases", "Phrasing", "phrases"]

# A phrasing for every third user, so that most questions are in words kept aside.
PHRASINGS = ("known", "held_out", "fresh")


@dataclass(frozen=True)
class Phrasing:
    """Ways to tell a value, with a place for it, and ways to ask for it."""

    told: tuple[str, ...]
    asked: tuple[str, ...]


@dataclass(frozen=True)
class Attribute:
    """Something of a user that changes.

    Attributes:
        words: phrasings by their names, see `PHRASINGS`.
        others: what is told of other people, with places for who and for the value.
    """

    name: str
    values: tuple[str, ...]
    words: Mapping[str, Phrasing]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Phrases:
    """All that is talked about.

    Attributes:
        people: of whom something is told besides.
        asides: what users say besides.
        replies: what they are answered.
    """

    attributes: tuple[Attribute, ...]
    people: tuple[str, ...]
    asides: tuple[str, ...]
    replies: tuple[str, ...]


@lru_cache(maxsize=1)
def phrases() -> Phrases:
    """Return what comes with the package."""
    held = tomllib.loads(files(__package__).joinpath("phrases.toml").read_text(encoding="utf-8"))
    return Phrases(
        attributes=tuple(_attribute(told) for told in held["attributes"]),
        people=tuple(held["people"]),
        asides=tuple(held["asides"]),
        replies=tuple(held["replies"]),
    )


def _attribute(told: Mapping[str, Any]) -> Attribute:
    words = {
        name: Phrasing(tuple(told["words"][name]["told"]), tuple(told["words"][name]["asked"]))
        for name in PHRASINGS
    }
    return Attribute(told["name"], tuple(told["values"]), words, tuple(told["others"]))

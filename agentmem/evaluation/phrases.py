"""What generated users talk about, and in which words; read from `phrases.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

__all__ = [
    "PHRASINGS",
    "Attribute",
    "Detail",
    "Phrases",
    "Phrasing",
    "Relation",
    "phrases",
]

# Every third user speaks in each; two of them were held out while rules were written.
PHRASINGS = ("known", "held_out", "fresh")


@dataclass(frozen=True)
class Phrasing:
    """Templates of statements with a value, and questions for it."""

    statements: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Attribute:
    """An attribute of a user that changes over time.

    Attributes:
        phrasings: by name, see `PHRASINGS`.
        others: templates of statements about other people, with a person and a value.
    """

    name: str
    values: tuple[str, ...]
    phrasings: Mapping[str, Phrasing]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Relation:
    """Whom a user has dealings with, one person at a time.

    Attributes:
        name: "manager".
        statements: templates with the person; the first introduces the first of them.
    """

    name: str
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Detail:
    """Something that is told of people: a template of it, and of the question for it."""

    statement: str
    question: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Phrases:
    """All phrases.

    Attributes:
        names: of people who hold relations, and of others.
        people: whom statements about others are about.
        asides: small talk of users.
        replies: answers of the assistant.
    """

    attributes: tuple[Attribute, ...]
    people: tuple[str, ...]
    asides: tuple[str, ...]
    replies: tuple[str, ...]
    names: tuple[str, ...]
    relations: tuple[Relation, ...]
    details: tuple[Detail, ...]


@lru_cache(maxsize=1)
def phrases() -> Phrases:
    """Return the phrases that ship with the package."""
    data = tomllib.loads(files(__package__).joinpath("phrases.toml").read_text(encoding="utf-8"))
    return Phrases(
        attributes=tuple(_attribute(entry) for entry in data["attributes"]),
        people=tuple(data["people"]),
        asides=tuple(data["asides"]),
        replies=tuple(data["replies"]),
        names=tuple(data["names"]),
        relations=tuple(Relation(r["name"], tuple(r["statements"])) for r in data["relations"]),
        details=tuple(
            Detail(d["statement"], d["question"], tuple(d["values"])) for d in data["details"]
        ),
    )


def _attribute(entry: Mapping[str, Any]) -> Attribute:
    words = entry["words"]
    phrasings = {
        name: Phrasing(tuple(words[name]["statements"]), tuple(words[name]["questions"]))
        for name in PHRASINGS
    }
    return Attribute(entry["name"], tuple(entry["values"]), phrasings, tuple(entry["others"]))

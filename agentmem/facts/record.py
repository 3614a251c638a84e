"""What a fact's memory says of itself, in its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from agentmem_stores import Memory

__all__ = ["Record"]

FACT = "fact"


@dataclass(frozen=True)
class Record:
    """Whose attribute a fact tells, and its value.

    Attributes:
        also: other attributes that it may be about, for finding it.
        section: where it stands in a portrait.
        one: whether the attribute has one value at a time.
        date: since when it is so, as far as is known, as ISO 8601.
        hint: whether the turn only seems to speak of the attribute: it helps to find the turn, and
            is neither shown as a fact nor put in the place of one.
        kinds: what its turn may tell of who says it, by `Kinds`, and how likely; for finding it.
    """

    subject: str
    attribute: str
    value: str
    date: str
    also: tuple[str, ...] = ()
    section: str = "other"
    one: bool = True
    hint: bool = False
    kinds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, memory: Memory) -> Record | None:
        """Read a memory; None where it is no fact, as when something else was imported as one."""
        told = memory.metadata.get(FACT)
        if not isinstance(told, dict):
            return None
        texts = [told.get(name) for name in ("subject", "attribute", "value", "date", "section")]
        also = told.get("also", [])
        if not (all(isinstance(text, str) for text in texts) and isinstance(also, list)):
            return None
        subject, attribute, value, date, section = map(str, texts)
        try:
            if datetime.fromisoformat(date).tzinfo is None:
                return None
        except ValueError:
            return None
        one = told.get("one") is True
        hint = told.get("hint") is True
        of = tuple(map(str, also))
        return cls(subject, attribute, value, date, of, section, one, hint, _kinds(told))

    @property
    def since(self) -> datetime:
        """The date, aware."""
        return datetime.fromisoformat(self.date)

    @property
    def key(self) -> tuple[str, str, str]:
        """What only one fact can say at a time: of what can be many, each value is one."""
        return self.subject, self.attribute, "" if self.one else self.value.casefold()

    def metadata(self) -> dict[str, Any]:
        """Return it as a memory's metadata hold it."""
        return {FACT: {**asdict(self), "also": list(self.also)}}


def _kinds(told: Mapping[str, Any]) -> dict[str, float]:
    kinds = told.get("kinds")
    if not isinstance(kinds, Mapping):
        return {}
    return {str(k): float(v) for k, v in kinds.items() if isinstance(v, int | float)}

"""What happened when: memories by the time that they speak of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from agentmem_stores import Memory

__all__ = ["Event", "alternatives"]

_ASKED = re.compile(
    r"^\W*(?:(?:what|which|who)\b(?:\s+of\s+(?:these|those|the two|them))?[^,:]*?"
    r"\b(?:first|earlier|last|later|before the other)\b\s*[,:;-]?\s*)?",
    re.IGNORECASE,
)
_OR = re.compile(r"\s*,?\s+or\s+|\s*,\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        when: the first moment of the time that the memory speaks of, UTC; where it names none,
            when it was said.
        until: the first moment after that time; the same as `when` where none is named.
        text: how it was told.
        memory: the turn that tells it.
    """

    when: datetime
    until: datetime
    text: str
    memory: Memory

    @property
    def dated(self) -> bool:
        """Whether the text itself names a time."""
        return self.until > self.when


def alternatives(query: str) -> list[str]:
    """Return the events that a question sets against each other; one if it is about one thing.

    "What came first, the wedding or the move to Rome?" asks for two.
    """
    asked = _ASKED.match(query)
    if not asked or not asked.group().strip() or " or " not in query:
        return [query]
    rest = query[asked.end() :].strip(" ?.!")
    return [part for part in _OR.split(rest) if part] or [query]

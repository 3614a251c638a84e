"""Facts by the attribute that they state, and the record in which a fact is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from agentmem_stores import Memory

__all__ = ["SELF", "AttributeKey", "FactIndex", "FactRecord"]

# The subject of what an unnamed speaker says about themselves.
SELF = "user"

_METADATA_KEY = "fact"
# Records of version 0.1.0 have no form. Much of what they state is false, so they are ignored;
# `consolidate` extracts the facts of their sessions again.
_FORM = 2


class AttributeKey(NamedTuple):
    """Subject and name of an attribute: ("user", "work phone number")."""

    subject: str
    attribute: str


@dataclass(frozen=True)
class FactRecord:
    """What a FACT memory states, as it is stored in the memory's metadata.

    Attributes:
        subject: whose attribute it is: `SELF`, the speaker's name, or whom they speak of:
            "sister", "sister Anna", "Hugo".
        attribute: name of the attribute, with its qualifier: "home", "work phone number".
        value: its value as it is written in the turn; for an ending the value that ended, or ""
            for any.
        date: since when it holds, ISO 8601 with time zone.
        single: whether the attribute has one value at a time.
        ends: whether the turn says that the value no longer holds. Such a record ends facts and is
            not shown as one.
    """

    subject: str
    attribute: str
    value: str
    date: str
    single: bool = True
    ends: bool = False

    @classmethod
    def of(cls, memory: Memory) -> FactRecord | None:
        """Return the record of a memory, or None if it has no valid one, as after an import.

        A fact of version 0.1.0 counts if somebody has edited it: it states what they wrote.
        """
        stored = memory.metadata.get(_METADATA_KEY)
        if not isinstance(stored, dict) or stored.get("hint") is True:
            return None
        if stored.get("form") != _FORM and memory.version < 2:
            return None
        names = ("subject", "attribute", "value", "date")
        texts = [stored.get(name) for name in names]
        if not all(isinstance(text, str) for text in texts):
            return None
        subject, attribute, value, date = map(str, texts)
        try:
            if datetime.fromisoformat(date).tzinfo is None:
                return None
        except ValueError:
            return None
        single = stored.get("single", stored.get("one")) is True
        return cls(subject, attribute, value, date, single, stored.get("ends") is True)

    @staticmethod
    def is_outdated(memory: Memory) -> bool:
        """Return whether a memory holds a record of version 0.1.0, to be extracted again."""
        stored = memory.metadata.get(_METADATA_KEY)
        return isinstance(stored, dict) and stored.get("form") != _FORM and memory.version < 2

    @property
    def since(self) -> datetime:
        """The date, aware."""
        return datetime.fromisoformat(self.date)

    @property
    def key(self) -> AttributeKey:
        """Subject and attribute."""
        return AttributeKey(self.subject, self.attribute)

    def metadata(self) -> dict[str, Any]:
        """Return the memory's metadata that `of` reads."""
        return {
            _METADATA_KEY: {
                "form": _FORM,
                "subject": self.subject,
                "attribute": self.attribute,
                "value": self.value,
                "date": self.date,
                "single": self.single,
                "ends": self.ends,
            }
        }


@dataclass
class FactIndex:
    """The facts of a scope by subject and attribute.

    Attributes:
        by_key: for each attribute, the memories that state or end it, by id.
    """

    by_key: dict[AttributeKey, dict[str, Memory]] = field(default_factory=dict)
    _records: dict[str, FactRecord] = field(default_factory=dict)

    def put(self, memory: Memory) -> None:
        """Insert or replace a fact; former versions and memories without a record are ignored."""
        self.remove(memory.id)
        record = FactRecord.of(memory)
        if record is None or memory.version_of is not None:
            return
        self._records[memory.id] = record
        self.by_key.setdefault(record.key, {})[memory.id] = memory

    def remove(self, memory_id: str) -> None:
        """Remove a fact; unknown ids are ignored."""
        record = self._records.pop(memory_id, None)
        if record is None:
            return
        facts = self.by_key[record.key]
        del facts[memory_id]
        if not facts:
            del self.by_key[record.key]

    def keys(self) -> list[AttributeKey]:
        """Return the attributes that facts state."""
        return list(self.by_key)

    def about(self, key: AttributeKey) -> list[str]:
        """Return the ids of the facts that state or end an attribute."""
        return list(self.by_key.get(key, ()))

    def endings(self, key: AttributeKey) -> list[list[str]]:
        """Return, for each ending of a value of an attribute, the turns of that value and its own.

        The turn of the ending is the last one.
        """
        facts = self.by_key.get(key, {})
        return [
            [
                *(
                    s
                    for edge in memory.edges
                    if edge.target in facts
                    for s in facts[edge.target].sources
                ),
                *memory.sources,
            ]
            for fact_id, memory in facts.items()
            if self._records[fact_id].ends
        ]

    def turns(self, key: AttributeKey) -> list[str]:
        """Return the turns that state or end a single-valued attribute, oldest first."""
        facts = (m for i, m in self.by_key.get(key, {}).items() if self._records[i].single)
        ordered = sorted(facts, key=lambda m: (m.said_at, m.position))
        return list(dict.fromkeys(source for fact in ordered for source in fact.sources))

    def values(self, key: AttributeKey) -> list[tuple[str, list[str]]]:
        """Return the values of a single-valued attribute, oldest first, with their turns.

        Endings are left out: a manager of a former employer is still the last one that is known.
        """
        facts = [(self._records[i], m) for i, m in self.by_key.get(key, {}).items()]
        ordered = sorted(
            ((record, memory) for record, memory in facts if record.single and not record.ends),
            key=lambda fact: (fact[1].said_at, fact[1].position),
        )
        return [(record.value, list(memory.sources)) for record, memory in ordered]

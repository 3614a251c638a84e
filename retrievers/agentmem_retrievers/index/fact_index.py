"""Facts by the attribute that they state, and the record in which a fact is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from agentmem_stores import Memory

__all__ = ["SELF", "AttributeKey", "FactEvidence", "FactIndex", "FactRecord"]

# Subject and name of an attribute.
AttributeKey = tuple[str, str]

# The subject of what an unnamed speaker says about themselves.
SELF = "user"

_METADATA_KEY = "fact"


@dataclass(frozen=True)
class FactRecord:
    """What a FACT memory states, as it is stored in the memory's metadata.

    Attributes:
        subject: whose attribute it is.
        attribute: name of the attribute.
        value: its value.
        date: since when it holds, ISO 8601 with time zone.
        also: further attributes that the turn may state; used in search only.
        section: heading in the profile.
        one: whether the attribute has one value at a time.
        hint: whether the turn only seems to state the attribute. A hint helps to find the turn,
            and is neither shown as a fact nor replaces one.
        kinds: attributes of the speaker that the turn may state, with probabilities; used in
            search only.
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
    def of(cls, memory: Memory) -> FactRecord | None:
        """Return the record of a memory, or None if it has no valid one, as after an import."""
        stored = memory.metadata.get(_METADATA_KEY)
        if not isinstance(stored, dict):
            return None
        names = ("subject", "attribute", "value", "date", "section")
        texts = [stored.get(name) for name in names]
        also, kinds = stored.get("also", []), stored.get("kinds")
        if not (all(isinstance(text, str) for text in texts) and isinstance(also, list)):
            return None
        subject, attribute, value, date, section = map(str, texts)
        try:
            if datetime.fromisoformat(date).tzinfo is None:
                return None
        except ValueError:
            return None
        return cls(
            subject=subject,
            attribute=attribute,
            value=value,
            date=date,
            also=tuple(map(str, also)),
            section=section,
            one=stored.get("one") is True,
            hint=stored.get("hint") is True,
            kinds={str(k): float(v) for k, v in kinds.items() if isinstance(v, int | float)}
            if isinstance(kinds, Mapping)
            else {},
        )

    @property
    def since(self) -> datetime:
        """The date, aware."""
        return datetime.fromisoformat(self.date)

    @property
    def names(self) -> tuple[str, ...]:
        """The attribute and the others that the turn may state."""
        return tuple(filter(None, (self.attribute, *self.also)))

    @property
    def key(self) -> tuple[str, str, str]:
        """What only one fact can state at a time; each value of a multi-valued attribute is one."""
        return self.subject, self.attribute, "" if self.one else self.value.casefold()

    def metadata(self) -> dict[str, Any]:
        """Return the memory's metadata that `of` reads."""
        return {_METADATA_KEY: {**asdict(self), "also": list(self.also)}}


@dataclass(frozen=True)
class FactEvidence:
    """How likely a turn states the attribute asked for, in [0, 1], and the text that does."""

    likelihood: float
    text: str


@dataclass
class FactIndex:
    """The facts of a scope by subject and attribute.

    Attributes:
        by_key: for each attribute, the memories that state it by id.
    """

    by_key: dict[AttributeKey, dict[str, Memory]] = field(default_factory=dict)
    _records: dict[str, FactRecord] = field(default_factory=dict)
    # For each attribute of the user, the facts whose turn may state it, with probabilities.
    _by_kind: dict[str, dict[str, float]] = field(default_factory=dict)
    _memories: dict[str, Memory] = field(default_factory=dict)

    def put(self, memory: Memory) -> None:
        """Insert or replace a fact; former versions and memories without a record are ignored."""
        self.remove(memory.id)
        record = FactRecord.of(memory)
        if record is None or memory.version_of is not None:
            return
        self._records[memory.id], self._memories[memory.id] = record, memory
        for name in record.names:
            self.by_key.setdefault((record.subject, name), {})[memory.id] = memory
        if record.subject == SELF:
            for kind, likelihood in record.kinds.items():
                self._by_kind.setdefault(kind, {})[memory.id] = likelihood

    def remove(self, memory_id: str) -> None:
        """Remove a fact; unknown ids are ignored."""
        record = self._records.pop(memory_id, None)
        if record is None:
            return
        del self._memories[memory_id]
        for name in record.names:
            facts = self.by_key.get((record.subject, name), {})
            facts.pop(memory_id, None)
            if not facts:
                self.by_key.pop((record.subject, name), None)
        for kind in record.kinds:
            self._by_kind.get(kind, {}).pop(memory_id, None)

    def keys(self) -> list[AttributeKey]:
        """Return the attributes that facts state."""
        return list(self.by_key)

    def about(self, key: AttributeKey) -> list[str]:
        """Return the ids of the facts whose main attribute is `key`."""
        return [
            i
            for i in self.by_key.get(key, ())
            if (self._records[i].subject, self._records[i].attribute) == key
        ]

    def evidence(self, kinds: Mapping[str, float]) -> dict[str, FactEvidence]:
        """Return the turns that may state an attribute of the user, oldest first.

        Args:
            kinds: the attributes that may be asked for, with probabilities.
        """
        soft: dict[str, float] = {}
        certain: dict[str, float] = {}
        memories: dict[str, Memory] = {}
        for kind, probability in kinds.items():
            for memory, likelihood in self._candidates(kind):
                scores = certain if likelihood is None else soft
                for source in memory.sources:
                    memories[source] = memory
                    scores[source] = scores.get(source, 0.0) + probability * (likelihood or 1.0)
        ordered = sorted(memories, key=lambda source: _order(memories[source]))
        return {
            source: FactEvidence(
                max(soft.get(source, 0.0), certain.get(source, 0.0)), memories[source].text
            )
            for source in ordered
        }

    def _candidates(self, kind: str) -> Iterator[tuple[Memory, float | None]]:
        """Facts that may state an attribute of the user; the likelihood of a stated one is None."""
        for i, likelihood in self._by_kind.get(kind, {}).items():
            yield self._memories[i], likelihood
        for i in self.about((SELF, kind)):
            if not self._records[i].hint:
                yield self._memories[i], None

    def turns(self, key: AttributeKey) -> dict[str, bool]:
        """Return the turns that state a single-valued attribute, oldest first.

        Returns:
            For each turn, whether it certainly does.
        """
        facts = self.by_key.get(key, {})
        single = sorted((m for i, m in facts.items() if self._records[i].one), key=_order)
        turns: dict[str, bool] = {}
        for fact in single:
            record = self._records[fact.id]
            certain = not record.hint and (record.subject, record.attribute) == key
            for source in fact.sources:
                turns[source] = certain or turns.get(source, False)
        return turns


def _order(memory: Memory) -> tuple[datetime, int]:
    return memory.said_at, memory.position

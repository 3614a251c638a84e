"""Which facts of a scope are about the same attribute of the same person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agentmem_stores import Memory

__all__ = ["SELF", "FactEvidence", "FactIndex", "Key"]

# Whose attribute, and which.
Key = tuple[str, str]

# Whom a fact is about that somebody without a name tells of themselves.
SELF = "user"


@dataclass(frozen=True)
class FactEvidence:
    """How likely a turn tells what is asked for, in [0, 1], and in which words."""

    likely: float
    text: str


@dataclass
class FactIndex:
    """The facts of a scope, by what they are about."""

    _keys: dict[str, tuple[Key, ...]] = field(default_factory=dict)
    _told: dict[Key, dict[str, Memory]] = field(default_factory=dict)
    # What turns may tell of the user, by kind, and how likely they do.
    _kinds: dict[str, dict[str, float]] = field(default_factory=dict)
    _likely: dict[str, Memory] = field(default_factory=dict)

    def put(self, memory: Memory) -> None:
        """Take over a fact; anything that is none is passed over."""
        self.remove(memory.id)
        keys = tuple(_keys_of(memory.metadata.get("fact")))
        if keys and memory.version_of is None:
            self._keys[memory.id] = keys
            for key in keys:
                self._told.setdefault(key, {})[memory.id] = memory
            for kind, likely in _kinds_of(memory.metadata["fact"]):
                self._kinds.setdefault(kind, {})[memory.id] = likely
                self._likely[memory.id] = memory

    def remove(self, memory_id: str) -> None:
        """Forget a fact; an unknown id is passed over."""
        for key in self._keys.pop(memory_id, ()):
            del self._told[key][memory_id]
        if self._likely.pop(memory_id, None) is not None:
            for telling in self._kinds.values():
                telling.pop(memory_id, None)

    def known(self) -> list[Key]:
        """All that the facts are about."""
        return [key for key, told in self._told.items() if told]

    def about(self, key: Key) -> list[str]:
        """The ids of the facts that are about a key first of all."""
        return [i for i in self._told.get(key, ()) if self._keys[i][0] == key]

    def telling(self, asked: Mapping[str, float]) -> dict[str, FactEvidence]:
        """The turns that may tell what is asked for of the user, in order of saying.

        Args:
            asked: the kinds that may be asked for, and how likely.

        Returns:
            Each with how likely it tells it, and in which words.
        """
        agreed: dict[str, float] = {}
        surely: dict[str, float] = {}
        said: dict[str, Memory] = {}
        for kind, share in asked.items():
            for memory, likely in self._that_tell(kind):
                told = surely if likely is None else agreed
                for source in memory.sources:
                    said[source] = memory
                    told[source] = told.get(source, 0.0) + share * (likely or 1.0)
        ordered = sorted(said, key=lambda source: _when(said[source]))
        best = {s: max(agreed.get(s, 0.0), surely.get(s, 0.0)) for s in ordered}
        return {source: FactEvidence(best[source], said[source].text) for source in ordered}

    def _that_tell(self, kind: str) -> Iterator[tuple[Memory, float | None]]:
        """What may tell a kind of thing of the user, and how likely; None for facts."""
        for i, likely in self._kinds.get(kind, {}).items():
            yield self._likely[i], likely
        for i in self.about((SELF, kind)):
            memory = self._told[SELF, kind][i]
            if memory.metadata["fact"].get("hint") is not True:
                yield memory, None

    def turns(self, key: Key) -> dict[str, bool]:
        """The turns that tell the one value that a key has at a time, in order of saying.

        Returns:
            Each with whether it certainly does; others only seem to.
        """
        about = self._told.get(key, {}).values()
        facts = (m for m in about if m.metadata["fact"].get("one") is True)
        ordered = sorted(facts, key=_when)
        found: dict[str, bool] = {}
        for fact in ordered:
            told = fact.metadata["fact"]
            sure = told.get("hint") is not True and self._keys[fact.id][0] == key
            found |= {source: sure or found.get(source, False) for source in fact.sources}
        return found


def _when(memory: Memory) -> tuple[datetime, int]:
    return memory.said_at, memory.position


def _kinds_of(fact: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    kinds = fact.get("kinds")
    if isinstance(kinds, Mapping) and fact.get("subject") == SELF:
        yield from ((str(k), float(v)) for k, v in kinds.items() if isinstance(v, int | float))


def _keys_of(fact: Any) -> Iterator[Key]:
    # Metadata may come from an import, or from anybody who writes to the store.
    if isinstance(fact, Mapping):
        also = fact.get("also")
        names = [fact.get("attribute"), *(also if isinstance(also, list) else ())]
        yield from ((str(fact.get("subject")), str(name)) for name in names if name)

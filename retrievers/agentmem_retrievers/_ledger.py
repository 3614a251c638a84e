"""Which facts of a scope are about the same attribute of the same person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentmem_stores import Memory

__all__ = ["Key", "Ledger"]

# Whose attribute, and which.
Key = tuple[str, str]


@dataclass
class Ledger:
    """The facts of a scope, by what they are about."""

    _keys: dict[str, tuple[Key, ...]] = field(default_factory=dict)
    _told: dict[Key, dict[str, Memory]] = field(default_factory=dict)

    def put(self, memory: Memory) -> None:
        """Take over a fact; anything that is none is passed over."""
        self.remove(memory.id)
        keys = tuple(_keys_of(memory.metadata.get("fact")))
        if keys and memory.version_of is None:
            self._keys[memory.id] = keys
            for key in keys:
                self._told.setdefault(key, {})[memory.id] = memory

    def remove(self, memory_id: str) -> None:
        """Forget a fact; an unknown id is passed over."""
        for key in self._keys.pop(memory_id, ()):
            del self._told[key][memory_id]

    def known(self) -> list[Key]:
        """All that the facts are about."""
        return [key for key, told in self._told.items() if told]

    def about(self, key: Key) -> list[str]:
        """The ids of the facts that are about a key first of all."""
        return [i for i in self._told.get(key, ()) if self._keys[i][0] == key]

    def turns(self, key: Key) -> dict[str, bool]:
        """The turns that tell the one value that a key has at a time, in order of saying.

        Returns:
            Each with whether it certainly does; others only seem to.
        """
        about = self._told.get(key, {}).values()
        facts = (m for m in about if m.metadata["fact"].get("one") is True)
        ordered = sorted(facts, key=lambda m: (m.said_at, m.position))
        found: dict[str, bool] = {}
        for fact in ordered:
            told = fact.metadata["fact"]
            sure = told.get("hint") is not True and self._keys[fact.id][0] == key
            found |= {source: sure or found.get(source, False) for source in fact.sources}
        return found


def _keys_of(fact: Any) -> Iterator[Key]:
    # Metadata may come from an import, or from anybody who writes to the store.
    if isinstance(fact, Mapping):
        also = fact.get("also")
        names = [fact.get("attribute"), *(also if isinstance(also, list) else ())]
        yield from ((str(fact.get("subject")), str(name)) for name in names if name)

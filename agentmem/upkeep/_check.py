"""What must be true of a scope, and of the files that it is in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agentmem_retrievers import ScopeIndex, SearchEngine
from agentmem_stores import (
    ClosedError,
    Fault,
    Granularity,
    Memory,
    MemoryStore,
    Scope,
    StoreError,
    StoreUnavailableError,
)

from ._index_check import differences

__all__ = ["Check", "CheckReport", "held_by"]

Held = Mapping[str, Memory]


@dataclass(frozen=True)
class CheckReport:
    """What is wrong with a scope, a sentence each; nothing when all is well.

    Attributes:
        problems: what is wrong now.
        repaired: what was wrong before `check(repair=True)`, and is no longer.
    """

    problems: tuple[str, ...]
    repaired: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True)
class Check:
    """Looks at everything of a scope, and changes nothing."""

    store: MemoryStore
    engine: SearchEngine

    def problems(self, scope: Scope) -> tuple[str, ...]:
        """Return what is wrong."""
        return self.look(scope)[1]

    def look(self, scope: Scope) -> tuple[list[Fault] | None, tuple[str, ...]]:
        """Return what the store says of its records, and all that is wrong, a sentence each.

        Of a store too damaged to be read to its end there are no faults, but that is a sentence.
        """
        damage = self.store.damage()
        try:
            faults = self.store.faults(scope)
            return faults, (*damage, *self._found(scope, faults))
        except (ClosedError, StoreUnavailableError):
            raise
        except StoreError as error:
            return None, (*damage, f"what {scope} has cannot be read to its end: {error}")

    def _found(self, scope: Scope, faults: Sequence[Fault]) -> Iterator[str]:
        """Yield what is wrong; the index is looked at only where all records are whole."""
        for fault in faults:
            yield f"{fault.granularity} {fault.id}: {fault.lost} {fault.said}"
        if any(fault.lost == "record" for fault in faults):
            return
        held = held_by(self.store, scope)
        for memory in held.values():
            yield from _of_links(memory, held)
            yield from _of_versions(memory, held)
        if not faults:
            kept = self.engine.index(scope)
            yield from differences(kept, ScopeIndex.build(self.store, scope))


def held_by(store: MemoryStore, scope: Scope) -> dict[str, Memory]:
    """Everything of a scope by id."""
    return {m.id: m for g in Granularity for m in store.scan(scope, g)}


def _of_links(memory: Memory, held: Held) -> Iterator[str]:
    name = f"{memory.granularity} {memory.id}"
    for edge in memory.edges:
        if edge.target not in held:
            yield f"{name} is linked to {edge.target}, which does not exist"
        elif edge.target == memory.id or not 0 < edge.weight <= 1:
            yield f"{name} is linked to {edge.target} with weight {edge.weight}"
    for source in memory.sources:
        if source not in held:
            yield f"{name} derives from {source}, which does not exist"


def _of_versions(memory: Memory, held: Held) -> Iterator[str]:
    if memory.version_of is None:
        return
    name = f"{memory.granularity} {memory.id}"
    current = held.get(memory.version_of)
    if current is None:
        yield f"{name} is a version of {memory.version_of}, which does not exist"
    elif current.version_of is not None or current.version <= memory.version:
        yield f"{name}, version {memory.version}, is not older than {current.id}"

"""What must be true of a scope, and of the files that it is in.

Whether an index kept in step with a store says the same as one that is made from it anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
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

__all__ = ["Check", "CheckReport", "differences", "held_by"]

Resources = Mapping[str, Memory]


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
    memories: IndexedStore

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
            kept = self.memories.index(scope)
            yield from differences(kept, ScopeIndex.build(self.store, scope))


def held_by(store: MemoryStore, scope: Scope) -> dict[str, Memory]:
    """Everything of a scope by id."""
    return {m.id: m for g in Granularity for m in store.scan(scope, g)}


def _of_links(memory: Memory, held: Resources) -> Iterator[str]:
    name = f"{memory.granularity} {memory.id}"
    for edge in memory.edges:
        if edge.target not in held:
            yield f"{name} is linked to {edge.target}, which does not exist"
        elif edge.target == memory.id or not 0 < edge.weight <= 1:
            yield f"{name} is linked to {edge.target} with weight {edge.weight}"
    for source in memory.sources:
        if source not in held:
            yield f"{name} derives from {source}, which does not exist"


def _of_versions(memory: Memory, held: Resources) -> Iterator[str]:
    if memory.version_of is None:
        return
    name = f"{memory.granularity} {memory.id}"
    current = held.get(memory.version_of)
    if current is None:
        yield f"{name} is a version of {memory.version_of}, which does not exist"
    elif current.version_of is not None or current.version <= memory.version:
        yield f"{name}, version {memory.version}, is not older than {current.id}"


# Numbers of rows and of sessions differ by the order in which they came.
_COLUMNS = (
    "position", "said", "recalled", "changed", "expires", "strength", "state", "span", "timed",
    "asks", "ends_asking",
)  # fmt: skip

# On its way to a server and back, and where files are made anew, the last digit of a number
# may change, and with it which number of 16 bits is the nearest.
_ROUNDED = 1e-3


def differences(kept: ScopeIndex, fresh: ScopeIndex) -> Iterator[str]:
    """Say, a sentence each, where two indexes of one scope do not agree."""
    for granularity in Granularity:
        old, new = kept.tables[granularity].row_of, fresh.tables[granularity].row_of
        for i in sorted(new.keys() - old.keys()):
            yield f"{granularity} {i} is in the store but not in the index"
        for i in sorted(old.keys() - new.keys()):
            yield f"{granularity} {i} is in the index but not in the store"
        yield from _rows(kept, fresh, granularity, sorted(old.keys() & new.keys()))
    yield from _links(kept, fresh)
    yield from _sessions(kept, fresh)


def _rows(
    kept: ScopeIndex, fresh: ScopeIndex, granularity: Granularity, ids: list[str]
) -> Iterator[str]:
    tables = [index.tables[granularity] for index in (kept, fresh)]
    rows = [np.array([table.row_of[i] for i in ids], dtype=np.intp) for table in tables]
    unequal: dict[str, list[int]] = {}
    for name in _COLUMNS:
        a, b = (table.column(name)[places] for table, places in zip(tables, rows, strict=True))
        unequal[name] = [int(n) for n in np.flatnonzero((a != b) & ~((a != a) & (b != b)))]
    a, b = (table.vectors(places) for table, places in zip(tables, rows, strict=True))
    far = np.abs(a - b).max(axis=1, initial=0) > _ROUNDED
    unequal["vector"] = [int(n) for n in np.flatnonzero(far)]
    words = [[set(t.words.terms(int(row))) for row in r] for t, r in zip(tables, rows, strict=True)]
    unequal["words"] = [n for n in range(len(ids)) if words[0][n] != words[1][n]]
    signs = [[t.signs.row(int(row)) for row in r] for t, r in zip(tables, rows, strict=True)]
    unequal["signs"] = [n for n in range(len(ids)) if signs[0][n] != signs[1][n]]
    for name, found in unequal.items():
        for n in found:
            yield f"{granularity} {ids[n]} has another {name} in the index than in the store"


def _links(kept: ScopeIndex, fresh: ScopeIndex) -> Iterator[str]:
    for i in sorted(kept.edges.keys() | fresh.edges.keys()):
        # Of two memories linked to each other, the one written last gives the weight.
        if kept.edges.get(i, {}).keys() != fresh.edges.get(i, {}).keys():
            yield f"{i} has other associations in the index than in the store"


def _sessions(kept: ScopeIndex, fresh: ScopeIndex) -> Iterator[str]:
    if kept.session_ids() != fresh.session_ids():
        yield "the index has other sessions, or in another order, than the store"
    for session in fresh.session_ids():
        same = kept.is_digested(session) == fresh.is_digested(session) and all(
            kept.members(session, g) == fresh.members(session, g) for g in Granularity
        )
        if not same:
            yield f"session {session} has other members in the index than in the store"

"""Check the integrity of a scope: its records, the links between them, its index and its files."""

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

__all__ = ["Check", "CheckReport", "index_differences", "read_scope"]


@dataclass(frozen=True)
class CheckReport:
    """The problems of a scope, one sentence each; none if it is intact.

    Attributes:
        problems: what is wrong now.
        repaired: what was wrong before `check(repair=True)` and no longer is.
    """

    problems: tuple[str, ...]
    repaired: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


@dataclass(frozen=True)
class Check:
    """Reads everything of a scope and reports problems; changes nothing."""

    store: MemoryStore
    memories: IndexedStore

    def problems(self, scope: Scope) -> tuple[str, ...]:
        """Return the problems of a scope, one sentence each."""
        return self.inspect(scope)[1]

    def inspect(self, scope: Scope) -> tuple[list[Fault] | None, tuple[str, ...]]:
        """Return the damaged records, and all problems including these.

        The faults are None if the store is too damaged to be read to its end, which is a problem
        of its own.

        Raises:
            ClosedError, StoreUnavailableError: the store cannot be read.
        """
        damage = self.store.check_files()
        try:
            faults = self.store.check_records(scope)
            return faults, (*damage, *self._problems(scope, faults))
        except (ClosedError, StoreUnavailableError):
            raise
        except StoreError as error:
            return None, (*damage, f"the records of {scope} cannot all be read: {error}")

    def _problems(self, scope: Scope, faults: Sequence[Fault]) -> Iterator[str]:
        for fault in faults:
            yield f"{fault.granularity} {fault.id}: {fault.part} {fault.reason}"
        if any(fault.part == "record" for fault in faults):
            return  # Links to a record that cannot be read would look broken.
        memories = read_scope(self.store, scope)
        for memory in memories.values():
            yield from _link_problems(memory, memories)
            yield from _version_problems(memory, memories)
        if not faults:  # An index cannot be built of damaged records.
            rebuilt = ScopeIndex.build(self.store, scope)
            yield from index_differences(self.memories.index(scope), rebuilt)


def read_scope(store: MemoryStore, scope: Scope) -> dict[str, Memory]:
    """Return all memories of a scope by id, including former versions."""
    return {m.id: m for granularity in Granularity for m in store.scan(scope, granularity)}


def _link_problems(memory: Memory, memories: Mapping[str, Memory]) -> Iterator[str]:
    name = f"{memory.granularity} {memory.id}"
    for edge in memory.edges:
        if edge.target not in memories:
            yield f"{name} is linked to {edge.target}, which does not exist"
        elif edge.target == memory.id or not 0 < edge.weight <= 1:
            yield f"{name} is linked to {edge.target} with weight {edge.weight}"
    for source in memory.sources:
        if source not in memories:
            yield f"{name} derives from {source}, which does not exist"


def _version_problems(memory: Memory, memories: Mapping[str, Memory]) -> Iterator[str]:
    if memory.version_of is None:
        return
    name = f"{memory.granularity} {memory.id}"
    current = memories.get(memory.version_of)
    if current is None:
        yield f"{name} is a version of {memory.version_of}, which does not exist"
    elif current.version_of is not None or current.version <= memory.version:
        yield f"{name}, version {memory.version}, is not older than {current.id}"


# The columns that must be equal. Row and session numbers depend on the order of writing.
_COLUMNS = (
    "position", "said_at", "recalled_at", "state_changed_at", "expires_at", "strength", "state",
    "n_links", "mentions_time", "has_question", "ends_with_question", "first_person",
)  # fmt: skip


def index_differences(index: ScopeIndex, rebuilt: ScopeIndex) -> Iterator[str]:
    """Yield where an index disagrees with one rebuilt from the store, one sentence each."""
    for granularity in Granularity:
        current = index.tables[granularity].row_of.keys()
        expected = rebuilt.tables[granularity].row_of.keys()
        for i in sorted(expected - current):
            yield f"{granularity} {i} is in the store but not in the index"
        for i in sorted(current - expected):
            yield f"{granularity} {i} is in the index but not in the store"
        yield from _row_differences(index, rebuilt, granularity, sorted(current & expected))
    for i in sorted(index.edges.keys() | rebuilt.edges.keys()):
        # Only the targets: if two memories link to each other, the weight written last counts.
        if index.edges.get(i, {}).keys() != rebuilt.edges.get(i, {}).keys():
            yield f"{i} has other associations in the index than in the store"
    yield from _session_differences(index, rebuilt)


def _row_differences(
    index: ScopeIndex, rebuilt: ScopeIndex, granularity: Granularity, ids: list[str]
) -> Iterator[str]:
    tables = [index.tables[granularity], rebuilt.tables[granularity]]
    rows = [np.array([table.row_of[i] for i in ids], dtype=np.intp) for table in tables]
    unequal: dict[str, list[int]] = {}
    for name in _COLUMNS:
        a, b = (table.column(name)[at] for table, at in zip(tables, rows, strict=True))
        both_nan = (a != a) & (b != b)
        unequal[name] = [int(n) for n in np.flatnonzero((a != b) & ~both_nan)]
    a, b = (table.vectors(at) for table, at in zip(tables, rows, strict=True))
    # Vectors that went to a server and back, or whose files were rebuilt, may differ in the last
    # digit of a float32, and then by one step of the 8-bit quantization.
    steps = np.abs(b).max(axis=1, initial=0) / 127
    unequal["vector"] = np.flatnonzero(np.abs(a - b).max(axis=1, initial=0) > 1.5 * steps).tolist()
    terms = [
        [set(table.words.terms(int(row))) for row in at]
        for table, at in zip(tables, rows, strict=True)
    ]
    unequal["words"] = [n for n in range(len(ids)) if terms[0][n] != terms[1][n]]
    codes = [
        [table.token_codes.row(int(row)) for row in at]
        for table, at in zip(tables, rows, strict=True)
    ]
    unequal["token codes"] = [n for n in range(len(ids)) if codes[0][n] != codes[1][n]]
    fields = [
        [table.stored_fields and table.stored_fields.get(int(row)) for row in at]
        for table, at in zip(tables, rows, strict=True)
    ]
    unequal["text or field"] = [n for n in range(len(ids)) if fields[0][n] != fields[1][n]]
    for name, places in unequal.items():
        for n in places:
            yield f"{granularity} {ids[n]} has another {name} in the index than in the store"


def _session_differences(index: ScopeIndex, rebuilt: ScopeIndex) -> Iterator[str]:
    if index.session_ids() != rebuilt.session_ids():
        yield "the index has other sessions, or in another order, than the store"
    for session in rebuilt.session_ids():
        is_equal = index.is_digested(session) == rebuilt.is_digested(session) and all(
            index.members(session, g) == rebuilt.members(session, g) for g in Granularity
        )
        if not is_equal:
            yield f"session {session} has other members in the index than in the store"

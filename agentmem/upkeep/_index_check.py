"""Whether an index kept in step with a store says the same as one that is made from it anew."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from agentmem_retrievers import ScopeIndex
from agentmem_stores import Granularity

__all__ = ["differences"]

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

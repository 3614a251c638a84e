"""Archive memories: those that have faded, and the weakest turns beyond a limit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agentmem.writing.sessions import is_item_session
from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import Batch, Granularity, Memory, Scope, State, Vectors

__all__ = ["SweepReport", "archive_faded", "weakest_turns"]

# Rows of the similarity matrix computed at once: 512 x 100,000 turns take 200 MB.
_BLOCK_SIZE = 512


@dataclass(frozen=True)
class SweepReport:
    """What `MemoryController.sweep` did.

    Attributes:
        archived: ids of the memories that it archived.
        kept: how many memories stay active.
    """

    archived: tuple[str, ...]
    kept: int


def archive_faded(
    memories: IndexedStore, curve: ForgettingCurve, scope: Scope, now: datetime
) -> SweepReport:
    """Archive the active memories whose retention at `now` is below `curve.archive_below`."""
    index = memories.index(scope)
    faded: list[Memory] = []
    n_active = 0
    for granularity, table in index.tables.items():
        active = table.visible(None)
        below = active & (table.retention(now) < curve.archive_below)
        n_active += int(active.sum() - below.sum())
        ids = [table.ids[row] for row in np.flatnonzero(below)]
        faded.extend(entry.memory for entry in memories.store.get(scope, granularity, ids))
    archived = [replace(m, state=State.ARCHIVED, state_changed_at=now) for m in faded]
    memories.write(Batch(scope, patch=archived))
    return SweepReport(tuple(memory.id for memory in faded), n_active)


def weakest_turns(index: ScopeIndex, keep: int, now: datetime) -> list[str]:
    """Return the ids of the active turns beyond the `keep` most valuable ones, weakest first.

    The value of a turn is the sum of its retention, of 1 if it was ever recalled, and of its
    dissimilarity to the most similar other turn (1 - cosine); each in [0, 1]. Notes and items are
    neither counted nor returned.
    """
    table = index.tables[Granularity.TURN]
    is_conversation = [not is_item_session(name) for name in index.session_names]
    # The last element stands for rows without a session, whose number is -1.
    in_conversation = np.array([*is_conversation, False])[table.column("session")]
    rows = np.flatnonzero(table.visible(None) & in_conversation)
    if len(rows) <= keep:
        return []
    recalled = ~np.isnan(table.column("recalled_at")[rows])
    value = table.retention(now, rows) + recalled + 1 - _redundancy(table.vectors(rows))
    order = np.lexsort((table.column("said_at")[rows], value))
    return [table.ids[rows[i]] for i in order[: len(rows) - keep]]


def _redundancy(vectors: Vectors) -> NDArray[np.float64]:
    """Return the cosine of each row to the most similar other row, at least 0."""
    largest = np.zeros(len(vectors))
    for start in range(0, len(vectors), _BLOCK_SIZE):
        block = vectors[start : start + _BLOCK_SIZE] @ vectors.T
        block[np.arange(len(block)), start + np.arange(len(block))] = 0.0
        largest[start : start + _BLOCK_SIZE] = block.max(axis=1)
    return np.clip(largest, 0.0, 1.0)

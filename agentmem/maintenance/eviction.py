"""Which memories go first where there are too many."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agentmem.writing.sessions import is_item_session
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import Granularity, Vectors

__all__ = ["weakest"]

_ROWS = 512


def weakest(index: ScopeIndex, keep: int, now: datetime) -> list[str]:
    """Return the ids of the active turns beyond the `keep` that are worth most.

    Worth is the sum of what is left of a turn in memory, of whether it was ever recalled, and of
    how unlike every other turn it is; each in [0, 1]. Notes and items count nowhere.
    """
    table = index.tables[Granularity.TURN]
    spoken = [not is_item_session(name) for name in index.session_names]
    mine = np.array([*spoken, False], dtype=np.bool_)[table.column("session")]
    rows = np.flatnonzero(table.visible(None) & mine)
    if len(rows) <= keep:
        return []
    recalled = ~np.isnan(table.column("recalled")[rows])
    worth = table.retention(now, rows) + recalled + 1 - _redundancy(table.vectors(rows))
    order = np.lexsort((table.column("said")[rows], worth))
    return [table.ids[rows[i]] for i in order[: len(rows) - keep]]


def _redundancy(vectors: Vectors) -> NDArray[np.float64]:
    """The cosine of each row to the one most like it, at least 0."""
    most = np.zeros(len(vectors))
    for start in range(0, len(vectors), _ROWS):
        part = vectors[start : start + _ROWS] @ vectors.T
        part[np.arange(len(part)), start + np.arange(len(part))] = 0.0
        most[start : start + _ROWS] = part.max(axis=1)
    return np.clip(most, 0.0, 1.0)

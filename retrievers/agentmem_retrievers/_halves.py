"""Vectors at half precision, row by row: those from a file where they are, new ones in memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Vectors

__all__ = ["Halves"]


class Halves:
    """Rows of vectors.

    Args:
        dimension: of each.
        kept: the first rows, float16 of shape (rows, dimension).
    """

    def __init__(self, dimension: int, kept: NDArray[np.float16] | None = None) -> None:
        nothing = np.zeros((0, dimension), dtype=np.float16)
        self._kept = nothing if kept is None else kept
        self._new = np.zeros((64, dimension), dtype=np.float16)

    def put(self, row: int, vector: Vectors) -> None:
        """Set a row; those before it need not have been set."""
        if row < len(self._kept):
            self._kept[row] = vector
            return
        place = row - len(self._kept)
        while place >= len(self._new):
            self._new = np.concatenate([self._new, np.zeros_like(self._new)])
        self._new[place] = vector

    def at(self, rows: NDArray[np.intp]) -> Vectors:
        """Rows, float32 of shape (len(rows), dimension); zeros for negative numbers."""
        first = len(self._kept)
        if not self._new.shape[1]:
            return np.zeros((len(rows), 0), dtype=np.float32)
        if not first:
            found = self._new[rows].astype(np.float32)
        elif rows.max(initial=0) < first:
            found = self._kept[rows].astype(np.float32)
        else:
            found = self._kept[np.minimum(rows, first - 1)].astype(np.float32)
            new = rows >= first
            found[new] = self._new[rows[new] - first]
        found[rows < 0] = 0
        return found

    def all(self, count: int) -> NDArray[np.float16]:
        """The first so many rows, float16."""
        if not self._new.shape[1]:
            return np.zeros((count, 0), dtype=np.float16)
        return np.concatenate([self._kept, self._new])[:count]

"""Vectors at half precision, row by row: those from a file where they are, new ones in memory."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Vectors

__all__ = ["Halves"]


@lru_cache(maxsize=1)
def _floats() -> NDArray[np.float32]:
    """All numbers of half precision: looking one up takes half as long as converting it."""
    return np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)


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
        # `take` is several times as fast as an index, which looks at every number of a row.
        if not first:
            found = np.take(self._new, rows, axis=0)
        elif rows.max(initial=0) < first:
            found = np.take(self._kept, rows, axis=0)
        else:
            found = np.take(self._kept, np.minimum(rows, first - 1), axis=0)
            new = rows >= first
            found[new] = np.take(self._new, rows[new] - first, axis=0)
        found[rows < 0] = 0
        return np.take(_floats(), found.view(np.uint16))

    def all(self, count: int) -> NDArray[np.float16]:
        """The first so many rows, float16."""
        if not self._new.shape[1]:
            return np.zeros((count, 0), dtype=np.float16)
        return np.concatenate([self._kept, self._new])[:count]

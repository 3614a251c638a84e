"""Vectors in 16 bits a number, row by row: those from a file where they are, new ones in memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Vectors

__all__ = ["QuantizedVectors", "quantize"]

# Numbers of vectors of unit length are at most 1, so fixed-point numbers are as exact as those of
# half precision, on the whole, and several times as fast to convert.
_ONE = np.float32(2**15 - 1)


def quantize(vector: Vectors) -> NDArray[np.int16]:
    """Return a vector as it is kept."""
    return np.asarray(np.rint(np.clip(vector, -1, 1) * _ONE), dtype=np.int16)


class QuantizedVectors:
    """Rows of vectors of unit length.

    Args:
        dimension: of each.
        kept: the first rows, int16 of shape (rows, dimension).
    """

    def __init__(self, dimension: int, kept: NDArray[np.int16] | None = None) -> None:
        nothing = np.zeros((0, dimension), dtype=np.int16)
        self._kept = nothing if kept is None else kept
        self._new = np.zeros((64, dimension), dtype=np.int16)

    def put(self, row: int, vector: Vectors) -> None:
        """Set a row; those before it need not have been set."""
        if row < len(self._kept):
            self._kept[row] = quantize(vector)
            return
        place = row - len(self._kept)
        while place >= len(self._new):
            self._new = np.concatenate([self._new, np.zeros_like(self._new)])
        self._new[place] = quantize(vector)

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
        vectors = found.astype(np.float32)
        vectors /= _ONE
        return vectors

    def all(self, count: int) -> NDArray[np.int16]:
        """The first so many rows, int16."""
        if not self._new.shape[1]:
            return np.zeros((count, 0), dtype=np.int16)
        return np.concatenate([self._kept, self._new])[:count]

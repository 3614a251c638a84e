"""The words of texts as bits: of each word's embedding in its context, the signs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import token_code_bytes

__all__ = ["Bits", "TokenCodes", "decode_tokens", "encode_tokens", "hamming_distances"]

Bits = NDArray[np.uint64]


def encode_tokens(embeddings: NDArray[np.float32]) -> bytes:
    """Return the signs of embeddings, shape (words, dimension), one word after the other."""
    words, dimension = embeddings.shape
    packed = np.zeros((words, token_code_bytes(dimension)), dtype=np.uint8)
    bits = np.packbits(embeddings > 0, axis=1)
    packed[:, : bits.shape[1]] = bits
    return packed.tobytes()


def decode_tokens(words: bytes, dimension: int) -> Bits:
    """Return what `signs_of` has packed, shape (words, 64-bit integers)."""
    return np.frombuffer(words, dtype=np.uint64).reshape(-1, token_code_bytes(dimension) // 8)


def hamming_distances(columns: Bits, asked: Bits) -> Iterator[NDArray[np.uint16]]:
    """For each asked word, in how many signs words differ from it; the same array each time.

    Args:
        columns: the words, shape (64-bit integers, words).
        asked: shape (asked words, 64-bit integers).
    """
    count = columns.shape[1]
    both, found = np.empty(count, np.uint64), np.empty(count, np.uint8)
    three, differ = np.empty(count, np.uint8), np.empty(count, np.uint16)
    for one in asked:
        differ[:] = 0
        for begin in range(0, len(columns), 3):
            # Three counts fit a small number, and such are added several times as fast.
            part = slice(begin, begin + 3)
            three[:] = 0
            for column, bits in zip(columns[part], one[part], strict=True):
                np.bitwise_xor(column, bits, out=both)
                three += np.bitwise_count(both, out=found)
            differ += three
        yield differ


class TokenCodes:
    """The words of rows, each row as many as it has.

    Args:
        dimension: of the embeddings.
        kept: the words of the first rows, uint64 of shape (words, 64-bit integers).
        ends: for each of these rows, where its words end, shape (rows,).
    """

    def __init__(
        self, dimension: int, kept: Bits | None = None, ends: NDArray[np.int64] | None = None
    ) -> None:
        width = token_code_bytes(dimension) // 8
        self._dimension = dimension
        self._kept = np.zeros((0, width), dtype=np.uint64) if kept is None else kept
        self._new = np.zeros((64, width), dtype=np.uint64)
        self._ends = np.zeros(64, dtype=np.int64)
        self._rows = 0
        if ends is not None:
            self._ends = np.concatenate([ends, self._ends])
            self._rows = len(ends)

    def __len__(self) -> int:
        return self._rows

    def add(self, words: bytes) -> None:
        """Append a row."""
        bits = decode_tokens(words, self._dimension)
        begin = int(self._ends[self._rows - 1]) if self._rows else 0
        place = begin - len(self._kept)
        while place + len(bits) > len(self._new):
            self._new = np.concatenate([self._new, np.zeros_like(self._new)])
        self._new[place : place + len(bits)] = bits
        if self._rows == len(self._ends):
            self._ends = np.concatenate([self._ends, np.zeros_like(self._ends)])
        self._ends[self._rows] = begin + len(bits)
        self._rows += 1

    def clear(self, row: int) -> None:
        """Leave nothing of a row's words; it keeps as many, which are like nothing."""
        for place in range(*self._span(row)):
            held, first = (
                (self._kept, 0) if place < len(self._kept) else (self._new, len(self._kept))
            )
            held[place - first] = 0

    def _span(self, row: int) -> tuple[int, int]:
        return int(self._ends[row - 1]) if row else 0, int(self._ends[row])

    def row(self, row: int) -> bytes:
        """A row's words, as they were added; nothing where no row was."""
        if row >= self._rows:
            return b""
        return self._at(np.arange(*self._span(row))).tobytes()

    def of(self, rows: NDArray[np.intp]) -> tuple[Bits, NDArray[np.intp]]:
        """Return the words of rows, one row after the other, and how many each has.

        Args:
            rows: existing ones.
        """
        ends = self._ends[rows]
        begins = np.where(rows > 0, self._ends[rows - 1], 0)
        counts = (ends - begins).astype(np.intp)
        before = np.cumsum(counts) - counts
        places = np.repeat(begins - before, counts) + np.arange(counts.sum())
        return self._at(places), counts

    def _at(self, places: NDArray[np.int64]) -> Bits:
        # `take` is several times as fast as an index, which looks at every number of a row.
        first = len(self._kept)
        if not first:
            return np.take(self._new, places, axis=0)
        if places.max(initial=0) < first:
            return np.take(self._kept, places, axis=0)
        found = np.take(self._kept, np.minimum(places, first - 1), axis=0)
        new = places >= first
        found[new] = np.take(self._new, places[new] - first, axis=0)
        return found

    def all(self) -> tuple[Bits, NDArray[np.int64]]:
        """The words of all rows, and where those of each row end."""
        ends = self._ends[: self._rows]
        count = int(ends[-1]) if len(ends) else 0
        return np.concatenate([self._kept, self._new])[:count], ends

"""Quantized embeddings: int16 vectors of texts, and one-bit codes of the tokens of texts.

Rows read from a file stay there, mapped into memory; rows added later live in arrays that grow.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Vectors, token_code_bytes

__all__ = [
    "Codes",
    "QuantizedVectors",
    "SignCodes",
    "TokenCodes",
    "decode_tokens",
    "encode_tokens",
    "hamming_distances",
    "quantize",
]

Codes = NDArray[np.uint64]

# Components of unit vectors are at most 1, so fixed point is as exact as half precision on the
# whole, and several times as fast to convert.
_SCALE = np.float32(2**15 - 1)
_UNIT = np.float32(1 / (2**15 - 1))
# Pairs of codes that are compared at once: 512 kB.
_COMPARED = 2**16
# Queries whose distances are in memory at once.
_QUERIES = 32
_FARTHEST = np.uint16(2**16 - 1)
# Of more rows than `_MIN_COARSE` times as many as wanted, `_COARSE` times as many are chosen by the
# first half of the code. Of 11,169 turns, the 800 codes chosen so would have 98.7 % of the 100
# nearest instead of 98.8 %; for 700,000 it takes half of the time.
_MIN_COARSE, _COARSE = 64, 8
# Distances that are sampled to estimate how near the nearest are.
_SAMPLE = 2**12


def quantize(vector: Vectors) -> NDArray[np.int16]:
    """Return a vector of unit length in 16-bit fixed point."""
    return np.asarray(np.rint(np.clip(vector, -1, 1) * _SCALE), dtype=np.int16)


class QuantizedVectors:
    """Rows of vectors of unit length, and their sign codes.

    Args:
        dimension: of each vector.
        stored: the first rows, int16 of shape (rows, dimension).
        codes: the sign codes of these rows.
    """

    def __init__(
        self,
        dimension: int,
        stored: NDArray[np.int16] | None = None,
        codes: SignCodes | None = None,
    ) -> None:
        empty = np.zeros((0, dimension), dtype=np.int16)
        self._stored = empty if stored is None else stored
        self._added = np.zeros((64, dimension), dtype=np.int16)
        self.codes = codes or SignCodes(dimension)

    def put(self, row: int, vector: Vectors) -> None:
        """Set a row; rows before it need not be set."""
        self.codes.put(row, vector[np.newaxis])
        if row < len(self._stored):
            self._stored[row] = quantize(vector)
            return
        place = row - len(self._stored)
        while place >= len(self._added):
            self._added = np.concatenate([self._added, np.zeros_like(self._added)])
        self._added[place] = quantize(vector)

    def clear(self, row: int) -> None:
        """Overwrite a row with zeros."""
        if row < len(self.codes):
            self.put(row, np.zeros(self._stored.shape[1], dtype=np.float32))

    def at(self, rows: NDArray[np.intp]) -> Vectors:
        """Return rows, float32 of shape (len(rows), dimension); zeros for negative numbers."""
        first = len(self._stored)
        if not self._added.shape[1]:
            return np.zeros((len(rows), 0), dtype=np.float32)
        # `take` is several times as fast as indexing, which checks every component of a row.
        if not first:
            taken = np.take(self._added, rows, axis=0)
        elif rows.max(initial=0) < first:
            taken = np.take(self._stored, rows, axis=0)
        else:
            taken = np.take(self._stored, np.minimum(rows, first - 1), axis=0)
            is_added = rows >= first
            taken[is_added] = np.take(self._added, rows[is_added] - first, axis=0)
        taken[rows < 0] = 0
        vectors = taken.astype(np.float32)
        vectors *= _UNIT
        return vectors

    def all(self, count: int) -> NDArray[np.int16]:
        """Return the first `count` rows, int16."""
        if not self._added.shape[1]:
            return np.zeros((count, 0), dtype=np.int16)
        return np.concatenate([self._stored, self._added])[:count]


def encode_tokens(embeddings: NDArray[np.float32]) -> bytes:
    """Return the signs of token embeddings, packed token by token.

    Args:
        embeddings: shape (tokens, dimension).

    Returns:
        `token_code_bytes(dimension)` bytes for each token.
    """
    count, dimension = embeddings.shape
    packed = np.zeros((count, token_code_bytes(dimension)), dtype=np.uint8)
    bits = np.packbits(embeddings > 0, axis=1)
    packed[:, : bits.shape[1]] = bits
    return packed.tobytes()


def decode_tokens(codes: bytes, dimension: int) -> Codes:
    """Return packed codes as integers, shape (tokens, 64-bit integers of a code)."""
    return np.frombuffer(codes, dtype=np.uint64).reshape(-1, token_code_bytes(dimension) // 8)


def hamming_distances(columns: Codes, queries: Codes) -> NDArray[np.uint16]:
    """Return the Hamming distances of each query code to all codes, shape (queries, codes).

    Args:
        columns: the codes, transposed: shape (64-bit integers, codes).
        queries: shape (queries, 64-bit integers).
    """
    count = columns.shape[1]
    distances = np.zeros((len(queries), count), np.uint16)
    # As many queries at once as fit the processor's cache.
    step = max(_COMPARED // max(count, 1), 1)
    xor, ones = np.empty((step, count), np.uint64), np.empty((step, count), np.uint8)
    partial = np.empty((step, count), np.uint8)
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        rows = slice(len(block))
        for begin in range(0, len(columns), 3):
            # Three counts of at most 64 fit 8 bits, which are added several times as fast as 16.
            part = slice(begin, begin + 3)
            partial[rows] = 0
            for column, bits in zip(columns[part], block.T[part], strict=True):
                np.bitwise_xor(column, bits[:, np.newaxis], out=xor[rows])
                partial[rows] += np.bitwise_count(xor[rows], out=ones[rows])
            distances[start : start + step] += partial[rows]
    return distances


class SignCodes:
    """The sign codes of vectors, by which those near a query are found before they are compared.

    Binary quantization: the Hamming distance of two codes grows with the angle of the vectors
    (Charikar, STOC 2002, section 3). Codes are stored transposed, so that a comparison with all of
    them reads memory in order: 14,000 take 0.2 ms.

    Args:
        dimension: of the vectors.
        stored: the codes of the first rows, uint64 of shape (64-bit integers, rows).
    """

    def __init__(self, dimension: int, stored: Codes | None = None) -> None:
        width = token_code_bytes(dimension) // 8
        self._dimension = dimension
        self._columns = np.zeros((width, 64), dtype=np.uint64) if stored is None else stored
        self._count = 0 if stored is None else stored.shape[1]

    def __len__(self) -> int:
        return self._count

    def put(self, row: int, vectors: Vectors) -> None:
        """Set the codes of rows, the first at `row`; rows before it need not be set.

        Args:
            vectors: shape (rows, dimension).
        """
        end = row + len(vectors)
        if end > self._columns.shape[1]:
            grown = np.zeros((len(self._columns), end + end // 4 + 64), dtype=np.uint64)
            grown[:, : self._count] = self._columns[:, : self._count]
            self._columns = grown
        codes = decode_tokens(encode_tokens(vectors), self._dimension)
        self._columns[:, row:end] = codes.T
        self._count = max(self._count, end)

    def all(self) -> Codes:
        """Return all codes, a view of shape (64-bit integers, rows)."""
        return self._columns[:, : self._count]

    def near(
        self,
        queries: Vectors,
        n: int,
        mask: NDArray[np.bool_] | None = None,
        *,
        coarse: bool = False,
    ) -> Iterator[NDArray[np.intp]]:
        """Yield for each query the rows of the `n` nearest codes and of those as near, ascending.

        Args:
            queries: shape (queries, dimension).
            mask: which rows count, shape (rows,); None for all.
            coarse: of many rows, compare whole codes only where their first half is near. Some of
                the nearest may be missing; see `_MIN_COARSE`.
        """
        codes, columns = decode_tokens(encode_tokens(queries), self._dimension), self.all()
        is_coarse = coarse and len(columns) > 1 and self._count > _MIN_COARSE * n
        part, n_coarse = (-(-len(columns) // 2), _COARSE * n) if is_coarse else (len(columns), n)
        # A pasted text may have a thousand words.
        for start in range(0, len(codes), _QUERIES):
            block = codes[start : start + _QUERIES]
            compared = hamming_distances(columns[:part], block[:, :part])
            for code, distances in zip(block, compared, strict=True):
                near = _least(distances, n_coarse, mask)
                if is_coarse:
                    # `take` is several times as fast as indexing.
                    of_near = np.take(columns, near, axis=1)
                    [distances] = hamming_distances(of_near, code[np.newaxis])
                    near = near[_least(distances, n)]
                yield near


def _least(
    distances: NDArray[np.uint16], n: int, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.intp]:
    """Return the places of the `n` least distances that count and of those as small, ascending."""
    step = len(distances) // _SAMPLE + 1
    sample = distances[::step] if mask is None else distances[::step][mask[::step]]
    # Most are far from the least, as a sample tells, and are not looked at again.
    place = 2 * n // step + _SAMPLE // 50
    bound = np.partition(sample, place)[place] if place < len(sample) else _FARTHEST
    near = _within(distances, bound, mask)
    if len(near) < n and bound < _FARTHEST:
        near = _within(distances, _FARTHEST, mask)
    if len(near) > n:
        of_near = distances[near]
        near = near[of_near <= np.partition(of_near, n - 1)[n - 1]]
    return near


def _within(
    distances: NDArray[np.uint16], bound: np.uint16, mask: NDArray[np.bool_] | None
) -> NDArray[np.intp]:
    is_within = distances <= bound
    return np.flatnonzero(is_within if mask is None else is_within & mask)


class TokenCodes:
    """The token codes of rows; each row has as many as its text has tokens.

    Args:
        dimension: of the token embeddings.
        stored: the codes of the first rows, uint64 of shape (tokens, 64-bit integers).
        ends: for each of these rows the end of its codes, shape (rows,).
    """

    def __init__(
        self, dimension: int, stored: Codes | None = None, ends: NDArray[np.int64] | None = None
    ) -> None:
        width = token_code_bytes(dimension) // 8
        self._dimension = dimension
        self._stored = np.zeros((0, width), dtype=np.uint64) if stored is None else stored
        self._added = np.zeros((64, width), dtype=np.uint64)
        self._ends = np.zeros(64, dtype=np.int64)
        self._rows = 0
        if ends is not None:
            self._ends = np.concatenate([ends, self._ends])
            self._rows = len(ends)

    def __len__(self) -> int:
        return self._rows

    def add(self, codes: bytes) -> None:
        """Append a row."""
        bits = decode_tokens(codes, self._dimension)
        begin = int(self._ends[self._rows - 1]) if self._rows else 0
        place = begin - len(self._stored)
        while place + len(bits) > len(self._added):
            self._added = np.concatenate([self._added, np.zeros_like(self._added)])
        self._added[place : place + len(bits)] = bits
        if self._rows == len(self._ends):
            self._ends = np.concatenate([self._ends, np.zeros_like(self._ends)])
        self._ends[self._rows] = begin + len(bits)
        self._rows += 1

    def clear(self, row: int) -> None:
        """Overwrite the codes of a row with zeros; their number stays."""
        first = len(self._stored)
        for place in range(*self._span(row)):
            if place < first:
                self._stored[place] = 0
            else:
                self._added[place - first] = 0

    def _span(self, row: int) -> tuple[int, int]:
        return int(self._ends[row - 1]) if row else 0, int(self._ends[row])

    def row(self, row: int) -> bytes:
        """Return the codes of a row as they were added; empty for an unknown row."""
        if row >= self._rows:
            return b""
        return self._take(np.arange(*self._span(row))).tobytes()

    def of(self, rows: NDArray[np.intp]) -> tuple[Codes, NDArray[np.intp]]:
        """Return the codes of existing rows, concatenated, and how many each row has."""
        ends = self._ends[rows]
        begins = np.where(rows > 0, self._ends[rows - 1], 0)
        counts = (ends - begins).astype(np.intp)
        before = np.cumsum(counts) - counts
        places = np.repeat(begins - before, counts) + np.arange(counts.sum())
        return self._take(places), counts

    def _take(self, places: NDArray[np.int64]) -> Codes:
        first = len(self._stored)
        if not first:
            return np.take(self._added, places, axis=0)
        if places.max(initial=0) < first:
            return np.take(self._stored, places, axis=0)
        taken = np.take(self._stored, np.minimum(places, first - 1), axis=0)
        is_added = places >= first
        taken[is_added] = np.take(self._added, places[is_added] - first, axis=0)
        return taken

    def all(self) -> tuple[Codes, NDArray[np.int64]]:
        """Return the codes of all rows, and the end of each row's codes."""
        ends = self._ends[: self._rows]
        count = int(ends[-1]) if len(ends) else 0
        return np.concatenate([self._stored, self._added])[:count], ends

"""Quantized embeddings: int8 vectors of texts, and one-bit codes of the tokens of texts.

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

# The greatest magnitude of a component of a quantized vector.
_GREATEST = np.float32(2**7 - 1)
# Codes that are compared at once with one query, and pairs of codes: both fit the cache.
_BLOCK, _PAIRS = 2**14, 2**16
# Queries whose distances are in memory at once.
_QUERIES = 32
# Three counts of at most 64 fit 8 bits.
_COUNTS = 3
# Of more rows than `_MIN_COARSE` times as many as wanted, `_COARSE` times as many are chosen by the
# heads of their codes. Of 17,210 turns of LoCoMo and QMSum, the 600 codes chosen so have 93.1 % of
# the 100 nearest instead of 93.6 %. Of fewer rows, comparing whole codes is faster.
_MIN_COARSE, _COARSE = 64, 8
# Distances that are sampled to estimate how near the nearest are.
_SAMPLE = 2**12


def quantize(vectors: Vectors) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return vectors in 8 bits, and the factor that restores each to unit length.

    The component of greatest magnitude becomes 127 or -127. Quantizing a vector changes its cosine
    to a question by 0.0004 (standard deviation, MiniLM).

    Args:
        vectors: unit length or zeros, shape (rows, dimension).

    Returns:
        int8 of shape (rows, dimension), and float32 of shape (rows,), 0 for zeros.
    """
    greatest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    quantized = np.rint(vectors * (_GREATEST / np.maximum(greatest, 1e-30)))
    lengths = np.linalg.norm(quantized, axis=1)
    scales = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return quantized.astype(np.int8), scales.astype(np.float32)


class QuantizedVectors:
    """Rows of vectors of unit length, and their sign codes.

    Args:
        dimension: of each vector.
        stored: the first rows as `quantize` returns them.
        codes: the sign codes of these rows.
    """

    def __init__(
        self,
        dimension: int,
        stored: tuple[NDArray[np.int8], NDArray[np.float32]] | None = None,
        codes: SignCodes | None = None,
    ) -> None:
        none = np.zeros((0, dimension), dtype=np.int8), np.zeros(0, dtype=np.float32)
        self._stored, scales = none if stored is None else stored
        self._added = np.zeros((64, dimension), dtype=np.int8)
        # Of all rows; the last, for rows that do not exist, is 0.
        self._scales = np.concatenate([scales, np.zeros(64, dtype=np.float32)])
        self.codes = codes or SignCodes(dimension)

    def put(self, row: int, vector: Vectors) -> None:
        """Set a row; rows before it need not be set."""
        [quantized], [scale] = quantize(vector[np.newaxis])
        self.codes.put(row, vector[np.newaxis])
        while row >= len(self._scales) - 1:
            self._scales = np.concatenate([self._scales, np.zeros_like(self._scales)])
        self._scales[row] = scale
        if row < len(self._stored):
            self._stored[row] = quantized
            return
        place = row - len(self._stored)
        while place >= len(self._added):
            self._added = np.concatenate([self._added, np.zeros_like(self._added)])
        self._added[place] = quantized

    def clear(self, row: int) -> None:
        """Overwrite a row with zeros."""
        if row < len(self.codes):
            self.put(row, np.zeros(self._stored.shape[1], dtype=np.float32))

    def at(self, rows: NDArray[np.intp]) -> Vectors:
        """Return rows, float32 of shape (len(rows), dimension); zeros for -1."""
        if not self._added.shape[1]:
            return np.zeros((len(rows), 0), dtype=np.float32)
        vectors = self._unscaled(rows)
        vectors *= self._scales[rows, np.newaxis]
        return vectors

    def cosines(self, rows: NDArray[np.intp], vector: Vectors) -> NDArray[np.float32]:
        """Return the cosines of rows to a vector, shape (len(rows),); 0 for -1.

        Scaling the products instead of the vectors takes a fifth less time.

        Args:
            vector: unit length, float32 of shape (dimension,); the dimension is not 0.
        """
        products: NDArray[np.float32] = np.vecdot(self._unscaled(rows), vector)
        products *= self._scales[rows]
        return products

    def _unscaled(self, rows: NDArray[np.intp]) -> Vectors:
        """Return rows as `quantize` made them; any row for -1, whose scale is 0."""
        first = len(self._stored)
        # `take` is several times as fast as indexing, which checks every component of a row.
        if not first:
            taken = np.take(self._added, rows, axis=0)
        elif rows.max(initial=0) < first:
            taken = np.take(self._stored, rows, axis=0)
        else:
            taken = np.take(self._stored, np.minimum(rows, first - 1), axis=0)
            is_added = rows >= first
            taken[is_added] = np.take(self._added, rows[is_added] - first, axis=0)
        return taken.astype(np.float32)

    def all(self, count: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Return the first `count` rows as `quantize` returns them."""
        if not self._added.shape[1]:
            return np.zeros((count, 0), dtype=np.int8), np.zeros(count, dtype=np.float32)
        vectors = self._stored[:count]
        if count > len(self._stored):
            vectors = np.concatenate([vectors, self._added[: count - len(vectors)]])
        return vectors, self._scales[:count]


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


def hamming_distances(columns: Codes, queries: Codes) -> NDArray[np.unsignedinteger]:
    """Return the Hamming distances of each query code to all codes, shape (queries, codes).

    Args:
        columns: the codes, transposed: shape (64-bit integers, codes).
        queries: shape (queries, 64-bit integers).
    """
    width, count = columns.shape
    dtype = np.uint8 if width <= _COUNTS else np.uint16
    distances = np.zeros((len(queries), count), dtype)
    n_codes = min(count, _BLOCK)
    n_queries = max(_PAIRS // max(n_codes, 1), 1)
    shape = min(n_queries, len(queries)), n_codes
    xor, ones, partial = (np.empty(shape, each) for each in (np.uint64, np.uint8, np.uint8))
    for begin in range(0, count, _BLOCK):
        codes = columns[:, begin : begin + _BLOCK]
        for start in range(0, len(queries), n_queries):
            block = queries[start : start + n_queries]
            used = slice(len(block)), slice(codes.shape[1])
            into = distances[start : start + n_queries, begin : begin + _BLOCK]
            for first in range(0, width, _COUNTS):
                # 8 bits are added several times as fast as 16.
                part = slice(first, first + _COUNTS)
                partial[used] = 0
                for column, bits in zip(codes[part], block.T[part], strict=True):
                    np.bitwise_xor(column, bits[:, np.newaxis], out=xor[used])
                    partial[used] += np.bitwise_count(xor[used], out=ones[used])
                into += partial[used]
    return distances


class SignCodes:
    """The sign codes of vectors, by which those near a query are found before they are compared.

    Binary quantization: the Hamming distance of two codes grows with the angle of the vectors
    (Charikar, STOC 2002, section 3). The first half of each code, its head, is stored transposed,
    so that a comparison with all of them reads memory in order: 14,000 take 0.05 ms. The tails are
    stored row by row, so that those of a few rows are read at once.

    Args:
        dimension: of the vectors.
        stored: the codes of the first rows as `all` returns them.
    """

    def __init__(self, dimension: int, stored: tuple[Codes, Codes] | None = None) -> None:
        width = token_code_bytes(dimension) // 8
        self._dimension = dimension
        self._n_head = -(-width // 2)
        if stored is None:
            heads = np.zeros((self._n_head, 64), dtype=np.uint64)
            tails = np.zeros((64, width - self._n_head), dtype=np.uint64)
            self._heads, self._tails, self._count = heads, tails, 0
        else:
            (self._heads, self._tails), self._count = stored, len(stored[1])

    def __len__(self) -> int:
        return self._count

    def put(self, row: int, vectors: Vectors) -> None:
        """Set the codes of rows, the first at `row`; rows before it need not be set.

        Args:
            vectors: shape (rows, dimension).
        """
        end, count = row + len(vectors), self._count
        if end > len(self._tails):
            capacity = end + end // 4 + 64
            heads = np.zeros((self._n_head, capacity), dtype=np.uint64)
            tails = np.zeros((capacity, self._tails.shape[1]), dtype=np.uint64)
            heads[:, :count], tails[:count] = self.all()
            self._heads, self._tails = heads, tails
        codes = decode_tokens(encode_tokens(vectors), self._dimension)
        self._heads[:, row:end] = codes[:, : self._n_head].T
        self._tails[row:end] = codes[:, self._n_head :]
        self._count = max(count, end)

    def all(self) -> tuple[Codes, Codes]:
        """Return all codes: heads of shape (64-bit integers, rows), tails of (rows, integers)."""
        count = self._count
        return self._heads[:, :count], self._tails[:count]

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
            coarse: of many rows, compare tails only where heads are near. Some of the nearest may
                be missing; see `_MIN_COARSE`.
        """
        codes, (heads, tails) = decode_tokens(encode_tokens(queries), self._dimension), self.all()
        is_coarse = coarse and self._count > _MIN_COARSE * n
        split = self._n_head
        # A pasted text may have a thousand words.
        for start in range(0, len(codes), _QUERIES):
            block = codes[start : start + _QUERIES]
            of_heads = hamming_distances(heads, block[:, :split])
            if is_coarse:
                for code, distances in zip(block, of_heads, strict=True):
                    near = _least(distances, _COARSE * n, mask)
                    # `take` is several times as fast as indexing.
                    others = np.take(tails, near, axis=0)
                    [of_tails] = hamming_distances(others.T, code[np.newaxis, split:])
                    yield near[_least(np.add(of_tails, distances[near], dtype=np.uint16), n)]
            else:
                of_tails = hamming_distances(tails.T, block[:, split:])
                for distances in np.add(of_heads, of_tails, dtype=np.uint16):
                    yield _least(distances, n, mask)


def _least(
    distances: NDArray[np.unsignedinteger], n: int, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.intp]:
    """Return the places of the `n` least distances that count and of those as small, ascending."""
    step = len(distances) // _SAMPLE + 1
    # 16 bits: equal numbers are many, and a partition of 8 bits takes three times as long.
    sample = distances[::step].astype(np.uint16)
    if mask is not None:
        sample = sample[mask[::step]]
    # Most are far from the least, as a sample tells, and are not looked at again.
    place = 2 * n // step + _SAMPLE // 50
    near = None
    if place < len(sample):
        bound = distances.dtype.type(np.partition(sample, place)[place])
        near = _within(distances, bound, mask)
    if near is None or len(near) < n:
        near = np.arange(len(distances)) if mask is None else np.flatnonzero(mask)
    if len(near) > n:
        of_near = distances[near].astype(np.uint16)
        near = near[of_near <= np.partition(of_near, n - 1)[n - 1]]
    return near


def _within(
    distances: NDArray[np.unsignedinteger],
    bound: np.unsignedinteger,
    mask: NDArray[np.bool_] | None,
) -> NDArray[np.intp]:
    is_within = distances <= bound
    if mask is not None:
        is_within &= mask
    return np.flatnonzero(is_within)


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

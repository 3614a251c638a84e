"""One query's terms in the inverted index: which documents they reach, and their BM25."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.inverted_index import InvertedIndex

__all__ = ["Places", "TermStats", "bm25", "idf", "reached"]

Floats = NDArray[np.float64]

# BM25 of short, alike turns: little saturation, little normalisation by length.
TURN_K1, TURN_B = 0.9, 0.4

REACHED = 10_000


def idf(documents: float, holding: Floats | float) -> Floats:
    """Inverse document frequency as in Lucene, ln(1 + (N - n + 0.5) / (n + 0.5)): above 0."""
    return np.asarray(np.log1p((documents - holding + 0.5) / (holding + 0.5)), dtype=np.float64)


def bm25(
    frequencies: Floats, lengths: Floats, mean: float, weights: Floats, k1: float, b: float
) -> Floats:
    """Return BM25 scores (Robertson and Zaragoza 2009, eq. 3.15).

    Args:
        frequencies: of shape (terms, documents).
        lengths: of the documents, shape (documents,).
        mean: the mean length of a document.
        weights: the idf of the terms, shape (terms,).

    Returns:
        Shape (documents,).
    """
    norm = k1 * (1 - b + b * lengths / max(mean, 1e-9))
    scores: Floats = weights @ (frequencies * (k1 + 1) / (frequencies + norm + 1e-12))
    return scores


class Places:
    """Where documents are among some of them, looked up in a table of all.

    Args:
        rows: the numbers of some documents.
        size: how many documents there are in all.
    """

    def __init__(self, rows: NDArray[np.intp], size: int) -> None:
        # The last stands for a negative number, which is no document's.
        self._place = np.full(size + 1, -1, dtype=np.int32)
        self._place[rows] = np.arange(len(rows), dtype=np.int32)
        self._place[size] = -1

    def at(self, rows: NDArray[np.integer]) -> NDArray[np.int32]:
        """The places of documents, of their shape; -1 for those that are not among them."""
        found: NDArray[np.int32] = self._place[rows]
        return found

    def of(self, holders: NDArray[np.uint32]) -> NDArray[np.int32]:
        """The places of those documents that have one."""
        found = self.at(holders)
        return found[found >= 0]


class TermStats:
    """The postings of one query's distinct terms."""

    def __init__(self, index: InvertedIndex, terms: Sequence[str]) -> None:
        self.terms = tuple(dict.fromkeys(terms))
        self._postings = [index.postings(term) for term in self.terms]
        self._lengths = index.lengths()
        self.mean = index.mean_length()
        self.idf = idf(len(index), np.array([float(len(r)) for r, _ in self._postings]))

    def frequencies(self, rows: NDArray[np.intp]) -> Floats:
        """How often each term stands in each of the documents, shape (terms, rows)."""
        found = np.zeros((len(self.terms), len(rows)))
        # Of the kind that holders are: else they are converted, all of them. There is no row -1.
        wanted = rows.astype(np.uint32)
        for i, (holders, counts) in enumerate(self._postings):
            if len(holders):
                places = np.minimum(np.searchsorted(holders, wanted), len(holders) - 1)
                found[i] = np.where(holders[places] == wanted, counts[places], 0)
        return found

    def known(self) -> Floats:
        """1 for each term that any document holds, else 0; shape (terms,)."""
        return np.array([float(len(rows) > 0) for rows, _ in self._postings])

    def lengths(self, rows: NDArray[np.intp]) -> Floats:
        """The lengths of documents; 0 for a negative number."""
        return np.where(rows < 0, 0.0, self._lengths[rows])

    def grouped(self, groups: NDArray[np.integer], count: int) -> Floats:
        """Take all documents of a group for one, and return its term frequencies.

        Args:
            groups: the group of every document, shape (documents,), below `count`.

        Returns:
            Shape (terms, groups).
        """
        frequencies = np.zeros((len(self.terms), count))
        for i, (holders, counts) in enumerate(self._postings):
            frequencies[i] = np.bincount(groups[holders], weights=counts, minlength=count)
        return frequencies

    def coverage(self) -> Floats:
        """The share of the terms' idf that each document holds, in [0, 1]; (documents,)."""
        total = np.zeros(len(self._lengths))
        for weight, (rows, _) in zip(self.idf, self._postings, strict=True):
            total[rows] += weight
        return total / max(float(self.idf.sum()), 1e-9)


def reached(postings: Sequence[NDArray[np.uint32]], size: int) -> NDArray[np.intp]:
    """Return the documents in any of the postings, ascending.

    Of words that stand in very many documents, the shortest postings are taken first and no more
    than `REACHED` in all, so that it takes no longer however much there is. What only has words
    that stand everywhere is not found by them.

    Args:
        size: how many documents there are in all.
    """
    # Marking them is many times as fast as sorting them.
    marked = np.zeros(size, dtype=np.bool_)
    left = REACHED
    for holders in sorted(postings, key=len):
        left -= len(holders)
        if left < 0:
            break
        marked[holders] = True
    return np.flatnonzero(marked)

"""Postings as they are read from a file: compressed sparse rows, which never change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.array_file import ArrayFile

__all__ = ["StoredPostings"]

Numbers = NDArray[np.uint32]


def _numbers(values: Sequence[Numbers]) -> Numbers:
    return np.concatenate([np.zeros(0, dtype=np.uint32), *values])


def _starts(sizes: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)


class StoredPostings:
    """Which documents hold a term, how often, and which terms a document holds."""

    def __init__(self) -> None:
        self.number: dict[str, int] = {}
        self._terms: list[str] = []
        self._starts: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._documents: Numbers = np.zeros(0, dtype=np.uint32)
        self._frequencies: Numbers = np.zeros(0, dtype=np.uint32)
        self._from: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._held: Numbers = np.zeros(0, dtype=np.uint32)

    def holding(self, term: str) -> int:
        """How many documents hold a term."""
        number = self.number.get(term)
        return 0 if number is None else int(self._starts[number + 1] - self._starts[number])

    def postings(self, term: str) -> tuple[Numbers, Numbers]:
        """The documents that hold a term, and how often each does."""
        number = self.number.get(term)
        if number is None:
            return self._documents[:0], self._frequencies[:0]
        held = slice(int(self._starts[number]), int(self._starts[number + 1]))
        return self._documents[held], self._frequencies[held]

    def terms_of(self, document: int) -> tuple[str, ...]:
        """The distinct terms of a document."""
        start, end = self._from[document : document + 2].tolist()
        return tuple([self._terms[n] for n in self._held[start:end].tolist()])

    @staticmethod
    def to_arrays(
        into: ArrayFile,
        name: str,
        postings: Sequence[tuple[str, Numbers, Numbers]],
        terms: Sequence[Sequence[str]],
    ) -> None:
        """Write down postings.

        Args:
            postings: terms, the documents that hold them, and how often each does.
            terms: of every document.
        """
        into.strings[f"{name}.terms"] = known = [term for term, _, _ in postings]
        number = {term: n for n, term in enumerate(known)}
        held = np.array([number[t] for t in chain.from_iterable(terms)], dtype=np.uint32)
        into.arrays |= {
            f"{name}.starts": _starts([len(rows) for _, rows, _ in postings]),
            f"{name}.documents": _numbers([rows for _, rows, _ in postings]),
            f"{name}.frequencies": _numbers([counts for _, _, counts in postings]),
            f"{name}.from": _starts([len(held) for held in terms]),
            f"{name}.held": held,
        }

    @classmethod
    def from_arrays(cls, frozen: ArrayFile, name: str) -> StoredPostings:
        """Take over what was written down."""
        kept, arrays = cls(), frozen.arrays
        kept._terms = frozen.strings[f"{name}.terms"]
        kept.number = {term: n for n, term in enumerate(kept._terms)}
        kept._starts, kept._from = arrays[f"{name}.starts"], arrays[f"{name}.from"]
        kept._documents = arrays[f"{name}.documents"]
        kept._frequencies = arrays[f"{name}.frequencies"]
        kept._held = arrays[f"{name}.held"]
        return kept

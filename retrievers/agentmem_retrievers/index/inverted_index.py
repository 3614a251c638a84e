"""The inverted index: which documents hold a term, kept in step with what is added and removed."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.array_file import ArrayFile
from agentmem_retrievers.index.postings import StoredPostings

__all__ = ["InvertedIndex"]

Floats = NDArray[np.float64]


class InvertedIndex:
    """Postings of documents numbered 0, 1, 2, … in the order in which they are added.

    A removed document keeps its number but counts in no statistic.
    """

    def __init__(self) -> None:
        # What was added or changed since the rest was read from a file.
        self._documents: dict[str, array[int]] = {}
        self._frequencies: dict[str, array[int]] = {}
        self._terms: dict[int, tuple[str, ...]] = {}
        self._kept = StoredPostings()
        self._lengths = np.zeros(64)
        self._given = 0
        self._alive = 0
        self._words = 0

    def __len__(self) -> int:
        """Return how many documents count."""
        return self._alive

    def add(self, terms: Sequence[str]) -> int:
        """Add a document and return its number."""
        number = self._given
        if number == len(self._lengths):
            self._lengths = np.concatenate([self._lengths, np.zeros(max(number, 64))])
        counts = Counter(terms)
        for term, count in counts.items():
            documents, frequencies = self._change(term)
            documents.append(number)
            frequencies.append(count)
        self._terms[number] = tuple(counts)
        self._lengths[number] = len(terms)
        self._words += len(terms)
        self._given += 1
        self._alive += 1
        return number

    def remove(self, number: int) -> None:
        """Take a document out."""
        for term in self.terms(number):
            documents, frequencies = self._change(term)
            place = documents.index(number)
            del documents[place], frequencies[place]
        self._terms[number] = ()
        self._words -= int(self._lengths[number])
        self._lengths[number] = 0
        self._alive -= 1

    def terms(self, number: int) -> tuple[str, ...]:
        """The distinct terms of a document."""
        found = self._terms.get(number)
        return self._kept.terms_of(number) if found is None else found

    def _change(self, term: str) -> tuple[array[int], array[int]]:
        if term not in self._documents:
            documents, frequencies = self._kept.postings(term)
            self._documents[term] = array("I", documents.tobytes())
            self._frequencies[term] = array("I", frequencies.tobytes())
        return self._documents[term], self._frequencies[term]

    @property
    def given(self) -> int:
        """How many numbers have been given to documents, removed ones included."""
        return self._given

    def holding(self, term: str) -> int:
        """How many documents hold a term."""
        changed = self._documents.get(term)
        return self._kept.holding(term) if changed is None else len(changed)

    def lengths(self) -> Floats:
        """The number of terms of every document, a view of shape (numbers given,)."""
        return self._lengths[: self._given]

    def mean_length(self) -> float:
        """The mean number of terms of the documents that count."""
        return self._words / max(self._alive, 1)

    def postings(self, term: str) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Return the numbers of the documents that hold a term, and how often each does."""
        if term not in self._documents:
            return self._kept.postings(term)
        changed = (self._documents[term], self._frequencies[term])
        return np.array(changed[0], dtype=np.uint32), np.array(changed[1], dtype=np.uint32)

    def to_arrays(self, into: ArrayFile, name: str) -> None:
        """Write down everything."""
        known = sorted({*self._kept.number, *self._documents})
        held = [(term, *self.postings(term)) for term in known if self.holding(term)]
        StoredPostings.to_arrays(into, name, held, [self.terms(n) for n in range(self._given)])
        into.arrays[f"{name}.lengths"] = self.lengths()

    @classmethod
    def from_arrays(cls, frozen: ArrayFile, name: str, alive: int) -> InvertedIndex:
        """Take over what was written down.

        Args:
            alive: how many documents count.
        """
        index = cls()
        index._kept = StoredPostings.from_arrays(frozen, name)
        index._lengths = np.array(frozen.arrays[f"{name}.lengths"])
        index._given, index._alive = len(index._lengths), alive
        index._words = int(index._lengths.sum())
        return index

"""An inverted index that is updated in place: which documents contain a term, and how often."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.array_file import ArrayFile

__all__ = ["InvertedIndex", "Postings"]

Floats = NDArray[np.float64]
Numbers = NDArray[np.uint32]

# The documents that contain a term, ascending, and how often each does.
Postings = tuple[Numbers, Numbers]

_EMPTY: Numbers = np.zeros(0, dtype=np.uint32)


class _StoredPostings:
    """Postings read from a file, as compressed sparse rows; they never change.

    The arrays are those of a `scipy.sparse.csr_array` (indptr, indices, data). They are sliced by
    hand: a row takes 0.6 microseconds so and 130 from a csr_array, and a search reads dozens.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self._terms: list[str] = []
        self._indptr: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        # How many documents contain each term: a list is read several times as fast as an array.
        self.sizes: list[int] = []
        self._documents: Numbers = _EMPTY
        self._frequencies: Numbers = _EMPTY
        # The transpose: which terms a document contains.
        self._document_indptr: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._document_terms: Numbers = _EMPTY

    def postings(self, term: str) -> Postings:
        number = self.numbers.get(term)
        if number is None:
            return _EMPTY, _EMPTY
        part = slice(int(self._indptr[number]), int(self._indptr[number + 1]))
        return self._documents[part], self._frequencies[part]

    def document_frequency(self, term: str) -> int:
        number = self.numbers.get(term)
        return 0 if number is None else self.sizes[number]

    def terms(self, document: int) -> tuple[str, ...]:
        start, end = self._document_indptr[document : document + 2].tolist()
        return tuple([self._terms[n] for n in self._document_terms[start:end].tolist()])

    @staticmethod
    def to_arrays(
        into: ArrayFile,
        name: str,
        postings: Sequence[tuple[str, Numbers, Numbers]],
        terms: Sequence[Sequence[str]],
    ) -> None:
        into.strings[f"{name}.terms"] = known = [term for term, _, _ in postings]
        number = {term: n for n, term in enumerate(known)}
        flat = [number[term] for term in chain.from_iterable(terms)]
        into.arrays |= {
            f"{name}.indptr": _indptr([len(documents) for _, documents, _ in postings]),
            f"{name}.documents": np.concatenate([_EMPTY, *(d for _, d, _ in postings)]),
            f"{name}.frequencies": np.concatenate([_EMPTY, *(f for _, _, f in postings)]),
            f"{name}.document_indptr": _indptr([len(each) for each in terms]),
            f"{name}.document_terms": np.array(flat, dtype=np.uint32),
        }

    @classmethod
    def from_arrays(cls, file: ArrayFile, name: str) -> _StoredPostings:
        stored, arrays = cls(), file.arrays
        stored._terms = file.strings[f"{name}.terms"]
        stored.numbers = {term: n for n, term in enumerate(stored._terms)}
        stored._indptr = arrays[f"{name}.indptr"]
        stored.sizes = np.diff(stored._indptr).tolist()
        stored._documents = arrays[f"{name}.documents"]
        stored._frequencies = arrays[f"{name}.frequencies"]
        stored._document_indptr = arrays[f"{name}.document_indptr"]
        stored._document_terms = arrays[f"{name}.document_terms"]
        return stored


def _indptr(sizes: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)


class InvertedIndex:
    """Postings of documents numbered 0, 1, 2, … in the order in which they are added.

    A removed document keeps its number, but counts in no statistic.

    Attributes:
        n_documents: how many documents count.
        n_numbers: how many numbers were assigned, those of removed documents included.

    Example:
        >>> index = InvertedIndex()
        >>> index.add(["tea", "garden", "tea"])
        0
        >>> [values.tolist() for values in index.postings("tea")]
        [[0], [2]]
    """

    def __init__(self) -> None:
        self.n_documents = 0
        self.n_numbers = 0
        # Terms whose postings changed since the rest was read from a file.
        self._documents: dict[str, array[int]] = {}
        self._frequencies: dict[str, array[int]] = {}
        self._terms: dict[int, tuple[str, ...]] = {}
        self._stored = _StoredPostings()
        self._lengths = np.zeros(64)
        self._n_terms = 0

    def __len__(self) -> int:
        return self.n_documents

    def add(self, terms: Sequence[str]) -> int:
        """Add a document and return its number."""
        number = self.n_numbers
        if number == len(self._lengths):
            self._lengths = np.concatenate([self._lengths, np.zeros(max(number, 64))])
        counts = Counter(terms)
        for term, count in counts.items():
            if term not in self._documents:
                self._load(term)
            self._documents[term].append(number)
            self._frequencies[term].append(count)
        self._terms[number] = tuple(counts)
        self._lengths[number] = len(terms)
        self._n_terms += len(terms)
        self.n_numbers += 1
        self.n_documents += 1
        return number

    def remove(self, number: int) -> None:
        """Remove a document."""
        for term in self.terms(number):
            if term not in self._documents:
                self._load(term)
            place = self._documents[term].index(number)
            del self._documents[term][place], self._frequencies[term][place]
        self._terms[number] = ()
        self._n_terms -= int(self._lengths[number])
        self._lengths[number] = 0
        self.n_documents -= 1

    def _load(self, term: str) -> None:
        """Make the postings of a term changeable."""
        documents, frequencies = (
            self._stored.postings(term) if self._stored.numbers else _NO_POSTINGS
        )
        self._documents[term] = array("I", documents.tobytes())
        self._frequencies[term] = array("I", frequencies.tobytes())

    def terms(self, number: int) -> tuple[str, ...]:
        """Return the distinct terms of a document."""
        terms = self._terms.get(number)
        return self._stored.terms(number) if terms is None else terms

    def document_frequency(self, term: str) -> int:
        """Return how many documents contain a term."""
        changed = self._documents.get(term)
        return self._stored.document_frequency(term) if changed is None else len(changed)

    def document_frequencies(self, terms: Iterable[str]) -> Floats:
        """Return how many documents contain each term, shape (terms,)."""
        changed, numbers, sizes = self._documents, self._stored.numbers, self._stored.sizes
        frequencies = []
        for term in terms:
            documents = changed.get(term)
            if documents is not None:
                frequencies.append(len(documents))
            else:
                number = numbers.get(term)
                frequencies.append(0 if number is None else sizes[number])
        return np.array(frequencies, dtype=np.float64)

    def lengths(self) -> Floats:
        """Return the number of terms of every document, a view of shape (n_numbers,)."""
        return self._lengths[: self.n_numbers]

    def mean_length(self) -> float:
        """Return the mean number of terms of the documents that count."""
        return self._n_terms / max(self.n_documents, 1)

    def postings(self, term: str) -> Postings:
        """Return the documents that contain a term, and how often each does."""
        return self.lookup((term,))[term]

    def lookup(self, terms: Iterable[str]) -> dict[str, Postings]:
        """Return the postings of each distinct term, in order."""
        postings: dict[str, Postings] = {}
        for term in terms:
            changed = self._documents.get(term)
            if changed is not None:
                # Copied: an array whose buffer is borrowed cannot grow.
                frequencies = self._frequencies[term]
                postings[term] = (
                    np.array(changed, dtype=np.uint32),
                    np.array(frequencies, dtype=np.uint32),
                )
            elif self._stored.numbers:
                postings[term] = self._stored.postings(term)
            else:
                postings[term] = _NO_POSTINGS
        return postings

    def to_arrays(self, into: ArrayFile, name: str) -> None:
        """Add the postings to a file."""
        known = self.lookup(sorted({*self._stored.numbers, *self._documents}))
        postings = [(term, *pair) for term, pair in known.items() if len(pair[0])]
        terms = [self.terms(number) for number in range(self.n_numbers)]
        _StoredPostings.to_arrays(into, name, postings, terms)
        into.arrays[f"{name}.lengths"] = self.lengths()

    @classmethod
    def from_arrays(cls, file: ArrayFile, name: str, n_documents: int) -> InvertedIndex:
        """Return the index that `to_arrays` was called on.

        Args:
            n_documents: how many documents count.
        """
        index = cls()
        index._stored = _StoredPostings.from_arrays(file, name)
        index._lengths = np.array(file.arrays[f"{name}.lengths"])
        index.n_numbers, index.n_documents = len(index._lengths), n_documents
        index._n_terms = int(index._lengths.sum())
        return index


_NO_POSTINGS: Postings = (_EMPTY, _EMPTY)

"""The lexical channel: an incremental inverted index, and BM25 over turns, windows and sessions."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import Stemmer
from numpy.typing import NDArray

from ._frozen import Frozen
from ._postings import KeptPostings

__all__ = [
    "InvertedIndex",
    "Lookup",
    "Places",
    "bm25",
    "idf",
    "reached",
    "stems_of",
    "tokenize",
    "words_in",
]

Floats = NDArray[np.float64]

# BM25 of short, alike turns: little saturation, little normalisation by length.
TURN_K1, TURN_B = 0.9, 0.4

REACHED = 10_000

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_APOSTROPHE = re.compile(r"['\u2019]")
# Written without spaces, so every pair of neighbouring characters is taken as a word.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af\u0e00-\u0e7f]")
_STOP_WORDS = frozenset(
    "a an the and or but if of to in on at by for with from as is are was were be been being am "  # noqa: SIM905
    "do does did done doing have has had having it its this that these those there here i me my "
    "mine you your yours he him his she her hers they them their theirs we us our ours what which "
    "who whom whose when where why how will would can could shall should may might must not no so "
    "than then too very just about into over up down out off s t re ve ll d m don".split()
)


@lru_cache(maxsize=1)
def _stemmer() -> Stemmer.Stemmer:
    # It would keep the words that it has seen, for as long as the process lives.
    return Stemmer.Stemmer("english", 0)


def words_in(text: str) -> list[str]:
    """Return the words of a text that carry meaning as they are written, in lower case."""
    words: list[str] = []
    for word in _WORD.findall(text.lower()):
        if _UNSPACED.search(word):
            words.extend(word[i : i + 2] for i in range(max(len(word) - 1, 1)))
            continue
        # What follows an apostrophe is an ending: "Biscuit's" and "I'm" are "Biscuit" and "I".
        bare = _APOSTROPHE.split(word)[0]
        if bare not in _STOP_WORDS:
            words.append(bare)
    return words


def stems_of(words: Sequence[str]) -> list[str]:
    """Return the stem of each word (Snowball English)."""
    stems: list[str] = _stemmer().stemWords(list(words))
    return stems


def tokenize(text: str) -> list[str]:
    """Return the stems of the words of a text that carry meaning, in order."""
    return stems_of(words_in(text))


class InvertedIndex:
    """Postings of documents numbered 0, 1, 2, … in the order in which they are added.

    A removed document keeps its number but counts in no statistic.
    """

    def __init__(self) -> None:
        # What was added or changed since the rest was read from a file.
        self._documents: dict[str, array[int]] = {}
        self._frequencies: dict[str, array[int]] = {}
        self._terms: dict[int, tuple[str, ...]] = {}
        self._kept = KeptPostings()
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

    def freeze(self, into: Frozen, name: str) -> None:
        """Write down everything."""
        known = sorted({*self._kept.number, *self._documents})
        held = [(term, *self.postings(term)) for term in known if self.holding(term)]
        KeptPostings.freeze(into, name, held, [self.terms(n) for n in range(self._given)])
        into.arrays[f"{name}.lengths"] = self.lengths()

    @classmethod
    def thaw(cls, frozen: Frozen, name: str, alive: int) -> InvertedIndex:
        """Take over what was written down.

        Args:
            alive: how many documents count.
        """
        index = cls()
        index._kept = KeptPostings.thaw(frozen, name)
        index._lengths = np.array(frozen.arrays[f"{name}.lengths"])
        index._given, index._alive = len(index._lengths), alive
        index._words = int(index._lengths.sum())
        return index


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


class Lookup:
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

    def scores(self, k1: float, b: float) -> tuple[NDArray[np.intp], Floats]:
        """Return the documents that hold any of the terms, see `reached`, and their BM25."""
        rows = reached([holders for holders, _ in self._postings], len(self._lengths))
        places, found = Places(rows, len(self._lengths)), np.zeros((len(self.terms), len(rows)))
        for i, (holders, counts) in enumerate(self._postings):
            at = places.at(holders)
            held = at >= 0
            found[i, at[held]] = counts[held]
        return rows, bm25(found, self._lengths[rows], self.mean, self.idf, k1, b)


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

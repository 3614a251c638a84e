"""The lexical channel: an incremental inverted index with BM25 over stemmed words."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import Stemmer
from numpy.typing import NDArray

__all__ = ["InvertedIndex", "tokenize"]

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
# Written without spaces, so every pair of neighbouring characters is taken as a word.
_UNSPACED = re.compile(r"[぀-ヿ㐀-鿿豈-﫿가-힯]+")
_STOP_WORDS = frozenset(
    "a about am an and any are as at be been being but by can could did do does doing for from "
    "had has have having he her hers him his how i if in into is it its itself me my of on or "
    "our ours she so some such than that the their theirs them then there these they this those "
    "to too us was we were what when where which while who whom whose why will with would you "
    "your yours i'm i've i'd i'll it's that's what's you're don't didn't s t".split()
)


@lru_cache(maxsize=1)
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


def tokenize(text: str) -> list[str]:
    """Return the stems of the words of a text that carry meaning, in order (Snowball English)."""
    words: list[str] = []
    for word in _WORD.findall(text.lower().replace("\u2019", "'")):
        if _UNSPACED.match(word):
            words.extend(word[i : i + 2] for i in range(max(len(word) - 1, 1)))
        elif word not in _STOP_WORDS:
            words.append(word.removesuffix("'s"))
    stems: list[str] = _stemmer().stemWords(words)
    return stems


class InvertedIndex:
    """Postings of documents numbered 0, 1, 2, … in the order in which they are added."""

    def __init__(self) -> None:
        self._documents: dict[str, array[int]] = {}
        self._frequencies: dict[str, array[int]] = {}
        self._lengths = array("I")
        self._dead: set[int] = set()

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, text: str) -> int:
        """Add a document and return its number."""
        number = len(self._lengths)
        terms = tokenize(text)
        for term, count in Counter(terms).items():
            self._documents.setdefault(term, array("I")).append(number)
            self._frequencies.setdefault(term, array("I")).append(count)
        self._lengths.append(len(terms))
        return number

    def remove(self, number: int) -> None:
        """Take a document out of all statistics; its number is not used again."""
        self._dead.add(number)

    def bm25(self, terms: Iterable[str], k1: float = 1.2, b: float = 0.75) -> NDArray[np.float32]:
        """Score every document: BM25 with the non-negative idf of Lucene, ln(1 + (N-n+.5)/(n+.5)).

        Returns:
            float32 of shape (documents,); 0 for documents without any of the terms.
        """
        scores = np.zeros(len(self._lengths), dtype=np.float32)
        if not len(scores):
            return scores
        lengths = np.array(self._lengths, dtype=np.float32)
        mean = max(float(lengths.mean()), 1.0)
        for term in set(terms):
            rows, tf = self.postings(term)
            if len(rows):
                norm = k1 * (1 - b + b * lengths[rows] / mean)
                scores[rows] += self.idf(term) * tf * (k1 + 1) / (tf + norm)
        if self._dead:
            scores[list(self._dead)] = 0
        return scores

    def postings(self, term: str) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return the numbers of the documents that hold a term, and how often each does."""
        rows = np.array(self._documents.get(term, ()), dtype=np.intp)
        return rows, np.array(self._frequencies.get(term, ()), dtype=np.float32)

    def idf(self, term: str) -> float:
        """Return the inverse document frequency of a term; largest for one never seen."""
        n = len(self._documents.get(term, ()))
        return math.log(1 + (len(self._lengths) - n + 0.5) / (n + 0.5))

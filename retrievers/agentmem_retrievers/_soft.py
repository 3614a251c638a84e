"""Soft lexical matching: a word of the question also matches the scope's words that are like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ._lexical import InvertedIndex, idf, reached
from ._vocabulary import Kin

__all__ = ["SoftLookup"]

Floats = NDArray[np.float64]


class SoftLookup:
    """How well each document takes up each asked word, by that word or by one of its kin.

    A document's match is the best of its words': the idf of what stands there, times the squared
    cosine to what was asked; after the generalised translation language model (Ganguly et al.,
    SIGIR 2015), with the best translation in place of the sum.

    Attributes:
        rows: the documents that match, ascending; see `reached`.
        best: shape (asked words, rows).
        others: the same without the asked word itself.
        covered: the same as `best`, a match counting no more than the asked word's idf.
        idf: of the asked words, shape (asked words,).
    """

    def __init__(self, index: InvertedIndex, asked: Mapping[str, Sequence[Kin]]) -> None:
        """Match.

        Args:
            asked: the stems asked for, each with its kin.
        """
        self.idf = np.array([self._idf(index, stem) for stem in asked])
        words = [{**dict(kin), stem: 1.0} for stem, kin in asked.items()]
        self._postings = {t: index.postings(t)[0] for held in words for t in held}
        self.rows = reached(list(self._postings.values()))
        # Of the kind that postings are, so that these are not converted to be compared.
        self._wanted = self.rows.astype(np.uint32)
        shape = (len(asked), len(self.rows))
        self.best, self.others, self.covered = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for i, stem in enumerate(asked):
            for other, alike in words[i].items():
                self._match(i, other, alike, self._idf(index, other), own=other == stem)

    @staticmethod
    def _idf(index: InvertedIndex, stem: str) -> float:
        return float(idf(len(index), float(index.holding(stem))))

    def at(self, values: Floats, rows: NDArray[np.intp]) -> Floats:
        """The values of documents, along the last axis; 0 where nothing matches."""
        if not len(self.rows):
            return np.zeros((*values.shape[:-1], *rows.shape))
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.asarray(np.where(self.rows[places] == rows, values[..., places], 0.0))

    def _match(self, i: int, other: str, alike: float, rarity: float, *, own: bool) -> None:
        places = self._places(self._postings[other])
        match = alike**2 * rarity
        covered = alike**2 * min(rarity, self.idf[i])
        self.best[i, places] = np.maximum(self.best[i, places], match)
        self.covered[i, places] = np.maximum(self.covered[i, places], covered)
        if not own:
            self.others[i, places] = np.maximum(self.others[i, places], match)

    def _places(self, holders: NDArray[np.uint32]) -> NDArray[np.intp]:
        """Where documents are among the rows, those of them that are; the fewer are looked up."""
        rows = self._wanted
        if len(holders) > len(rows):
            places = np.minimum(np.searchsorted(holders, rows), len(holders) - 1)
            return np.flatnonzero(holders[places] == rows)
        places = np.minimum(np.searchsorted(rows, holders), max(len(rows) - 1, 0))
        return places[rows[places] == holders] if len(rows) else places[:0]

"""Soft lexical matching: a word of the question also matches the scope's words that are like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ._lexical import InvertedIndex, idf
from ._vocabulary import Kin

__all__ = ["SoftLookup"]

Floats = NDArray[np.float64]


class SoftLookup:
    """How well each document takes up each asked word, by that word or by one of its kin.

    A document's match is the best of its words': the idf of what stands there, times the squared
    cosine to what was asked; after the generalised translation language model (Ganguly et al.,
    SIGIR 2015), with the best translation in place of the sum.

    Attributes:
        best: shape (asked words, documents).
        others: the same without the asked word itself.
        covered: the same as `best`, a match counting no more than the asked word's idf.
        idf: of the asked words, shape (asked words,).
    """

    def __init__(self, index: InvertedIndex, asked: Mapping[str, Sequence[Kin]]) -> None:
        """Match.

        Args:
            asked: the stems asked for, each with its kin.
        """
        shape = (len(asked), index.given)
        self.best, self.others, self.covered = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.idf = np.array([self._idf(index, stem) for stem in asked])
        for i, (stem, kin) in enumerate(asked.items()):
            self._match(index, i, stem, dict(kin))

    @staticmethod
    def _idf(index: InvertedIndex, stem: str) -> float:
        return float(idf(len(index), float(index.holding(stem))))

    def _match(self, index: InvertedIndex, i: int, stem: str, kin: dict[str, float]) -> None:
        for other, alike in {**kin, stem: 1.0}.items():
            rows, _ = index.postings(other)
            if not len(rows):
                continue
            rarity = self._idf(index, other)
            match = alike**2 * rarity
            np.maximum.at(self.best[i], rows, match)
            np.maximum.at(self.covered[i], rows, alike**2 * min(rarity, self.idf[i]))
            if other != stem:
                np.maximum.at(self.others[i], rows, match)

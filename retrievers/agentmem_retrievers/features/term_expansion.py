"""Soft lexical matching: a word of the question also matches the scope's words that are like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.features.term_stats import Places, idf, reached
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.index.vocabulary import SimilarTerm

__all__ = ["TermExpansion"]

Floats = NDArray[np.float64]


class TermExpansion:
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

    def __init__(self, index: InvertedIndex, asked: Mapping[str, Sequence[SimilarTerm]]) -> None:
        """Match.

        Args:
            asked: the stems asked for, each with its kin.
        """
        self.idf = np.array([self._idf(index, stem) for stem in asked])
        words = [{**dict(similar_terms), stem: 1.0} for stem, similar_terms in asked.items()]
        postings = {t: index.postings(t)[0] for held in words for t in held}
        self.rows = reached(list(postings.values()), index.given)
        self._places = places = Places(self.rows, index.given)
        held = {term: places.of(holders) for term, holders in postings.items()}
        rarity = {term: self._idf(index, term) for term in held}
        shape = (len(asked), len(self.rows))
        self.best, self.others, self.covered = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for i, (stem, alike) in enumerate(zip(asked, words, strict=True)):
            match = {t: cosine**2 * rarity[t] for t, cosine in alike.items()}
            covered = {t: cosine**2 * min(rarity[t], self.idf[i]) for t, cosine in alike.items()}
            _raise(self.best[i], match, held)
            _raise(self.covered[i], covered, held)
            _raise(self.others[i], {t: m for t, m in match.items() if t != stem}, held)

    @staticmethod
    def _idf(index: InvertedIndex, stem: str) -> float:
        return float(idf(len(index), float(index.holding(stem))))

    def at(self, values: Floats, rows: NDArray[np.intp]) -> Floats:
        """The values of documents, along the last axis; 0 where nothing matches."""
        if not len(self.rows):
            return np.zeros((*values.shape[:-1], *rows.shape))
        places = self._places.at(rows)
        return np.asarray(np.where(places >= 0, values[..., places], 0.0))


def _raise(
    matches: Floats, match: Mapping[str, float], held: Mapping[str, NDArray[np.int32]]
) -> None:
    """Set documents to the greatest match of the words that they hold."""
    # In ascending order: of what is set several times, the last stays.
    terms = sorted(match, key=lambda term: match[term])
    if terms:
        counts = [len(held[term]) for term in terms]
        places = np.concatenate([held[term] for term in terms])
        matches[places] = np.repeat([match[term] for term in terms], counts)

"""Query expansion: the words of what was found say which others to look for."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.features.term_stats import idf
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.index.table import Rows

__all__ = ["expanded"]

Floats = NDArray[np.float64]

FOUND = 10
ADDED = 15


def expanded(words: InvertedIndex, rows: Rows, behind: Floats, asked: Collection[str]) -> Floats:
    """How much each candidate holds of the words that stand in the best of them.

    Relevance model RM1 (Lavrenko and Croft 2001, eq. 4) over the best ten, its terms weighed by
    their idf and without those of the question, so that it adds to what has been asked.

    Args:
        rows: candidates.
        behind: their scores, less the best one's; shape (candidates,).
        asked: the stems of the question.

    Returns:
        Shape (candidates,).
    """
    share = np.exp(behind / 2)
    best = np.argsort(-behind, kind="stable")[:FOUND]
    told: dict[str, float] = {}
    for place in best:
        terms = words.terms(int(rows[place]))
        for term in terms:
            told[term] = told.get(term, 0.0) + float(share[place]) / len(terms)
    rarities = idf(len(words), np.array([float(words.holding(t)) for t in told]))
    rarity = dict(zip(told, rarities.tolist(), strict=True))
    weights = {t: told[t] * rarity[t] ** 2 for t in told if t not in asked}
    kept = sorted(weights, key=lambda t: (-weights[t], t))[:ADDED]
    norm = max(float(np.linalg.norm([weights[t] for t in kept])), 1e-9)
    gain = {t: weights[t] / norm * rarity[t] for t in kept}
    return np.array([sum(gain.get(t, 0.0) for t in words.terms(int(row))) for row in rows])

"""The ranking of turns: pseudo relevance feedback."""

from __future__ import annotations

import numpy as np
import pytest

from agentmem_retrievers.features.turn import rm1_scores
from agentmem_retrievers.index.inverted_index import InvertedIndex


def index_of(*documents: list[str]) -> InvertedIndex:
    index = InvertedIndex()
    for document in documents:
        index.add(document)
    return index


def test_terms_of_the_best_candidates_score_others() -> None:
    index = index_of(["dog", "beagl"], ["beagl", "bone"], ["car", "road"], ["dog", "road"])
    rows = np.arange(4)
    gain = rm1_scores(index, rows, np.array([0.0, -8.0, -8.0, -8.0]), {"dog"})
    assert gain[1] > gain[2]
    assert gain[1] > gain[3]


def test_documents_without_terms_score_zero() -> None:
    index = index_of([], [])
    assert rm1_scores(index, np.arange(2), np.zeros(2), set()) == pytest.approx([0, 0])

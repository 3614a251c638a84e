"""The ranking of turns: pseudo relevance feedback, and which features are computed."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from agentmem import InMemoryStore, MemoryController, Scope
from agentmem_retrievers.engine import Query
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


@pytest.mark.parametrize("speakers", [[None, None], ["Ada", "Ben"]])
def test_features_without_weights_change_nothing(
    embeddings: Embeddings, speakers: list[str | None]
) -> None:
    """A user and an assistant are ranked by fewer features than speakers with names."""
    scope, texts = Scope("ada"), ["I adopted a beagle.", "My sister lives in Porto.", "I bake."]
    messages = [
        {"role": "user", "content": text, "name": speakers[i % 2]} for i, text in enumerate(texts)
    ]
    with MemoryController(InMemoryStore(), scope=scope, embeddings=embeddings) as memory:
        memory.add(messages, session_id="s1")
        embedder = memory.services.embedder
        query = Query(
            "Where does my sister live?",
            embedder.query,
            datetime(2026, 1, 5, tzinfo=UTC),
            query_tokens=embedder.query_tokens,
        )
        ranking = memory.services.engine.ranking(scope, query)
        rows, used = ranking.first_stage()
        _, every = ranking.first_stage(complete=True)
        assert set(used) >= set(ranking.weights.first)
        assert len(used) == len(every) if speakers[0] else len(used) < len(every)
        assert ranking.rank(rows, used).scores.tolist() == ranking.rank(rows, every).scores.tolist()

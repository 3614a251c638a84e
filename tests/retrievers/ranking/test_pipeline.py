"""The ranking of turns: nearest turns, relevance feedback, and which features are computed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from agentmem import InMemoryStore, MemoryController, Scope
from agentmem_retrievers.engine import Query
from agentmem_retrievers.features.turn import rm1_scores
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.index.table import Table, VisibilityMask
from agentmem_retrievers.ranking.pipeline import nearest_turns
from agentmem_stores import Granularity, Memory, State, Vectors

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def index_of(*documents: list[str]) -> InvertedIndex:
    index = InvertedIndex()
    for document in documents:
        index.add(document)
    return index


def turns_at_random(n_turns: int, n_archived: int) -> tuple[Table, Vectors]:
    """Return a table of a turn an hour, the first of them archived, and their vectors."""
    vectors = np.random.default_rng(0).normal(size=(n_turns, 100)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    table = Table(vectors.shape[1])
    turn = Memory("m", Scope("ada"), Granularity.TURN, "Tea.", "s", NOW, NOW)
    for n, vector in enumerate(vectors):
        state = State.ARCHIVED if n < n_archived else State.ACTIVE
        said_at = NOW + timedelta(hours=n)
        table.put(replace(turn, id=f"m{n}", said_at=said_at, state=state), 0, vector)
    return table, vectors


def share_found(mask: VisibilityMask, vectors: Vectors, n: int) -> float:
    """Return which share of the nearest visible turns is found, for the first 20 vectors."""
    visible = np.flatnonzero(mask.at())
    shares = []
    for vector in vectors[:20]:
        nearest = visible[np.argsort(-(vectors[visible] @ vector))[:n]]
        found = nearest_turns(mask, vector, n)
        assert len(found.rows) == min(n, len(visible))
        np.testing.assert_allclose(found.similarities, vectors[found.rows] @ vector, atol=5e-3)
        shares.append(len(np.intersect1d(nearest, found.rows)) / len(nearest))
    return float(np.mean(shares))


def test_nearest_turns_are_chosen_among_those_that_may_be_found() -> None:
    """Turns that are archived or later take no place; as few as are compared are all compared."""
    table, vectors = turns_at_random(1500, n_archived=1300)
    # Vectors drawn at random are the hardest case for sign codes.
    assert share_found(VisibilityMask(table, None, include_archived=True), vectors, 20) > 0.6
    early = VisibilityMask(table, NOW + timedelta(hours=199), include_archived=True)
    for mask in (VisibilityMask(table, None), early):
        # All are compared; vectors in 8 bits change which is the last.
        assert share_found(mask, vectors, 35) > 0.98
        assert share_found(mask, vectors, 5000) == 1.0
    assert not len(nearest_turns(VisibilityMask(Table(100), None), vectors[0], 5).rows)


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
            NOW,
            query_tokens=embedder.query_tokens,
        )
        ranking = memory.services.engine.ranking(scope, query)
        rows, used = ranking.first_stage()
        _, every = ranking.first_stage(complete=True)
        assert set(used) >= set(ranking.weights.first)
        assert len(used) == len(every) if speakers[0] else len(used) < len(every)
        assert ranking.rank(rows, used).scores.tolist() == ranking.rank(rows, every).scores.tolist()

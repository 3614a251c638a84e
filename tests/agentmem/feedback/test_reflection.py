"""Learning from citations: its effect on the ranking, its bounds, and its reset."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import Granularity, InMemoryStore, MemoryController, MemoryNotFoundError, Scope
from agentmem.feedback.reflection import MAX_CITATIONS
from agentmem_retrievers import SearchResult

ADA, BEN = Scope("ada"), Scope("ben")
TEXTS = [
    "The red kettle in the kitchen whistles when the water boils.",
    "I keep the good tea in the blue tin above the stove.",
    "Grandmother's teapot broke, so I bought a new one in Delft.",
    "We drank tea on the balcony and talked about the holidays.",
    "The tea house by the river closes on Mondays.",
    "My favourite tea is a smoky lapsang souchong.",
]
QUERIES = [
    "Where do I keep my tea?",
    "In which place is the tea kept?",
    "Where can I find the good tea?",
    "Where is the tea stored in my kitchen?",
]


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(), scope=ADA, embeddings=embeddings, rng=random.Random(1), linger=None
    ) as controller:
        controller.add(TEXTS, session_id="s")
        yield controller


def find(memory: MemoryController, question: str) -> SearchResult:
    return memory.search(question, k=6, reinforce=False, explain=True)


def cite(memory: MemoryController, question: str, text: str) -> None:
    hits = find(memory, question)
    memory.feedback(hits, cited=[h.memory.id for h in hits if h.memory.text == text])


def gap(result: SearchResult, text: str) -> float:
    """Return how far the score of a memory is above the best other."""
    mine = next(h.score for h in result if h.memory.text == text)
    return mine - max(h.score for h in result if h.memory.text != text)


class TestRanking:
    def test_cited_memories_rank_higher_for_similar_queries(self, memory: MemoryController) -> None:
        before = gap(find(memory, QUERIES[-1]), TEXTS[1])
        for question in QUERIES[:-1]:
            cite(memory, question, TEXTS[1])
        after = find(memory, QUERIES[-1])
        assert gap(after, TEXTS[1]) > before + 0.3
        assert after[0].contributions["learned"] == pytest.approx(after[0].learned)
        assert memory.learned().citations == 3
        assert 0 < memory.learned().trust <= 1

    def test_random_citations_are_not_trusted(self, memory: MemoryController) -> None:
        chance = random.Random(0)
        for n in range(24):
            hits = find(memory, f"{QUERIES[n % 4]} ({n})")
            memory.feedback(hits, cited=[chance.choice(hits).memory.id])
        assert memory.learned().trust < 0.35

    def test_only_shown_hits_count(self, memory: MemoryController) -> None:
        hits = find(memory, QUERIES[0])
        seen = [h.memory.id for h in hits][:2]
        memory.feedback(hits, cited=seen[:1], shown=seen)
        [citation] = memory.get_all(granularity=Granularity.CITATION)
        assert set(citation.sources) == set(seen)

    def test_empty_citation_is_not_stored(self, memory: MemoryController) -> None:
        memory.feedback(find(memory, QUERIES[0]), cited=[])
        assert memory.learned().citations == 0

    def test_unknown_ids_raise(self, memory: MemoryController) -> None:
        hits = find(memory, QUERIES[0])
        with pytest.raises(MemoryNotFoundError, match="stranger"):
            memory.feedback(hits, cited=["stranger"])
        with pytest.raises(MemoryNotFoundError):
            memory.feedback(hits, cited=[hits[1].memory.id], shown=[hits[0].memory.id])
        assert memory.learned().citations == 0

    def test_oldest_citations_are_dropped_beyond_the_limit(self, memory: MemoryController) -> None:
        hits = find(memory, QUERIES[0])
        for _ in range(MAX_CITATIONS + 3):
            memory.feedback(hits, cited=[hits[0].memory.id])
        assert memory.learned().citations == MAX_CITATIONS

    def test_learned_score_is_bounded(self, memory: MemoryController) -> None:
        for _ in range(60):
            cite(memory, QUERIES[0], TEXTS[1])
        assert all(abs(hit.learned) <= 3.0 for hit in find(memory, QUERIES[0]))


class TestStorage:
    def test_citations_belong_to_their_scope(self, memory: MemoryController) -> None:
        memory.add(TEXTS, session_id="s", scope=BEN)
        cite(memory, QUERIES[0], TEXTS[1])
        result = memory.search(QUERIES[0], scope=BEN, reinforce=False)
        assert memory.learned(scope=BEN).citations == 0
        assert all(hit.learned == 0 for hit in result)

    def test_citations_are_persistent(
        self, memory: MemoryController, embeddings: Embeddings
    ) -> None:
        cite(memory, QUERIES[0], TEXTS[1])
        before = {h.memory.id: h.learned for h in find(memory, QUERIES[1])}
        other = MemoryController(
            memory.services.store, scope=ADA, embeddings=embeddings, linger=None
        )
        after = {h.memory.id: h.learned for h in find(other, QUERIES[1])}
        assert after == pytest.approx(before)
        assert any(after.values())

    def test_reset_restores_the_ranking(self, memory: MemoryController) -> None:
        before = [(h.memory.id, h.score) for h in find(memory, QUERIES[1])]
        for question in QUERIES:
            cite(memory, question, TEXTS[1])
        assert memory.reset_learning() == 4
        after = find(memory, QUERIES[1])
        assert [h.memory.id for h in after] == [i for i, _ in before]
        assert all(h.learned == 0 for h in after)

    def test_citations_are_exported(
        self, memory: MemoryController, embeddings: Embeddings, tmp_path: Path
    ) -> None:
        for question in QUERIES:
            cite(memory, question, TEXTS[1])
        memory.export(tmp_path / "all.jsonl")
        with MemoryController(
            InMemoryStore(), scope=BEN, embeddings=embeddings, linger=None
        ) as other:
            other.import_(tmp_path / "all.jsonl")
            assert other.learned() == memory.learned()
            assert [h.learned for h in find(other, QUERIES[1])] == pytest.approx(
                [h.learned for h in find(memory, QUERIES[1])], abs=1e-3
            )

    def test_citation_does_not_contain_the_query_text(
        self, memory: MemoryController, tmp_path: Path
    ) -> None:
        cite(memory, QUERIES[0], TEXTS[1])
        memory.export(tmp_path / "all.jsonl")
        records = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
        [citation] = [record for record in records if record.get("granularity") == "citation"]
        assert citation["text"] == "citation"
        assert "tea" not in json.dumps(citation["metadata"]["scores"])

    def test_citation_is_deleted_with_one_of_its_turns(self, memory: MemoryController) -> None:
        cite(memory, QUERIES[0], TEXTS[1])
        other_hit = next(h.memory for h in find(memory, QUERIES[0]) if h.memory.text != TEXTS[1])
        memory.delete(other_hit.id)
        assert memory.learned().citations == 0
        assert memory.check().ok

    def test_citations_are_not_listed_among_memories(self, memory: MemoryController) -> None:
        cite(memory, QUERIES[0], TEXTS[1])
        assert {m.granularity for m in memory.get_all()} == {Granularity.TURN}
        assert len(memory.get_all(granularity=Granularity.CITATION)) == 1


def test_reinforce_strengthens_only_shown_hits(memory: MemoryController) -> None:
    hits = find(memory, QUERIES[0])
    memory.reinforce(hits, shown=[hits[0].memory.id])
    assert [memory.get(h.memory.id).recall_count for h in hits[:2]] == [1, 0]

"""Recognition, questions asked together, and recall from the last turns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import (
    EmptyTextError,
    InMemoryStore,
    InvalidInputError,
    MemoryController,
    Recognition,
    Scope,
)
from agentmem.evaluation.documents import haystacks, measure_documents
from agentmem.evaluation.recognition import RecognitionScores, paraphrase
from agentmem.testing import ManualClock

TEXTS = [
    "I adopted a beagle called Biscuit last spring.",
    "My sister is getting married in Porto in June.",
    "The dishwasher broke down again this morning.",
    "I run ten kilometres before breakfast.",
]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def memory(embeddings: Embeddings, clock: ManualClock) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(), scope=Scope("ada"), embeddings=embeddings, clock=clock, linger=None
    ) as memory:
        memory.add(TEXTS, session_id="s1")
        yield memory


class TestRecognition:
    def test_exact_near_and_new(self, memory: MemoryController) -> None:
        exact = memory.recognize(TEXTS[0])
        assert (exact.kind, exact.memory and exact.memory.text) == ("exact", TEXTS[0])
        near = memory.recognize("Our dishwasher broke down once more this morning.")
        assert (near.kind, near.memory and near.memory.text) == ("near", TEXTS[2])
        new = memory.recognize("The ferry to Naxos was cancelled because of the storm.")
        assert new.kind == "new"
        assert 1 >= exact.familiarity > near.familiarity >= 0.5 > new.familiarity >= 0

    def test_the_archive_is_recognized_and_nothing_is_strengthened(
        self, memory: MemoryController, clock: ManualClock
    ) -> None:
        clock.advance(days=3650)
        memory.sweep()
        recognition = memory.recognize(TEXTS[1])
        assert recognition.kind == "exact"
        assert recognition.memory is not None
        assert memory.get(recognition.memory.id).recall_count == 0
        assert memory.get(recognition.memory.id).state == "archived"

    def test_is_about_one_owner(self, memory: MemoryController) -> None:
        assert memory.recognize(TEXTS[0], scope=Scope("ben")) == Recognition(0.0, "new", None)  # type: ignore[arg-type]

    def test_deleted_and_replaced_texts_are_new(self, memory: MemoryController) -> None:
        turn = memory.recognize(TEXTS[0]).memory
        assert turn is not None
        memory.update(turn.id, text="I like tea.")
        assert memory.recognize(TEXTS[0]).kind == "new"
        memory.delete(turn.id)
        assert memory.recognize("I like tea.").kind == "new"

    def test_needs_a_text(self, memory: MemoryController) -> None:
        with pytest.raises(EmptyTextError):
            memory.recognize(" ")

    def test_calibration_is_reported(self) -> None:
        import random

        scores = RecognitionScores(
            {0: {"seen": [0.99, 0.99], "paraphrase": [0.9], "unseen": [0.1, 0.2]}},
            {"paraphrase": [0.9], "unseen": [0.1]},
            {0: [True]},
            {0: [False]},
        )
        report = scores.to_json()["0"]
        assert (report["auroc_seen"], report["auroc_paraphrase"]) == (1.0, 1.0)
        assert report["calibration_error"] == pytest.approx(0.5 * (0.02 + 0.1) / 3 + 0.5 * 0.15)
        assert paraphrase("It rained.", random.Random(0)) != "It rained."


class CountingEmbeddings(Embeddings):
    """Counts the passes of a model over questions."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.passes: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.inner.embed_documents(texts)  # type: ignore[no-any-return]

    def embed_query(self, text: str) -> list[float]:
        return self.inner.embed_query(text)  # type: ignore[no-any-return]

    def embed_with_words(self, texts: list[str], *, query: bool = False) -> Any:
        if query:
            self.passes.append(len(texts))
        return self.inner.embed_with_words(texts, query=query)


class TestSearchMany:
    def test_search_many_equals_single_searches(self, embeddings: Embeddings) -> None:
        counting = CountingEmbeddings(embeddings)
        questions = ["What is my dog called?", "Who marries?", "What broke?", "What broke?"]
        with MemoryController(
            InMemoryStore(), scope=Scope("ada"), embeddings=counting, linger=None
        ) as memory:
            memory.add(TEXTS, session_id="s1")
            results = memory.search_many(questions, k=2, reinforce=False)
            assert counting.passes == [3]
            for question, result in zip(questions, results, strict=True):
                alone = memory.search(question, k=2, reinforce=False)
                assert [h.memory.id for h in result] == [h.memory.id for h in alone]
            assert memory.search_many([]) == []
            with pytest.raises(EmptyTextError):
                memory.search_many(["tea", " "])
            with pytest.raises(InvalidInputError, match="queries"):
                memory.search_many("tea")


class TestRecallOfTurns:
    def test_the_last_turns_are_a_cue(self, memory: MemoryController) -> None:
        turns = [
            {"role": "user", "content": "I bought a leash and a bowl today."},
            {"role": "assistant", "content": "For the dog?"},
        ]
        assert "Biscuit" in memory.recall(turns, reinforce=False).text

    def test_without_words_there_is_no_cue(self, memory: MemoryController) -> None:
        with pytest.raises(EmptyTextError):
            memory.recall([])
        with pytest.raises(InvalidInputError, match="query"):
            memory.recall(3)  # type: ignore[arg-type]


def test_a_haystack_is_measured(embeddings: Embeddings) -> None:
    shares = measure_documents(haystacks([2000]), embeddings, budget=600)
    assert set(shares) == {"agentmem", "dense", "bm25", "hybrid"}
    assert all(len(values) == 20 for values in shares.values())
    assert sum(shares["agentmem"]) >= sum(shares["hybrid"])

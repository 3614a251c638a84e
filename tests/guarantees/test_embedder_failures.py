"""An embedder that raises, or returns invalid vectors, during any write."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentmem import Agent, EmbeddingError, Granularity, InMemoryStore, MemoryController, Scope
from agentmem.langchain import AgentMemoryStore, create_manage_memory_tool
from agentmem.testing import ScriptedChatModel
from tests.torture._embedding import DIMENSION, WordEmbeddings

ADA = Scope("ada")

FAILURES: dict[str, Callable[[list[str]], Any]] = {
    "raises": lambda texts: 1 / 0,
    "returns nothing": lambda texts: None,
    "returns too few": lambda texts: [[1.0] * DIMENSION] * (len(texts) - 1),
    "returns another shape": lambda texts: [[1.0] * (DIMENSION - 1)] * len(texts),
    "returns ragged rows": lambda texts: [[1.0] * (n + 1) for n in range(len(texts) + 1)],
    "returns nan": lambda texts: [[float("nan")] * DIMENSION] * len(texts),
    "returns infinity": lambda texts: [[1.0] * (DIMENSION - 1) + [float("inf")]] * len(texts),
    "returns zeros": lambda texts: [[0.0] * DIMENSION] * len(texts),
    "returns words": lambda texts: [["a"] * DIMENSION] * len(texts),
}


class Failing(WordEmbeddings):
    """Works until `failure` is set."""

    failure: Callable[[list[str]], Any] | None = None

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if self.failure is None:
            return super().embed_documents(texts)
        vectors: list[list[float]] = self.failure(texts)
        return vectors

    def embed_query(self, text: str) -> list[float]:
        if self.failure is None:
            return super().embed_query(text)
        vectors: list[list[float]] = self.failure([text])
        return vectors[0]


@pytest.fixture
def embedder() -> Failing:
    return Failing()


@pytest.fixture
def memory(embedder: Failing) -> Iterator[MemoryController]:
    store = InMemoryStore(WordEmbeddings.spec)
    with MemoryController(
        store, scope=ADA, embeddings=embedder, rng=random.Random(1), linger=None
    ) as controller:
        controller.add(["the boat is red", "the car is blue"], session_id="a")
        controller.end_session("a")
        controller.add("my dog is called Biscuit", session_id="b")
        yield controller
        embedder.failure = None


def everything(memory: MemoryController) -> list[tuple[str, str, str]]:
    return sorted((m.id, m.granularity, m.text) for m in memory.get_all(limit=None))


@pytest.mark.parametrize("how", FAILURES)
def test_embedder_failures_write_nothing_and_raise_a_typed_error(
    memory: MemoryController, embedder: Failing, how: str, tmp_path: Path
) -> None:
    before = everything(memory)
    [boat, *_] = memory.get_all(granularity=Granularity.TURN)
    memory.export(tmp_path / "all.jsonl")
    items, note = AgentMemoryStore(memory), create_manage_memory_tool(memory)
    ben = Scope("ben")
    calls: list[Callable[[], object]] = [
        lambda: memory.add("the house is green", session_id="b"),
        lambda: memory.add_many({"c": ["the house is green"], "d": ["and the sea"]}),
        lambda: memory.end_session("b"),
        lambda: memory.update(boat.id, text="the boat is white"),
        lambda: memory.add_plan("paint the boat", ["sand it"]),
        lambda: memory.import_(tmp_path / "all.jsonl", scope=ben),
        lambda: items.put(("notes",), "key", {"text": "tide at noon"}),
        lambda: note.invoke({"action": "create", "content": "likes boats"}),
        lambda: memory.search("an unheard question"),
        lambda: Agent(ScriptedChatModel(["Hello."]), memory).invoke("Where is my boat?"),
    ]
    embedder.failure = FAILURES[how]
    for call in calls:
        with pytest.raises(EmbeddingError, match="Failing"):
            call()
        assert everything(memory) == before
        assert memory.get_all(limit=None, scope=ben) == []
    embedder.failure = None
    assert memory.check().ok
    memory.add("the house is green", session_id="b")
    assert memory.search("house green", k=1)[0].memory.text == "the house is green"


def test_a_write_stays_when_its_session_cannot_be_summarized(
    memory: MemoryController, embedder: Failing, caplog: pytest.LogCaptureFixture
) -> None:
    """A call that has stored or deleted something succeeds; a later one writes the summary."""
    boat, car, dog = memory.get_all(granularity=Granularity.TURN)
    embedder.failure = FAILURES["raises"]
    assert memory.delete(boat.id).rewritten == ()
    assert "could not be summarized yet" in caplog.text
    texts = [text for _, _, text in everything(memory)]
    assert not [text for text in texts if "boat" in text]
    embedder.failure = lambda texts: (
        WordEmbeddings().embed_documents(texts) if texts == ["the sea is deep"] else 1 / 0
    )
    [sea] = memory.add("the sea is deep", session_id="c")
    embedder.failure = None
    memory.add("and cold", session_id="c")
    summaries = memory.get_all(limit=None, granularity=Granularity.SUMMARY)
    assert {m.session_id: set(m.sources) for m in summaries} == {"a": {car.id}, "b": {dog.id}}
    assert memory.get(sea.id).text == "the sea is deep"
    assert memory.check().ok

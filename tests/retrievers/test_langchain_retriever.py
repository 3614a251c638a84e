"""The retriever is one like any other: LangChain's own tests, chains, tools and ensembles."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough
from langchain_core.tools import create_retriever_tool

from agentmem import InMemoryStore, MemoryController, MemoryRetriever, Scope
from agentmem.testing import ManualClock, ScriptedChatModel

ADA, BEN = Scope("ada"), Scope("ben")
SAID_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
TEXTS = [
    "I adopted a beagle called Biscuit.",
    "I moved to Lisbon last spring.",
    "My sister plays the cello.",
    "I am allergic to walnuts.",
]


@pytest.fixture(scope="module")
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(), scope=ADA, embeddings=embeddings, clock=ManualClock(SAID_AT)
    ) as controller:
        controller.add(TEXTS, session_id="s", metadata={"source": "chat", "score": "mine"})
        controller.add("Ben's dog is called Waffles.", session_id="s", scope=BEN)
        yield controller


def test_documents_have_the_metadata_of_the_memory(memory: MemoryController) -> None:
    [document] = memory.as_retriever(k=1).invoke("What is my dog called?")
    [hit] = memory.search("What is my dog called?", k=1)
    assert document.page_content == TEXTS[0]
    assert document.id == hit.memory.id
    assert document.metadata == {
        "source": "chat",
        "id": hit.memory.id,
        "score": pytest.approx(hit.score, abs=0.1),
        "retention": 1.0,
        "said_at": "2026-01-05T09:00:00+00:00",
        "session_id": "s",
        "granularity": "turn",
        "role": "user",
        "speaker": None,
        "sources": [],
    }


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_there_are_k_documents_while_there_are_k_memories(memory: MemoryController, k: int) -> None:
    for question in ("What is my dog called?", "zzz", "?"):
        assert len(memory.as_retriever().invoke(question, k=k)) == k
    assert len(memory.as_retriever(k=9).invoke("dog")) == len(TEXTS)


def test_options_of_the_search_are_taken(memory: MemoryController) -> None:
    retriever = memory.as_retriever(k=3, scope=BEN)
    assert [d.page_content for d in retriever.invoke("dog")] == ["Ben's dog is called Waffles."]
    options = {"as_of": datetime(2020, 1, 1, tzinfo=UTC)}
    assert memory.as_retriever().invoke("dog", **options) == []  # type: ignore[arg-type]


def test_async_and_batches(memory: MemoryController) -> None:
    async def story() -> None:
        retriever = memory.as_retriever(k=1)
        assert await retriever.ainvoke("dog") == retriever.invoke("dog")
        many = await retriever.abatch(["Where do I live?", "Who plays music?"])
        assert [documents[0].page_content for documents in many] == TEXTS[1:3]

    asyncio.run(story())


def test_in_a_chain(memory: MemoryController) -> None:
    model = ScriptedChatModel(["Biscuit."])
    prompt = ChatPromptTemplate.from_template("Memories:\n{memories}\n\nQuestion: {question}")

    def as_text(documents: list[Document]) -> str:
        return "\n".join(document.page_content for document in documents)

    chain: Any = (
        {"memories": memory.as_retriever(k=1) | as_text, "question": RunnablePassthrough()}
        | prompt
        | model
        | StrOutputParser()
    )
    assert chain.invoke("What is my dog called?") == "Biscuit."
    assert TEXTS[0] in str(model.calls[0][0].content)


def test_as_a_tool(memory: MemoryController) -> None:
    tool = create_retriever_tool(
        memory.as_retriever(k=2), "recall", "Recall.", response_format="content_and_artifact"
    )
    call = {"name": "recall", "args": {"query": "dog"}, "id": "1", "type": "tool_call"}
    message = tool.invoke(call)
    assert TEXTS[0] in message.content
    assert len(message.artifact) == 2


def test_in_an_ensemble(memory: MemoryController) -> None:
    retrievers = pytest.importorskip("langchain_classic.retrievers")

    class Shelf(BaseRetriever):
        def _get_relevant_documents(self, query: str, **_: Any) -> list[Document]:
            return [Document("A beagle is a small hound."), Document(TEXTS[0])]

    together = retrievers.EnsembleRetriever(
        retrievers=[memory.as_retriever(k=2), Shelf()], weights=[0.5, 0.5]
    )
    texts = [document.page_content for document in together.invoke("What is my dog called?")]
    assert texts[0] == TEXTS[0]
    assert len(texts) == len(set(texts)) == 3


def test_k_must_be_at_least_one(memory: MemoryController) -> None:
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        MemoryRetriever(memory=memory, k=0)

"""The confidence knows what this user never said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import InMemoryStore, MemoryController, Scope
from agentmem_retrievers import Weights
from agentmem_retrievers.ranking.pipeline import confidence

TEXTS = (
    "I spent two weeks in Japan in March.",
    "My guitar teacher is called Lindqvist, I practise every day.",
    "I bought new headphones last week, they cost 80 euros.",
    "We baked a lemon cake for my niece's birthday party.",
    "I see Dr. Smith once a month about my back.",
    "I live in Porto.",
)


@pytest.fixture(scope="module")
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(), scope=Scope("ada"), embeddings=embeddings, linger=None
    ) as controller:
        for day, text in enumerate(TEXTS):
            controller.add(text, session_id=f"s{day}")
        yield controller


@pytest.mark.parametrize(
    ("answerable", "not_answerable"),
    [
        ("How long was I in Japan?", "How long was I in Korea?"),
        ("How often do I see Dr. Smith?", "How often do I see Dr. Johnson?"),
        ("What did my headphones cost?", "What did my iPad cost?"),
        ("What did we bake for my niece?", "What is my shoe size?"),
        ("Where do I live now?", "Who is my landlord?"),
    ],
)
def test_answerable_questions_have_a_higher_confidence(
    memory: MemoryController, answerable: str, not_answerable: str
) -> None:
    sure = memory.search(answerable, reinforce=False).confidence
    unsure = memory.search(not_answerable, reinforce=False).confidence
    assert unsure < 0.5
    assert sure > unsure + 0.15


@pytest.mark.parametrize("question", ["What is my blood type?", "Do I have a tattoo?", "qwxz"])
def test_unanswerable_questions_have_a_low_confidence(
    memory: MemoryController, question: str
) -> None:
    assert memory.search(question, reinforce=False).confidence < 0.3


def test_more_evidence_never_lowers_it() -> None:
    weights = Weights.shipped().assistant
    assert weights is not None
    low = dict.fromkeys(weights.confidence, 0.2) | {"bias": 1.0}
    for name in weights.confidence.keys() - {"bias"}:
        assert confidence({**low, name: 0.9}, weights.confidence) > confidence(
            low, weights.confidence
        )

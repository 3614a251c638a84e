"""Labels of a text by recalled examples, and the generated task that measures it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import EmptyTextError, InMemoryStore, InvalidInputError, MemoryController, Scope
from agentmem import label_votes as votes_of
from agentmem.evaluation.learning import lessons
from tests.agentmem.langchain.conftest import WordEmbeddings

EXAMPLES = [
    ("Wake me at six.", "alarm"),
    ("I must be up by seven.", "alarm"),
    ("Play some jazz.", "music"),
    ("Louder, I love this tune.", "music"),
]


class TestVotes:
    def test_of_examples_that_a_search_returns(self, embeddings: Embeddings) -> None:
        with MemoryController(
            InMemoryStore(), scope=Scope("ada"), embeddings=embeddings, linger=None
        ) as memory:
            for text, label in EXAMPLES:
                memory.add({"role": "user", "content": text, "metadata": {"label": label}})
            text = "Get me out of bed at eight."
            hits = memory.search(text, k=30, filter={"label": {"$ne": None}})
            examples = [(hit.memory.text, hit.memory.metadata["label"]) for hit in hits]
            votes = votes_of(text, examples, memory.embeddings)
            assert list(votes) == ["alarm", "music"]
            assert votes["alarm"] > 0.2 > votes["music"]

    def test_repeated_examples_share_a_vote(self) -> None:
        # Two near misses that are the same, against one example that says the very words.
        examples = [("tea with milk", "a")] * 5 + [("tea with lemon and honey", "b")]
        votes = votes_of("tea with lemon and honey", examples, WordEmbeddings())
        assert next(iter(votes)) == "b"

    def test_order_is_by_vote(self) -> None:
        votes = votes_of("rain", [("bread", 1), ("rain", 2), ("violin", 3)], WordEmbeddings())
        assert next(iter(votes)) == 2
        assert list(votes.values()) == sorted(votes.values(), reverse=True)

    def test_without_examples_there_is_no_vote(self) -> None:
        assert votes_of("tea", [], WordEmbeddings()) == {}

    @pytest.mark.parametrize("wrong", ["tea", ("tea",), (1, "a"), ("tea", []), None])
    def test_examples_are_pairs(self, wrong: Any) -> None:
        with pytest.raises(InvalidInputError, match="pair of a text and a label"):
            votes_of("tea", [wrong], WordEmbeddings())

    @pytest.mark.parametrize("wrong", ["", " \n", None])
    def test_needs_a_text(self, wrong: Any) -> None:
        with pytest.raises(EmptyTextError):
            votes_of(wrong, EXAMPLES, WordEmbeddings())


class TestLessons:
    def test_depend_on_the_seed_only(self) -> None:
        assert list(lessons(users=2)) == list(lessons(users=2))
        assert list(lessons(users=3))[:1] == list(lessons(users=1))
        assert list(lessons(users=1)) != list(lessons(users=1, seed=1))

    def test_no_utterance_is_both_an_example_and_a_question(self) -> None:
        for lesson in lessons(users=2, shots=4):
            assert not {text for text, _ in lesson.examples} & {t for t, _ in lesson.questions}
            assert set(Counter(label for _, label in lesson.examples).values()) == {4}
            assert set(Counter(label for _, label in lesson.questions).values()) == {6}

    def test_every_example_is_stored_once_with_its_label(self) -> None:
        for lesson in lessons(users=1):
            texts = [t.text for s in lesson.dialogue.sessions for t in s.turns if t.role == "user"]
            matches = [re.fullmatch(r'"(.*)" \(label: (\d+)\)', text) for text in texts]
            pairs = [(match[1], int(match[2])) for match in matches if match]
            assert sorted(pairs) == sorted(lesson.examples)
            assert len(texts) > len(pairs)

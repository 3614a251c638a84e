"""Answers of models, and how they are marked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel

from agentmem import Granularity, Memory, RecalledMemory, Scope, SearchResult
from agentmem.evaluation.answers import Answerer, exact_match, judged_right, normalized, token_f1
from agentmem.formats.dialogue import DialogueQuestion

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def question(answer: str | None = "a beagle") -> DialogueQuestion:
    return DialogueQuestion(
        id="q1", text="What dog is it?", answer=answer, category="1", evidence_turns=(),
        evidence_sessions=(), asked_at=None,
    )  # fmt: skip


@pytest.fixture
def found() -> SearchResult:
    memory = Memory(
        id="m", scope=Scope("ada"), granularity=Granularity.TURN, text="I adopted a beagle.",
        session_id="s", said_at=NOW, written_at=NOW, speaker="Ada",
    )  # fmt: skip
    hit = RecalledMemory(memory, score=1.0, retention=1.0)
    return SearchResult("What dog is it?", (hit,), 0.5, NOW)


class TestMarks:
    def test_normalised_as_in_squad(self) -> None:
        assert normalized("The  Beagle, an\tOLD one!") == "beagle old one"

    def test_exact_match_is_of_what_is_normalised(self) -> None:
        assert exact_match("A beagle.", "the Beagle") == 1.0
        assert exact_match("beagles", "beagle") == 0.0

    def test_f1_by_hand(self) -> None:
        # 2 words in common of 4 given and 2 right: precision 1/2, recall 1.
        assert token_f1("it is an old beagle", "old beagle") == pytest.approx(2 / 3)
        assert token_f1("cat", "dog") == 0.0
        assert token_f1("", "dog") == 0.0
        assert token_f1("the", "") == 1.0

    @pytest.mark.parametrize(
        ("verdict", "right"),
        [
            ("yes", True), ("No.", False), ("**Yes**, no doubt about it.", True),
            ("<think>Is it? No, wait.</think>\nyes", True), ("The answer is correct.", True),
            ("This is not correct.", False), ("It is incorrect", False), ("Perhaps", None),
        ],
    )  # fmt: skip
    def test_reads_wordy_judges(self, verdict: str, right: bool | None) -> None:
        assert judged_right(verdict) is right


class TestAnswerer:
    def test_answers_from_what_is_found(self, found: SearchResult) -> None:
        asked: list[str] = []

        class Listening(FakeListChatModel):
            def _call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
                asked.append(messages[0].content)
                return super()._call(messages, *args, **kwargs)

        marks = Answerer(Listening(responses=["A beagle!"]))(question(), found)
        assert marks == {"f1": 1.0, "exact_match": 1.0, "failed": 0.0}
        assert "2026-03-01, Ada: I adopted a beagle." in asked[0]

    def test_a_judge_may_forgive_other_words(self, found: SearchResult) -> None:
        model = FakeListChatModel(responses=["A small hound named Biscuit"])
        judge = FakeListChatModel(responses=["Yes, that is a beagle."])
        marks = Answerer(model, judge)(question(), found)
        assert marks == {"f1": 0.0, "exact_match": 0.0, "judge": 1.0, "failed": 0.0}

    def test_without_a_right_answer_nobody_is_asked(self, found: SearchResult) -> None:
        assert Answerer(FakeListChatModel(responses=[]))(question(None), found) == {}

    def test_a_model_that_fails_is_wrong_and_ends_nothing(self, found: SearchResult) -> None:
        class Broken(FakeListChatModel):
            def _call(self, *args: Any, **kwargs: Any) -> str:
                raise TimeoutError

        marks = Answerer(Broken(responses=[]))(question(), found)
        assert marks == {"f1": 0.0, "exact_match": 0.0, "failed": 1.0}

"""Answers of models, and their scores."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel

from agentmem import Granularity, Memory, RecalledMemory, Scope, SearchResult
from agentmem.evaluation.answers import (
    Answerer,
    exact_match,
    memory_lines,
    normalize,
    parse_verdict,
    token_f1,
)
from agentmem.formats.dialogue import DialogueQuestion

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def question(answer: str | None = "a beagle") -> DialogueQuestion:
    return DialogueQuestion(
        id="q1", text="What dog is it?", answer=answer, category="1", evidence_turns=(),
        evidence_sessions=(), asked_at=None,
    )  # fmt: skip


@pytest.fixture
def hits() -> SearchResult:
    memory = Memory(
        id="m", scope=Scope("ada"), granularity=Granularity.TURN, text="I adopted a beagle.",
        session_id="s", said_at=NOW, written_at=NOW, speaker="Ada",
    )  # fmt: skip
    hit = RecalledMemory(memory, score=1.0, retention=1.0)
    return SearchResult("What dog is it?", (hit,), 0.5, NOW)


class TestScores:
    def test_normalizes_as_squad_does(self) -> None:
        assert normalize("The  Beagle, an\tOLD one!") == "beagle old one"

    def test_exact_match_compares_normalized_answers(self) -> None:
        assert exact_match("A beagle.", "the Beagle") == 1.0
        assert exact_match("beagles", "beagle") == 0.0

    def test_f1_by_hand(self) -> None:
        # 2 common words of 4 in the answer and 2 in the reference: precision 1/2, recall 1.
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
    def test_parses_wordy_verdicts(self, verdict: str, right: bool | None) -> None:
        assert parse_verdict(verdict) is right


def ask(
    answerer: Answerer, result: SearchResult, answer: str | None = "a beagle"
) -> dict[str, float]:
    return answerer(question(answer), memory_lines(result), result.asked_at)


class TestAnswerer:
    def test_answers_from_search_results(self, hits: SearchResult) -> None:
        prompts: list[str] = []

        class Recording(FakeListChatModel):
            def _call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
                prompts.append(messages[0].content)
                return super()._call(messages, *args, **kwargs)

        scores = Answerer(Recording(responses=["A beagle!"]))(
            question(), memory_lines(hits), hits.asked_at
        )
        assert scores == {"f1": 1.0, "exact_match": 1.0, "failed": 0.0}
        assert "2026-03-01, Ada: I adopted a beagle." in prompts[0]

    def test_a_judge_accepts_other_words(self, hits: SearchResult) -> None:
        model = FakeListChatModel(responses=["A small hound named Biscuit"])
        judge = FakeListChatModel(responses=["Yes, that is a beagle."])
        scores = ask(Answerer(model, judge), hits)
        assert scores == {"f1": 0.0, "exact_match": 0.0, "judge": 1.0, "failed": 0.0}

    def test_a_question_without_answer_is_skipped(self, hits: SearchResult) -> None:
        assert (
            Answerer(FakeListChatModel(responses=[]))(
                question(None), memory_lines(hits), hits.asked_at
            )
            == {}
        )

    def test_a_failing_model_counts_as_wrong(self, hits: SearchResult) -> None:
        class Broken(FakeListChatModel):
            def _call(self, *args: Any, **kwargs: Any) -> str:
                raise TimeoutError

        scores = ask(Answerer(Broken(responses=[])), hits)
        assert scores == {"f1": 0.0, "exact_match": 0.0, "failed": 1.0}

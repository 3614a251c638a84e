"""`agentmem eval recall`: what a budget holds, for recall and for simpler ways to spend it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import FakeListChatModel

from agentmem.evaluation.answers import Answerer
from agentmem.evaluation.cache import IngestCache
from agentmem.evaluation.plot import plot_recall
from agentmem.evaluation.recall_budget import (
    METHODS,
    BudgetScore,
    is_included,
    measure_recall,
    recall_json,
)
from agentmem.formats.read import read
from agentmem.progress import NullProgress

SMALL = Path(__file__).parents[2] / "data" / "small_locomo.json"


@pytest.fixture(scope="module")
def scores(embeddings: Embeddings, tmp_path_factory: pytest.TempPathFactory) -> list[BudgetScore]:
    cache = IngestCache(tmp_path_factory.mktemp("cache"), embeddings)
    return measure_recall(read(SMALL), cache, budgets=(30, 800), limit=3, progress=NullProgress())


def test_every_method_is_scored_at_every_budget(scores: list[BudgetScore]) -> None:
    methods = METHODS[:-2]
    assert [(s.method, s.budget) for s in scores] == [(m, b) for m in methods for b in (30, 800)]
    assert all(score.n_questions == 3 for score in scores)


def test_recall_stays_within_its_budget(scores: list[BudgetScore]) -> None:
    for score in scores[:4]:
        assert score.budget is not None
        assert 0 <= score.tokens <= score.budget


def test_a_fixed_number_of_turns_takes_as_many_tokens_as_recall(scores: list[BudgetScore]) -> None:
    tokens = {score.budget: score.tokens for score in scores if score.method == "recall"}
    fixed = [score for score in scores if score.k is not None]
    assert len(fixed) == 6
    for score in fixed:
        # The conversation has less to show than the larger budget holds.
        assert score.tokens <= tokens[score.budget] + 1e-6


def test_answers_are_scored_beside_full_history_and_no_memory(
    embeddings: Embeddings, tmp_path: Path
) -> None:
    class Answers(FakeListChatModel):
        """Knows the answer, an x, if the prompt shows any memory."""

        def _call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
            return "x" if "[m1]" in messages[0].content else "unknown"

    scores = measure_recall(
        read(SMALL),
        IngestCache(tmp_path, embeddings),
        budgets=(800,),
        limit=2,
        answers=Answerer(Answers(responses=[])),
        progress=NullProgress(),
    )
    by_method = {score.method: score.answers["exact_match"] for score in scores}
    assert by_method == {method: float(method != "no memory") for method in METHODS}


def test_a_larger_budget_includes_more_evidence(scores: list[BudgetScore]) -> None:
    recall = [score for score in scores if score.method == "recall"]
    assert recall[0].evidence < recall[1].evidence == 1.0


def test_shares_are_written_in_percent(scores: list[BudgetScore]) -> None:
    last = recall_json(scores)["scores"][1]
    assert (last["method"], last["budget"], last["evidence"]) == ("recall", 800, 100.0)


def test_scores_are_plotted(scores: list[BudgetScore], tmp_path: Path) -> None:
    assert plot_recall(scores, tmp_path / "recall.svg").stat().st_size > 1000


def test_a_turn_is_included_if_one_of_its_sentences_is() -> None:
    turn = 'She said "hello there" to me. Then we left.'
    assert is_included(turn, '[m1] 2026-01-05, user: "She said \\"hello there\\" to me."')
    assert not is_included(turn, '[m1] 2026-01-05, user: "She left."')
    assert is_included("Yes.", '[m1] 2026-01-05, user: "Yes."')

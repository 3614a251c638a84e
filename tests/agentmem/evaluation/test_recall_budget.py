"""`agentmem eval recall`: what a budget holds, for recall and for simpler ways to spend it."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.embeddings import Embeddings

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


def test_every_method_stays_within_every_budget(scores: list[BudgetScore]) -> None:
    assert [(s.method, s.budget) for s in scores] == [(m, b) for m in METHODS for b in (30, 800)]
    for score in scores:
        assert 0 <= score.tokens <= score.budget
        assert score.n_questions == 3


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

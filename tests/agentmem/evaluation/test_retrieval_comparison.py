"""`agentmem eval retrieval`: the search beside plain rankings, on any number of data sets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from agentmem.evaluation.embedding_cache import CachedEmbeddings
from agentmem.evaluation.retrieval import (
    BASELINES,
    METRICS,
    JudgedQuestion,
    ask,
    compare,
    paired_interval,
)
from agentmem.formats.read import read

TURNS = [
    ("user", "My dentist is called Ines."),
    ("assistant", "Thank you, I will remember your dentist."),
    ("user", "Whatever it was that I bought last time, it was £45."),
    ("user", "It cost €45."),
    ("user", "The chair cost €45."),
    ("user", "The table cost €45."),
    ("user", "I adopted a beagle called Biscuit."),
    ("assistant", "What a lovely name for a dog!"),
]
QUESTIONS = [
    {"question_id": "q1", "question": "Who is my dentist?", "evidence_turn_ids": ["s1:0"]},
    {"question_id": "q2", "question": "What cost £45?", "evidence_turn_ids": ["s1:2"]},
    {"question_id": "q3", "question": "Which dog did I adopt?", "evidence_turn_ids": ["s1:6"]},
    {"question_id": "q4_abs", "question": "Which cat did I adopt?", "evidence_turn_ids": []},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A data set of one conversation in the common format."""
    turns = [
        {"turn_id": f"s1:{i}", "role": role, "content": text}
        for i, (role, text) in enumerate(TURNS)
    ]
    session = {"session_id": "s1", "date": "2026-03-01", "turns": turns}
    questions = [
        {"answer": "", "category": "personal", "evidence_session_ids": ["s1"], **question}
        for question in QUESTIONS
    ]
    path = tmp_path / "small.json"
    path.write_text(json.dumps([{"id": "u", "sessions": [session], "questions": questions}]))
    return path


@pytest.fixture
def judged(file: Path, embeddings: Embeddings, tmp_path: Path) -> list[JudgedQuestion]:
    cached = CachedEmbeddings(embeddings, tmp_path / "embeddings.sqlite")
    [dialogue] = read(file)
    return list(ask(dialogue, cached, ablate=("exact", "late")))


def test_every_ranking_is_scored_with_every_metric(judged: list[JudgedQuestion]) -> None:
    names = ["agentmem", *BASELINES, "without exact", "without late"]
    answerable = [one for one in judged if one.answerable]
    assert len(answerable) == 3
    for one in answerable:
        assert list(one.scores) == names
        assert all(set(scores) == set(METRICS) for scores in one.scores.values())


def test_an_ablation_leaves_out_its_part_alone(judged: list[JudgedQuestion]) -> None:
    means = compare(judged).means
    assert means["agentmem"]["turn ndcg@10"] == 1.0
    # Only the literal tells "£45" from "€45".
    assert means["without exact"]["turn ndcg@10"] < 1.0
    assert means["without late"]["turn ndcg@10"] == 1.0


def test_asking_with_ablations_changes_no_other_score(
    file: Path, embeddings: Embeddings, judged: list[JudgedQuestion]
) -> None:
    [dialogue] = read(file)
    plain = list(ask(dialogue, embeddings))
    assert [one.scores.get("agentmem") for one in plain] == [
        one.scores.get("agentmem") for one in judged
    ]
    assert [one.confidence for one in plain] == pytest.approx([one.confidence for one in judged])


def test_questions_without_an_answer_are_judged_by_confidence_alone(
    judged: list[JudgedQuestion],
) -> None:
    [unanswerable] = [one for one in judged if not one.answerable]
    assert not unanswerable.scores
    comparison = compare(judged)
    assert comparison.n_questions == 3
    assert comparison.confidence_auroc is not None


def test_a_gain_is_that_over_the_best_plain_ranking() -> None:
    def row(agentmem: float, dense: float, bm25: float) -> JudgedQuestion:
        scores = {"agentmem": agentmem, "dense": dense, "bm25": bm25, "hybrid": 0.0}
        return JudgedQuestion(
            "1", {name: dict.fromkeys(METRICS, score) for name, score in scores.items()}, 1.0, True
        )

    comparison = compare([row(1.0, 0.5, 0.0), row(1.0, 0.5, 0.0), row(1.0, 0.5, 1.0)])
    assert comparison.gains == dict.fromkeys(METRICS, (0.5, 0.5))


def test_the_interval_of_a_mean_holds_the_mean() -> None:
    gains = np.random.default_rng(1).normal(0.2, 1.0, 400)
    low, high = paired_interval(gains)
    assert low < float(gains.mean()) < high
    assert 0.1 < high - low < 0.3

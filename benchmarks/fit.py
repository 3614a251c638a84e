"""Fit the weights that ship with the package, and judge them by leaving one conversation out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from agentmem.evaluation.cross_validation import (
    L2,
    Example,
    learn,
    rank_turns,
    with_confidence,
    without_words,
)
from agentmem.evaluation.metrics import mean_by_name, ranking_scores
from agentmem.evaluation.reflection import learn_from_citations
from agentmem_retrievers import Weights
from agentmem_retrievers.ranking.scoring import shipped_content
from agentmem_retrievers.ranking.sessions import session_scores

__all__ = ["SUMMARY", "fit_and_judge", "fit_weights", "to_json"]

# The metrics that the table and the file show.
SUMMARY = (
    "session recall_all@5",
    "session ndcg@10",
    "turn recall_all@10",
    "turn ndcg@10",
    "category 1 turn recall_all@10",
)
_CUTOFFS = (5, 10)


def fit_weights(known: Sequence[Example]) -> Weights:
    """Fit all weights: for embedders with word embeddings, and for those without."""
    weights = with_confidence(learn_from_citations(known, learn(known)), known)
    plain = without_words(known)
    return replace(weights, without_words=with_confidence(learn(plain), plain))


def fit_and_judge(known: Sequence[Example]) -> dict[str, dict[str, float]]:
    """Judge every conversation by weights learned from all others.

    Returns:
        Means in [0, 1] by metric, for each conversation and for all questions (`all`).
    """
    scores: dict[str, list[dict[str, float]]] = {}
    for left_out in dict.fromkeys(e.dialogue for e in known if not e.drill):
        weights = learn([e for e in known if e.dialogue != left_out])
        scores[left_out] = [
            _scores(e, weights) for e in known if e.dialogue == left_out and e.turns
        ]
    scores["all"] = [row for rows in list(scores.values()) for row in rows]
    return {name: mean_by_name(rows) for name, rows in scores.items()}


def _scores(example: Example, weights: Weights) -> dict[str, float]:
    ranking, turns = rank_turns(example, weights)
    numbers, parts = session_scores(ranking, turns)
    order = np.argsort(-np.sum(list(parts.values()), axis=0), kind="stable")
    of_turns = ranking_scores(
        [str(row) for row in turns.rows], set(map(str, example.turns)), _CUTOFFS
    )
    of_sessions = ranking_scores(
        [str(numbers[i]) for i in order], set(map(str, example.sessions)), _CUTOFFS
    )
    return {
        **{f"turn {name}": value for name, value in of_turns.items()},
        **{f"session {name}": value for name, value in of_sessions.items()},
        f"category {example.category} turn recall_all@10": of_turns["recall_all@10"],
    }


def to_json(known: Sequence[Example], file: Path, scores: Mapping[str, float]) -> str:
    """Fit all weights and return the content of `agentmem_retrievers/ranking/weights.json`.

    Args:
        file: what the examples were read from, for the provenance.
        scores: means over all questions, see `fit_and_judge`.
    """
    weights = fit_weights(known)
    content: dict[str, Any] = {"provenance": _provenance(known, file, scores), **asdict(weights)}
    # Learned from other data, see `benchmarks.fit_assistant`.
    content["assistant"] = shipped_content()["assistant"]
    content["standardized"] = []
    stages = ("first", "second", "session", "confidence")
    content["without_words"] = {s: content["without_words"][s] for s in stages}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _provenance(
    known: Sequence[Example], file: Path, scores: Mapping[str, float]
) -> dict[str, object]:
    return {
        "learned from": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "conversations": len({example.dialogue for example in known if not example.drill}),
        "questions": sum(bool(e.turns) and not e.drill for e in known),
        "drills": sum(example.drill for example in known),
        "l2": L2,
        "command": f"python -m benchmarks fit {file.name} --out weights.json",
        "leaving one conversation out, percent": {
            name: round(100 * scores[name], 1) for name in SUMMARY if name in scores
        },
    }

"""Linear models over features: the score of a candidate, what each part adds, and confidence."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.features.lexical import NEAR, LexicalFeatures
from agentmem_retrievers.index.table import Rows, Table
from agentmem_retrievers.text.question import Question
from agentmem_stores import Vectors

__all__ = [
    "Ranking",
    "Weights",
    "confidence",
    "confidence_features",
    "part_of",
    "ranked",
    "weighted_parts",
]

Floats = NDArray[np.float64]
Features = Mapping[str, Floats]

# Features that an ablation leaves out with a part other than their own.
_ASPECTS = {"second.expanded": "expansion", "second.late": "late"}
# Confidence looks at this many hits: an answer further down is as good as none.
_CONFIDENCE_HITS = 5
_STAGES = ("first", "second", "session", "confidence")


def part_of(feature: str) -> str:
    """Return the part that a feature belongs to: its name up to the first dot."""
    return feature.partition(".")[0]


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(files(__package__).joinpath("weights.json").read_text())
    return content


@dataclass(frozen=True)
class Weights:
    """Coefficients of the linear models, by feature.

    Attributes:
        first: of `turn_features`, for the first stage.
        second: of `second_stage_features`.
        session: of `session_features`.
        confidence: of `confidence_features`, for a logistic model.
        learned: of the features of citations; see `CitationIndex`.
        without_words: the weights to use where there are no token embeddings to compare, because
            the embedder returns none or returned none when some of the turns were written.
    """

    first: Mapping[str, float]
    second: Mapping[str, float]
    session: Mapping[str, float]
    confidence: Mapping[str, float]
    learned: Mapping[str, float] = field(default_factory=dict)
    without_words: Weights | None = None

    @classmethod
    def shipped(cls) -> Weights:
        """Return the weights that come with the package (`weights.json` says how they were fit)."""
        content = _shipped()
        without = content["without_words"]
        return cls(
            **{stage: content[stage] for stage in _STAGES},
            learned=content["learned"],
            without_words=cls(
                **{stage: without[stage] for stage in _STAGES}, learned=content["learned"]
            ),
        )


@dataclass(frozen=True)
class Ranking:
    """Rows of one table, best first.

    Attributes:
        rows: the rows.
        scores: shape of `rows`.
        parts: what each part contributed, each of the shape of `rows`; they sum to the scores.
    """

    rows: Rows
    scores: Floats
    parts: Mapping[str, Floats]


def weighted_parts(
    features: Features, weights: Mapping[str, float], off: frozenset[str]
) -> dict[str, Floats]:
    """Return what each part that is not off contributes to the score of each candidate."""
    parts: dict[str, Floats] = {}
    for name, values in features.items():
        part, _, _ = name.partition(".")
        if part not in off and _ASPECTS.get(name) not in off:
            parts[part] = parts.get(part, 0.0) + weights.get(name, 0.0) * values
    return parts


def ranked(rows: Rows, parts: Mapping[str, Floats]) -> Ranking:
    """Rank rows by the sum of their parts."""
    scores = np.zeros(len(rows))
    for values in parts.values():
        scores = scores + values
    order = np.argsort(-scores, kind="stable")
    return Ranking(rows[order], scores[order], {n: v[order] for n, v in parts.items()})


def confidence_features(
    turns: Ranking, table: Table, question: Question, vector: Vectors, lexical: LexicalFeatures
) -> dict[str, float]:
    """Return the evidence that the best turns answer the question, mostly in [0, 1].

    Naming a speaker is a feature of its own, and all others leave names out, so that one model
    serves questions to an assistant, which name nobody.

    Args:
        turns: the ranked turns.
        vector: embedding of `question.addressed`.
    """
    rows, stats = turns.rows[:_CONFIDENCE_HITS], lexical.rest
    context = [table.neighbors(rows, offset) for offset in NEAR]
    contains = np.split(stats.frequencies(np.concatenate(context)) > 0, len(context), axis=1)
    total = max(float(stats.idf.sum()), 1e-9)
    cosines = table.vectors(rows) @ vector
    return {
        "bias": 1.0,
        "known": float(stats.idf @ (stats.document_frequencies > 0).astype(np.float64) / total),
        "covered": float((stats.idf @ np.any(contains, axis=0) / total).max(initial=0.0)),
        "covered_alone": float((stats.idf @ contains[0] / total).max(initial=0.0)),
        "covered_softly": float(lexical.coverage(context).max(initial=0.0)),
        "similar": float(cosines.max(initial=0.0)),
        "similar_mean": float(cosines.mean()) if len(cosines) else 0.0,
        "named": float(bool(question.named)),
        "length": math.log1p(len(stats.terms)),
    }


def confidence(features: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the probability that an answer was found, in [0, 1], by a logistic model."""
    logit = 0.0
    for name, value in features.items():
        logit += weights.get(name, 0.0) * value
    return 1 / (1 + math.exp(-max(min(logit, 700.0), -700.0)))

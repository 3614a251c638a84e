"""How likely it is that an answer was ever said."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from agentmem_retrievers.features.lexical import NEAR
from agentmem_stores import Granularity

if TYPE_CHECKING:
    from agentmem_retrievers.ranking.scoring import Ranking
    from agentmem_retrievers.ranking.turns import TurnRanking

__all__ = ["confidence", "confidence_features"]

# The hits that are looked at: an answer further down is as good as none.
LOOKED_AT = 5


def confidence_features(ranking: TurnRanking, turns: Ranking) -> dict[str, float]:
    """Return what speaks for the best hits answering the question, numbers in [0, 1] mostly.

    Who is named is a feature of its own and all others leave names out, so that questions to an
    assistant, which name nobody, are judged by the same measure.
    """
    table, wording = ranking.index.tables[Granularity.TURN], ranking.wording
    rows = turns.rows[:LOOKED_AT]
    around = [table.neighbors(rows, offset) for offset in NEAR]
    counts = wording.rest.frequencies(np.concatenate(around))
    words, total = wording.rest, max(float(wording.rest.idf.sum()), 1e-9)
    held = np.split(counts > 0, len(around), axis=1)
    similar = table.vectors(rows) @ ranking.vector
    return {
        "bias": 1.0,
        "known": float(words.idf @ words.known() / total),
        "covered": float((words.idf @ np.any(held, axis=0) / total).max(initial=0.0)),
        "covered_alone": float((words.idf @ held[0] / total).max(initial=0.0)),
        "covered_softly": float(wording.coverage(around).max(initial=0.0)),
        "similar": float(similar.max(initial=0.0)),
        "similar_mean": float(similar.mean()) if len(similar) else 0.0,
        "named": float(bool(ranking.question.named)),
        "length": math.log1p(len(words.terms)),
    }


def confidence(ranking: TurnRanking, turns: Ranking) -> float:
    """Return the probability by a logistic model, in [0, 1]; 0 where nothing was found."""
    if not len(turns.rows):
        return 0.0
    features = confidence_features(ranking, turns)
    logit = sum(ranking.weights.confidence.get(n, 0.0) * v for n, v in features.items())
    return 1 / (1 + math.exp(-max(min(logit, 700.0), -700.0)))

"""Confidence: the probability that the best turns answer the question, by a logistic model."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from agentmem_retrievers.features.late_interaction import LateInteraction
from agentmem_retrievers.features.lexical import Floats, LexicalFeatures
from agentmem_retrievers.index.table import NEAR, Rows, Table
from agentmem_retrievers.text.question import Question
from agentmem_retrievers.text.tokenize import stems_of
from agentmem_stores import Vectors

__all__ = ["CONFIDENCE_HITS", "confidence", "coverage_features", "match_features"]

# A word with a capital letter or a digit, except the first.
_NAME = re.compile(r"(?<=\s)\W*(\w*[A-Z0-9]\w*)")
# Confidence looks at this many hits: an answer further down is as good as none.
CONFIDENCE_HITS = 5


def coverage_features(
    rows: Rows, table: Table, question: Question, vector: Vectors, lexical: LexicalFeatures
) -> dict[str, float]:
    """Return how much of the question the best turns cover, mostly in [0, 1].

    Naming a speaker is a feature of its own, and all others leave names out, so that one model
    serves questions to an assistant, which name nobody.

    Args:
        rows: the best turns.
        vector: embedding of `question.addressed`.
    """
    stats = lexical.rest
    context = [table.neighbors(rows, offset) for offset in NEAR]
    contains = np.split(stats.frequencies(np.concatenate(context)) > 0, len(context), axis=1)
    total = max(float(stats.idf.sum()), 1e-9)
    cosines = np.vecdot(table.vectors(rows), vector)
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


def match_features(
    rows: Rows, table: Table, question: Question, late: LateInteraction, passages: Floats
) -> dict[str, float]:
    """Return how well the best turns match the question token by token, in [0, 1].

    Names tell what was never said from what was: a question about Korea is not answered by turns
    about Japan, however much else they share.

    Args:
        rows: the best turns.
        passages: their feature "late.passage_rare".
    """
    if not late.tokens:
        return {}
    matches, rarity = late.best_matches(rows), late.rarity**2
    stems = stems_of([token.lower() for token in late.tokens], question.language)
    said = {term for row in rows.tolist() for term in table.words.terms(row)}
    names = {name.lower() for name in _NAME.findall(question.text)}
    of_names = [
        1.0 if stem in said else match
        for token, stem, match in zip(late.tokens, stems, matches.tolist(), strict=True)
        if token in names
    ]
    return {
        "passage": float(passages.max(initial=0.0)),
        "tokens": float(rarity @ matches / max(float(rarity.sum()), 1e-9)),
        "names": min(of_names, default=1.0),
    }


def confidence(features: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the probability that an answer was found, in [0, 1], by a logistic model."""
    logit = 0.0
    for name, value in features.items():
        logit += weights.get(name, 0.0) * value
    return 1 / (1 + math.exp(-max(min(logit, 700.0), -700.0)))

"""Recognition: how familiar a text is, without recalling what it was about.

Recall looks for what answers a question; recognition compares a text with what is known. People do
the second far more reliably and for longer, and so does a memory: nothing has to be ranked.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from agentmem.embedding.embedder import Embedder
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.table import Table
from agentmem_retrievers.text.tokenize import text_key, tokenize
from agentmem_stores import Granularity, Memory, Scope, Vectors

__all__ = ["Familiarity", "Recognition", "recognize"]

# Compared in full: the nearest turns by embedding.
_NEIGHBORS = 8
# A text whose familiarity is at least this is one that was met in other words.
_NEAR = 0.5
# What is known word for word. Not 1: another person may have said the same words.
_EXACT = 0.995


class Familiarity(StrEnum):
    """`EXACT`: stored word for word; `NEAR`: stored in other words; `NEW`: not stored."""

    EXACT = "exact"
    NEAR = "near"
    NEW = "new"


@dataclass(frozen=True)
class Recognition:
    """How familiar a text is.

    Attributes:
        familiarity: probability that it was, in [0, 1].
        kind: exact, near or new.
        memory: the nearest memory, archived ones included; None in an empty scope.
        similarity: cosine of the two embeddings, in [-1, 1].
    """

    familiarity: float
    kind: Familiarity
    memory: Memory | None
    similarity: float = 0.0


# Coefficients of a logistic model of "these two texts say the same", fitted on paraphrases and
# unseen turns of LoCoMo's development conversations; `agentmem eval recognition` measures it.
_WEIGHTS = {"bias": -15.9, "cosine": 18.5, "overlap": 7.0}


def recognize(memories: IndexedStore, embedder: Embedder, scope: Scope, text: str) -> Recognition:
    """Compare a text with the turns of a scope, whatever their state; see `Recognition`."""
    vector = embedder.turns([text]).vectors[0]
    with memories.reading(scope) as index:
        table = index.tables[Granularity.TURN]
        known = table.column("alive") & ~table.column("former")
        exact = np.flatnonzero(known & (table.column("text_key") == text_key(text)))
        if len(exact):
            row, similarity, familiarity = int(exact[-1]), 1.0, _EXACT
        else:
            row, similarity, familiarity = _nearest(memories, table, scope, text, vector)
        if row < 0:
            return Recognition(0.0, Familiarity.NEW, None)
        [memory] = memories.store.get_memories(scope, Granularity.TURN, [table.ids[row]])
    if familiarity == _EXACT:
        kind = Familiarity.EXACT
    else:
        kind = Familiarity.NEAR if familiarity >= _NEAR else Familiarity.NEW
    return Recognition(familiarity, kind, memory, similarity)


def _nearest(
    memories: IndexedStore, table: Table, scope: Scope, text: str, vector: Vectors
) -> tuple[int, float, float]:
    """Return the row of the most familiar turn, its cosine and the familiarity; -1 without any."""
    best = (-1, 0.0, 0.0)
    if not len(table):
        return best
    [neighbors] = memories.store.nearest(
        scope, Granularity.TURN, vector[np.newaxis], 2 * _NEIGHBORS
    )
    rows = [(table.row_of.get(n.id, -1), n.similarity) for n in neighbors]
    current = [
        (row, cosine) for row, cosine in rows if row >= 0 and not table.column("former")[row]
    ]
    for row, cosine in current[:_NEIGHBORS]:
        familiarity = probability(same_features(table, row, text, cosine))
        if familiarity > best[2] or best[0] < 0:
            best = (row, cosine, familiarity)
    return best


def same_features(table: Table, row: int, text: str, cosine: float) -> dict[str, float]:
    """Return the evidence that a text and a turn say the same, each in [0, 1].

    `overlap` is the share of the words of both, by rarity, that the two have in common.
    """
    terms, others = Counter(tokenize(text)), Counter(table.words.terms(row))
    n = max(len(table.words), 1)

    def weight(counted: Counter[str]) -> float:
        return sum(
            count * math.log1p(n / max(table.words.document_frequency(term), 1))
            for term, count in counted.items()
        )

    union = weight(terms | others)
    return {
        "bias": 1.0,
        "cosine": max(cosine, 0.0),
        "overlap": weight(terms & others) / union if union else 0.0,
    }


def probability(features: dict[str, float]) -> float:
    """Return the probability that two texts say the same, below that of the same words."""
    logit = sum(_WEIGHTS[name] * value for name, value in features.items())
    return min(1 / (1 + math.exp(-logit)), _EXACT - 0.005)

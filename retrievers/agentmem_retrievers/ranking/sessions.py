"""Which sessions answer: by their best turns, if wanted by what was derived from them too."""

from __future__ import annotations

import numpy as np

from agentmem_retrievers.features.lexical import Features, Floats
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import Rows
from agentmem_retrievers.ranking.candidates import CandidateSources
from agentmem_stores import Granularity

__all__ = ["session_features"]

# Turns further behind the best are all alike.
_LEAST = -12.0


def session_features(
    index: ScopeIndex, rows: Rows, scores: Floats, routed: CandidateSources | None = None
) -> tuple[Rows, Features]:
    """Return the sessions of the ranked turns, as numbers, and features of each.

    Args:
        rows: rows of the turn table, with their `scores`.
        routed: the granularities that have a say too, each as far as it is trusted.
    """
    session = index.tables[Granularity.TURN].column("session")[rows].astype(np.intp)
    numbers, place = np.unique(session, return_inverse=True)
    features: Features = {"turns.best": _best(place, scores, len(numbers))}
    return numbers, features if routed is None else features | _routed(index, numbers, routed)


def _routed(index: ScopeIndex, numbers: Rows, channels: CandidateSources) -> Features:
    """How near the best of each session's passages, summaries and keywords is to the question."""
    features = {}
    for granularity, channel in channels.all().items():
        if granularity is not Granularity.TURN and len(channel.rows):
            of = index.tables[granularity].column("session")[channel.rows]
            mine = of[np.newaxis, :] == numbers[:, np.newaxis]
            similar = np.where(mine, channel.similarities, channel.least()).max(axis=1)
            trust = channels.routing.weights[granularity]
            features[f"{granularity.value}.routed"] = trust * _relative(similar)
    return features


def _best(place: Rows, scores: Floats, n: int) -> Floats:
    best = np.full(n, _LEAST)
    np.maximum.at(best, place, scores - scores.max(initial=-np.inf))
    return best


def _relative(similarities: Floats) -> Floats:
    """Min-max scale to [0, 1]; zeros where nothing differs."""
    low, high = similarities.min(initial=1.0), similarities.max(initial=-1.0)
    return np.asarray((similarities - low) / max(high - low, 1e-9), dtype=np.float64)

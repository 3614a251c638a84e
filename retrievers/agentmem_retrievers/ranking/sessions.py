"""Rank sessions by their best turns and, if routed, by their passages, summaries and keywords."""

from __future__ import annotations

import numpy as np

from agentmem_retrievers.features.lexical import Features, Floats
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import Rows
from agentmem_retrievers.ranking.pipeline import (
    CandidateSources,
    TurnRanking,
    ranked,
    weighted_parts,
)
from agentmem_retrievers.ranking.scoring import Ranking
from agentmem_stores import Granularity

__all__ = ["rank_sessions", "session_features", "session_scores"]

# Turns further behind the best one count alike.
_MIN_RELATIVE_SCORE = -12.0


def session_features(
    index: ScopeIndex, rows: Rows, scores: Floats, routed: CandidateSources | None = None
) -> tuple[Rows, Features]:
    """Return the sessions of ranked turns, by number, and the features of each.

    Args:
        rows: of the table of turns.
        scores: shape of `rows`.
        routed: other granularities that count too, each as far as the router trusts it.
    """
    session = index.tables[Granularity.TURN].columns["session"][rows].astype(np.intp)
    sessions, place = np.unique(session, return_inverse=True)
    best = np.full(len(sessions), _MIN_RELATIVE_SCORE)
    np.maximum.at(best, place, scores - scores.max(initial=-np.inf))
    features: Features = {"turns.best": best}
    if routed is not None:
        features |= _routed_features(index, sessions, routed)
    return sessions, features


def _routed_features(index: ScopeIndex, sessions: Rows, sources: CandidateSources) -> Features:
    """How near the nearest passage, summary and keywords of each session are."""
    features, trust = {}, sources.routing().weights
    for granularity, candidates in sources.all().items():
        if granularity is Granularity.TURN or not len(candidates.rows):
            continue
        session = index.tables[granularity].columns["session"][candidates.rows]
        same = session[np.newaxis, :] == sessions[:, np.newaxis]
        # A session without a candidate is at most as near as the last candidate.
        similar = np.where(same, candidates.similarities, candidates.similarities[-1]).max(axis=1)
        low, high = similar.min(initial=1.0), similar.max(initial=-1.0)
        scaled = np.asarray((similar - low) / max(high - low, 1e-9), dtype=np.float64)
        features[f"{granularity.value}.routed"] = trust[granularity] * scaled
    return features


def session_scores(ranking: TurnRanking, turns: Ranking) -> tuple[Rows, dict[str, Floats]]:
    """Return the sessions of ranked turns, by number, and the parts of their scores."""
    routed = ranking.sources if ranking.settings.routed else None
    sessions, features = session_features(ranking.index, turns.rows, turns.scores, routed)
    return sessions, weighted_parts(features, ranking.weights.session, ranking.settings.off)


def rank_sessions(ranking: TurnRanking, turns: Ranking, granularity: Granularity) -> Ranking:
    """Rank sessions, each represented by its memory of a granularity nearest to the question.

    Args:
        turns: the ranked turns.
    """
    sessions, parts = session_scores(ranking, turns)
    rows = np.flatnonzero(ranking.masks[granularity].at())
    nearest = ranking.sources.nearest(granularity)
    if nearest is not None:
        rows = np.concatenate([nearest.rows, rows[~np.isin(rows, nearest.rows)]])
    # The first row of each session, in order of similarity.
    table = ranking.index.tables[granularity]
    present, first = np.unique(table.columns["session"][rows], return_index=True)
    row_of = dict(zip(present.tolist(), rows[first].tolist(), strict=True))
    places = [i for i, number in enumerate(sessions.tolist()) if number in row_of]
    chosen = np.array([row_of[sessions[i]] for i in places], dtype=np.intp)
    return ranked(chosen, {name: values[places] for name, values in parts.items()})

"""The second stage: the best candidates again, in the light of each other."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from agentmem_retrievers.features.lexical import Features, Floats, TermStats
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.index.table import NONE, Rows, Table

__all__ = ["rm1_scores", "second_stage_features"]

# Scores this far behind the best are no evidence of anything and count alike.
MIN_RELATIVE_SCORE = -8.0
# RM1 reads the terms of this many best candidates and keeps this many terms.
FEEDBACK_DOCUMENTS = 10
FEEDBACK_TERMS = 15


def second_stage_features(
    table: Table, rows: Rows, scores: Floats, terms: Collection[str], late: Floats
) -> Features:
    """Return features of the best candidates that depend on the scores of the others.

    Args:
        rows: the candidates, ascending.
        scores: by the first stage, shape (rows,).
        terms: stems of the question.
        late: the feature "late.near" of the candidates.
    """
    relative = np.maximum(scores - scores.max(), MIN_RELATIVE_SCORE)
    share = np.exp(scores - scores.max())
    share /= share.sum()
    flat = np.exp(relative / 2)

    session = table.columns["session"][rows]
    _, place = np.unique(session, return_inverse=True)
    same_session = session[np.newaxis, :] == session[:, np.newaxis]
    better = (relative[np.newaxis, :] > relative[:, np.newaxis]) & same_session

    near = {}
    for offset in (-2, -1, 1, 2):
        neighbors = table.neighbors(rows, offset)
        places = np.minimum(np.searchsorted(rows, neighbors), len(rows) - 1)
        is_candidate = (neighbors != NONE) & (rows[places] == neighbors)
        near[offset] = np.where(is_candidate, relative[places], MIN_RELATIVE_SCORE)
    return {
        "second.score": scores,
        "second.session": np.log(np.bincount(place, weights=share)[place] + 1e-4),
        "second.session_flat": np.log(np.bincount(place, weights=flat / flat.sum())[place] + 1e-4),
        "second.better_in_session": np.log1p(better.sum(axis=1)),
        "second.neighbour": np.maximum.reduce(list(near.values())),
        "second.previous": near[-1],
        "second.next": near[1],
        "second.late": late,
        "second.expanded": rm1_scores(table.words, rows, relative, terms),
    }


def rm1_scores(
    words: InvertedIndex, rows: Rows, relative: Floats, terms: Collection[str]
) -> Floats:
    """Score candidates by the terms of the best of them, with pseudo relevance feedback.

    Relevance model RM1 (Lavrenko and Croft 2001, eq. 4), its terms weighted by idf and without
    those of the question, whose matches other features count.

    Args:
        rows: the candidates.
        relative: their scores less the best score, shape (rows,).
        terms: stems of the question.

    Returns:
        Shape (rows,).
    """
    share = np.exp(relative / 2)
    model: dict[str, float] = {}
    for place in np.argsort(-relative, kind="stable")[:FEEDBACK_DOCUMENTS]:
        document = words.terms(int(rows[place]))
        for term in document:
            model[term] = model.get(term, 0.0) + float(share[place]) / len(document)
    stats = TermStats(words, list(model))
    rarity = dict(zip(stats.terms, stats.idf.tolist(), strict=True))
    weighted = sorted((-model[t] * rarity[t] ** 2, t) for t in model if t not in terms)
    best = weighted[:FEEDBACK_TERMS]
    norm = max(float(np.linalg.norm([weight for weight, _ in best])), 1e-9)
    gain = {term: -weight / norm * rarity[term] for weight, term in best}
    scores = np.zeros(len(rows))
    for place, row in enumerate(rows.tolist()):
        for term in words.terms(row):
            scores[place] += gain.get(term, 0.0)
    return scores

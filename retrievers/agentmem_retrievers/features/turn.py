"""All features of turns: of candidates, of the best among each other, and of hits for confidence.

Features of candidates are named `part.aspect`; explanations and ablations refer to parts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from datetime import UTC, datetime

import numpy as np

from agentmem_retrievers.features.late_interaction import LateInteraction
from agentmem_retrievers.features.lexical import (
    USES_WIDE,
    Features,
    Floats,
    LexicalFeatures,
    TermStats,
    idf,
    is_used,
)
from agentmem_retrievers.forgetting import SECONDS_PER_DAY
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.index.table import NEAR, NONE, Rows, Table
from agentmem_retrievers.text.question import Question
from agentmem_retrievers.text.tokenize import stems_of
from agentmem_stores import Vectors

__all__ = [
    "coverage_features",
    "match_features",
    "rm1_scores",
    "second_stage_features",
    "turn_features",
]

# Scores this far behind the best are no evidence of anything and count alike.
MIN_RELATIVE_SCORE = -8.0
# RM1 reads the terms of this many best candidates and keeps this many terms.
FEEDBACK_DOCUMENTS = 10
FEEDBACK_TERMS = 15
# A word with a capital letter or a digit, except the first.
_NAME = re.compile(r"(?<=\s)\W*(\w*[A-Z0-9]\w*)")


def turn_features(
    table: Table,
    rows: Rows,
    question: Question,
    vector: Vectors,
    lexical: LexicalFeatures,
    late: LateInteraction,
    used: Collection[str] | None = None,
) -> Features:
    """Return the features of candidates, each of shape (rows,).

    Args:
        rows: of the table of turns, ascending.
        vector: embedding of `question.addressed`, shape (dimension,).
        used: which features are used; None for all. Some of the others are left out.
    """
    wide = table.context(rows, radius=4 if is_used(used, *USES_WIDE) else 2)
    narrow = wide.within(2)
    own, near = table.context_cosines(narrow, vector)
    return {
        **lexical.compute(wide, used),
        "turn.dense": own.astype(np.float64),
        "context.dense": near.astype(np.float64),
        **late.compute(narrow, table.columns["session"][rows], used),
        "exact.verbatim": _verbatim(table, rows, question),
        **_time(table, rows, question),
        **_form(table, rows, wide.at[-1], question, lexical),
    }


def _verbatim(table: Table, rows: Rows, question: Question) -> Floats:
    """Return 1 for turns that are the question word for word, else 0."""
    same: Floats = (table.columns["text_key"][rows] == question.text_key).astype(np.float64)
    return same


def _time(table: Table, rows: Rows, question: Question) -> Features:
    """Features of the times asked about, and of the times that turns mention."""
    said_at = table.columns["said_at"][rows]
    start, end = table.columns["about_start"][rows], table.columns["about_end"][rows]
    by_date, in_window = np.zeros(len(rows)), np.zeros(len(rows))
    if question.dates:
        for i, seconds in enumerate(said_at.tolist()):
            moment = datetime.fromtimestamp(seconds, UTC)
            by_date[i] = max(date.fits(moment) for date in question.dates)
    for window in question.windows:
        in_window = np.fmax(in_window, window.fits(start, end))
        # "Last week" is about what was said then too; a calendar date is judged by `by_date`.
        if not question.dates:
            in_window = np.maximum(in_window, window.fits(said_at, said_at))
    mentions = table.columns["mentions_time"][rows].astype(np.float64)
    # A turn that mentions no time has NaN, and is neither about the past nor about the future.
    end_of_day = np.floor(said_at / SECONDS_PER_DAY) * SECONDS_PER_DAY + SECONDS_PER_DAY
    past, future = (start < end_of_day).astype(np.float64), (start >= end_of_day).astype(np.float64)
    when, ahead = float(question.asks_when), float(question.asks_about_future)
    return {
        "time.named": np.maximum(by_date, in_window),
        "time.mentions": mentions,
        "time.mentions_when_asked": mentions * question.asks_when,
        "time.past": when * past,
        "time.ahead": when * future,
        "time.ahead_when_ahead": when * ahead * future,
    }


def _form(
    table: Table, rows: Rows, previous: Rows, question: Question, lexical: LexicalFeatures
) -> Features:
    """Features of the form of a turn: question or answer, length, place, speaker."""
    columns = table.columns
    follows_question: Floats = np.where(previous == NONE, 0.0, columns["has_question"][previous])
    return {
        "manner.question": columns["ends_with_question"][rows].astype(np.float64),
        "manner.answer": follows_question,
        "manner.length": np.log1p(lexical.all.lengths(rows)),
        "manner.opening": (columns["position"][rows] < 2).astype(np.float64),
        "manner.speaker": table.spoken_by(rows, question.named),
        "manner.only_asks": columns["is_question"][rows].astype(np.float64),
        **_role(table, rows, question),
    }


def _role(table: Table, rows: Rows, question: Question) -> Features:
    """Features of whose turn it is: the user's or the assistant's.

    `role.user` is 1 for the user's turns if these are asked for, -1 if the assistant's are, else 0;
    `role.user_by_default` is 1 for them if the question says neither and they do more than ask.
    `role.asks_back` is 1 for the assistant's turns that end in a question: they repeat what was
    said and wait for the answer.
    """
    from_user = table.columns["from_user"][rows].astype(np.float64)
    only_asks = table.columns["is_question"][rows].astype(np.float64)
    asks = table.columns["ends_with_question"][rows].astype(np.float64)
    sign = float(question.first_person) - float(question.asks_for_reply)
    return {
        "role.user": sign * from_user,
        "role.user_by_default": from_user * (1 - only_asks) * (not sign),
        "role.asks_back": asks * (1 - from_user) * (not question.asks_for_reply),
    }


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
        "second.neighbor": np.maximum.reduce(list(near.values())),
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
        weight = float(share[place]) / max(len(document), 1)
        for term in document:
            model[term] = model.get(term, 0.0) + weight
    candidates = [term for term in model if term not in terms]
    # Only how many documents contain a term: reading the postings of all would take most of the
    # time of this function.
    rarity = idf(words.n_documents, words.document_frequencies(candidates))
    weights = np.array([model[term] for term in candidates]) * rarity**2
    if len(weights) > FEEDBACK_TERMS:
        # Sort only those that can be among the best.
        enough = np.flatnonzero(weights >= np.partition(weights, -FEEDBACK_TERMS)[-FEEDBACK_TERMS])
    else:
        enough = np.arange(len(weights))
    best = sorted(enough.tolist(), key=lambda n: (-weights[n], candidates[n]))[:FEEDBACK_TERMS]
    norm = max(float(np.linalg.norm(weights[best])), 1e-9)
    gain = weights[best] / norm * rarity[best]
    contained = TermStats(words, [candidates[n] for n in best]).frequencies(rows) > 0
    return np.asarray(gain @ contained, dtype=np.float64)


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
    cosines = table.cosines(rows, vector)
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
    terms = {term for row in rows.tolist() for term in table.words.terms(row)}
    names = {name.lower() for name in _NAME.findall(question.text)}
    of_names = [
        1.0 if stem in terms else match
        for token, stem, match in zip(late.tokens, stems, matches.tolist(), strict=True)
        if token in names
    ]
    return {
        "passage": float(passages.max(initial=0.0)),
        "tokens": float(rarity @ matches / max(float(rarity.sum()), 1e-9)),
        "names": min(of_names, default=1.0),
    }

"""All features of candidate turns: lexical, dense, late interaction, time and form.

Features are named `part.aspect`; explanations and ablations refer to parts.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from agentmem_retrievers.features.late_interaction import LateInteraction
from agentmem_retrievers.features.lexical import Features, Floats, LexicalFeatures
from agentmem_retrievers.index.table import NONE, Rows, Table
from agentmem_retrievers.text.question import Question
from agentmem_stores import Vectors

__all__ = ["turn_features"]

_DAY = 86_400.0


def turn_features(
    table: Table,
    rows: Rows,
    question: Question,
    vector: Vectors,
    lexical: LexicalFeatures,
    late: LateInteraction,
) -> Features:
    """Return all features of candidates, each of shape (rows,).

    Args:
        rows: of the table of turns, ascending.
        vector: embedding of `question.addressed`, shape (dimension,).
    """
    wide = table.context(rows, radius=4)
    narrow = wide.within(2)
    own, near = table.cosines(narrow, vector)
    return {
        **lexical.compute(wide),
        "turn.dense": own.astype(np.float64),
        "context.dense": near.astype(np.float64),
        **late.compute(narrow, table.columns["session"][rows]),
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
    end_of_day = np.floor(said_at / _DAY) * _DAY + _DAY
    past, future = (start < end_of_day).astype(np.float64), (start >= end_of_day).astype(np.float64)
    when, ahead = float(question.asks_when), float(question.asks_about_future)
    return {
        "time.named": np.maximum(by_date, in_window),
        "time.told": mentions,
        "time.told_when_asked": mentions * question.asks_when,
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

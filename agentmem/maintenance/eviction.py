"""Archive memories: those that have faded, and the weakest turns beyond a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agentmem.writing.sessions import is_item_session
from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.forgetting import elapsed_days, retention
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import NONE, Rows, Table
from agentmem_stores import Batch, Granularity, Memory, Scope, State, Vectors

__all__ = [
    "NEED_WEIGHTS", "SWEEP_LIMIT", "SweepReport", "archive_faded", "log_odds_of_need",
    "need_features", "weakest_turns",
]  # fmt: skip

# Turns archived by one automatic sweep: the patch of 1,000 takes about as long as ending a session.
SWEEP_LIMIT = 1000
# Log odds that a question will need a turn, by `need_features`: logistic regression over the 3,435
# turns of LoCoMo's six development conversations, of which questions need 24 %, each as often as it
# is needed (`python -m benchmarks fit-need`). A question after a turn, what the turn asks, names,
# numbers, facts, and how similar other turns are tell little more.
_LOG_ODDS = -8.68
NEED_WEIGHTS = {
    "log information": 1.14,
    "mean idf": 0.87,
    "dated": 1.72,
    "after a question": 1.22,
    "first person": 0.72,
    # Chosen on 70 haystacks of LongMemEval: where half of the turns that no question needs are
    # archived, so is 9 % of the evidence; with -3 21 %, with 0 63 %, because replies are long.
    "reply": -4.0,
}
# The strength of a turn that will be needed with these odds is doubled. Chosen so that a year
# archives half of the turns that no question needs (docs/recall.md).
_ODDS_UNIT = 0.09
# What the last turns before said is not new.
_TURNS_BEFORE = 3
# The idf of a word that occurs once, whatever the number of turns: a word of a large scope would
# seem to say more than the same word of a small one. Fewer turns do not tell which words are rare.
_IDF_OF_ONE, _MIN_TURNS = 6.0, 200

# Rows of the similarity matrix computed at once: 512 x 100,000 turns take 200 MB.
_BLOCK_SIZE = 512


@dataclass(frozen=True)
class SweepReport:
    """What `MemoryController.sweep` did.

    Attributes:
        archived: ids of the memories that it archived.
        kept: how many memories stay active.
        expired: ids of the memories that it deleted because they had expired.
    """

    archived: tuple[str, ...]
    kept: int
    expired: tuple[str, ...] = ()


def archive_faded(
    memories: IndexedStore,
    curve: ForgettingCurve,
    scope: Scope,
    now: datetime,
    at_most: int | None = None,
) -> SweepReport:
    """Archive the active memories whose retention at `now` is below `curve.archive_below`.

    Args:
        at_most: for an automatic sweep: archive at most so many turns, those least
            retained first, spare turns that say much (`_faded_turns`), and no other granularity.
    """
    index = memories.index(scope)
    faded: list[Memory] = []
    n_active = 0
    for granularity, table in index.tables.items():
        active = table.visible(None)
        if at_most is None:
            rows = np.flatnonzero(active & (table.retention(now) < curve.archive_below))
        elif granularity is Granularity.TURN:
            rows = _faded_turns(index, curve, now)[:at_most]
        else:
            rows = np.empty(0, dtype=np.intp)
        n_active += int(active.sum()) - len(rows)
        ids = [table.ids[row] for row in rows]
        faded.extend(memories.store.get_memories(scope, granularity, ids))
    archived = [replace(m, state=State.ARCHIVED, state_changed_at=now) for m in faded]
    memories.write(Batch(scope, patch=archived))
    return SweepReport(tuple(memory.id for memory in faded), n_active)


def _faded_turns(index: ScopeIndex, curve: ForgettingCurve, now: datetime) -> Rows:
    """Return the active turns of conversations that have faded, those least retained first.

    Time counts from when a turn was written or last recalled: a conversation of last year that is
    imported today must not be archived today. A turn that is likely to be needed fades more
    slowly: its strength is multiplied by 1 + (odds / `_ODDS_UNIT`)². So acknowledgments and small
    talk fade within months, and turns that say much over years.
    """
    table = index.tables[Granularity.TURN]
    in_conversation = _in_conversation(index)
    rows = np.flatnonzero(table.visible(None) & in_conversation & ~table.column("pinned"))
    columns = table.columns
    elapsed = elapsed_days(
        np.maximum(columns["said_at"][rows], columns["written_at"][rows]),
        columns["recalled_at"][rows],
        now.timestamp(),
    )
    strength = columns["strength"][rows]
    # Most turns have not faded even without regard to what they say.
    may = retention(elapsed, strength) < curve.archive_below
    rows, elapsed, strength = rows[may], elapsed[may], strength[may]
    odds = np.exp(log_odds_of_need(table, rows))
    left = retention(elapsed, strength * (1 + (odds / _ODDS_UNIT) ** 2))
    below = left < curve.archive_below
    return np.asarray(rows[below][np.argsort(left[below], kind="stable")], dtype=np.intp)


def need_features(table: Table, rows: Rows) -> dict[str, NDArray[np.float64]]:
    """Return what tells whether a question will need turns, each of shape (rows,).

    A turn is needed if it says something new in rare words, names a time, comes after a question,
    or is about its speaker, and seldom if it is an assistant's reply to its user.
    """
    information, mean_idf = _information(table, rows)
    columns, before = table.columns, table.neighbors(rows, -1)
    features = {
        "log information": np.log1p(information),
        "mean idf": mean_idf,
        "dated": ~np.isnan(columns["about_start"][rows]),
        "after a question": columns["has_question"][before] & (before != NONE),
        "first person": columns["first_person"][rows],
        # Not what somebody else wrote, such as a tool or a nurse, or an assistant without a user.
        "reply": columns["from_assistant"][rows] & columns["from_user"][before] & (before != NONE),
    }
    return {name: values.astype(np.float64) for name, values in features.items()}


def _information(table: Table, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the information of the terms that the last turns did not say, and the mean of all."""
    n, rarity = max(len(table.words), 1), dict[str, float]()
    scale = _IDF_OF_ONE / math.log(max(n, _MIN_TURNS))
    before = np.stack([table.neighbors(rows, -offset) for offset in range(1, _TURNS_BEFORE + 1)], 1)
    information, mean_idf = np.zeros(len(rows)), np.zeros(len(rows))
    for place, (row, earlier) in enumerate(zip(rows.tolist(), before.tolist(), strict=True)):
        terms = table.words.terms(row)
        for term in terms:
            if term not in rarity:
                frequency = max(table.words.document_frequency(term), 1)
                rarity[term] = scale * max(math.log(n / frequency), 0.0)
        new = set(terms).difference(*(table.words.terms(r) for r in earlier if r != NONE))
        information[place] = sum(rarity[term] for term in new)
        mean_idf[place] = sum(rarity[term] for term in terms) / max(len(terms), 1)
    return information, mean_idf


def log_odds_of_need(table: Table, rows: Rows) -> NDArray[np.float64]:
    """Return the log odds that a question will need each turn, shape (rows,)."""
    log_odds = np.full(len(rows), _LOG_ODDS)
    for name, values in need_features(table, rows).items():
        log_odds += NEED_WEIGHTS[name] * values
    return log_odds


def _in_conversation(index: ScopeIndex) -> NDArray[np.bool_]:
    """Return which turns belong to conversations, not to notes or items."""
    flags = [not is_item_session(name) for name in index.session_names]
    # The last element stands for rows without a session, whose number is -1.
    in_session = np.array([*flags, False])
    return np.asarray(in_session[index.tables[Granularity.TURN].column("session")], dtype=np.bool_)


def weakest_turns(index: ScopeIndex, keep: int, now: datetime) -> list[str]:
    """Return the ids of the active turns beyond the `keep` most valuable ones, weakest first.

    The value of a turn is the sum of its retention, of 1 if it was ever recalled, and of its
    dissimilarity to the most similar other turn (1 - cosine); each in [0, 1]. Notes and items are
    neither counted nor returned.
    """
    table = index.tables[Granularity.TURN]
    rows = np.flatnonzero(table.visible(None) & _in_conversation(index))
    if len(rows) <= keep:
        return []
    recalled = ~np.isnan(table.column("recalled_at")[rows])
    value = table.retention(now, rows) + recalled + 1 - _redundancy(table.vectors(rows))
    order = np.lexsort((table.column("said_at")[rows], value))
    return [table.ids[rows[i]] for i in order[: len(rows) - keep]]


def _redundancy(vectors: Vectors) -> NDArray[np.float64]:
    """Return the cosine of each row to the most similar other row, at least 0."""
    largest = np.zeros(len(vectors))
    for start in range(0, len(vectors), _BLOCK_SIZE):
        block = vectors[start : start + _BLOCK_SIZE] @ vectors.T
        block[np.arange(len(block)), start + np.arange(len(block))] = 0.0
        largest[start : start + _BLOCK_SIZE] = block.max(axis=1)
    return np.clip(largest, 0.0, 1.0)

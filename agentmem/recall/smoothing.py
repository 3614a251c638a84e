"""The turns that an overview is about: hits, and other turns of their sessions and topics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentmem_retrievers import RecalledMemory
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import Granularity

__all__ = ["likeliest_turns"]

# What the mean probability of the turns of a session, or of a topic within a long one, adds to that
# of each. Of 80 of LoCoMo's questions about a day, weights of 0, 1, 3 and 10 for sessions show
# 61.9, 69.5, 71.0 and 71.7 % of the evidence within 1,200 tokens, but more than 1 costs questions
# about a theme a point. Topics gain a point in meetings; in sessions of twenty turns they would
# cost one.
_WEIGHT = 1.0
_MIN_LONG_SESSION = 100


def likeliest_turns(
    index: ScopeIndex,
    hits: Sequence[RecalledMemory],
    shares: ArrayLike,
    *,
    as_of: datetime | None,
    at_most: int,
    with_topics: bool = True,
) -> list[str]:
    """Return the ids of turns that probably belong to what a question is about, likeliest first.

    A turn without a word of the question belongs to it too if its session, or its topic, has much
    of the distribution: its probability is smoothed by theirs, as documents are by their clusters
    (Liu and Croft 2004). Topics are the communities of the association graph.

    Args:
        hits: best first.
        shares: the probability of the first of them.
        as_of: return what could have been found then; None for now.
        at_most: how many turns to return.
        with_topics: divide long sessions, such as meetings, into their topics.
    """
    table = index.tables[Granularity.TURN]
    ids = [hit.memory.id for hit in hits if hit.memory.id in table.row_of]
    probability = np.zeros(len(table.ids))
    for hit, share in zip(hits, np.asarray(shares).tolist(), strict=False):
        if hit.memory.id in table.row_of:
            probability[table.row_of[hit.memory.id]] = share
    likely = np.flatnonzero(probability).tolist()
    smoothed = probability.copy()
    sessions = _sessions(index, likely)
    for members in sessions:
        smoothed[members] += _WEIGHT * probability[members].mean()
    long = [members for members in sessions if len(members) >= _MIN_LONG_SESSION]
    if long and with_topics:
        is_long = np.zeros(len(table.ids), dtype=np.bool_)
        is_long[np.concatenate(long)] = True
        for topic in _topics(index, likely):
            turns = topic[is_long[topic]]
            # The part of a topic that lies in each session has a mean of its own.
            _, session = np.unique(table.columns["session"][turns], return_inverse=True)
            sums = np.bincount(session, weights=probability[turns])
            smoothed[turns] += _WEIGHT * (sums / np.bincount(session))[session]
    archived = any(hit.archived for hit in hits)
    smoothed[~table.visible(as_of, include_archived=archived)] = 0.0
    best = np.argsort(-smoothed, kind="stable")[:at_most]
    likeliest = [table.ids[row] for row in best.tolist() if smoothed[row] > 0]
    return list(dict.fromkeys([*likeliest, *ids]))[:at_most]


def _sessions(index: ScopeIndex, rows: Sequence[int]) -> list[NDArray[np.intp]]:
    """Return the rows of each session that has one of some turns."""
    table = index.tables[Granularity.TURN]
    numbers = sorted({int(table.columns["session"][row]) for row in rows})
    return [np.array(table.in_session(number), dtype=np.intp) for number in numbers]


def _topics(index: ScopeIndex, rows: Sequence[int]) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of each topic that has one of some turns."""
    table, topics = index.tables[Granularity.TURN], index.tables[Granularity.TOPIC].row_of
    for topic in sorted({i for row in rows for i in index.derived_from(table.ids[row])}):
        if topic in topics:
            turns = [table.row_of[i] for i in index.sources_of(topic) if i in table.row_of]
            yield np.array(turns, dtype=np.intp)

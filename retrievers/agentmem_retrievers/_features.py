"""What speaks for a turn being the answer: one number per candidate and aspect.

Every feature has a name `part.aspect`; the part is what an explanation and an ablation call it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Granularity, Vectors

from ._channels import Channel, Channels
from ._index import ScopeIndex
from ._lexical import TURN_B, TURN_K1, Lookup, bm25, idf
from ._question import Question
from ._table import NONE, Rows

__all__ = ["Features", "Floats", "TurnFeatures", "relative"]

Floats = NDArray[np.float64]
Features = dict[str, Floats]

# How much a neighbour at an offset counts in what surrounds a turn. What came before weighs more:
# an answer is understood from its question.
NEAR = {0: 1.0, -1: 0.7, 1: 0.5, -2: 0.35, 2: 0.25}
WIDE = {offset: 0.7 ** abs(offset) for offset in range(-4, 5)}

SESSION_K1, SESSION_B = 1.2, 0.75


class TurnFeatures:
    """Computes the features of candidate turns for one question."""

    def __init__(
        self, index: ScopeIndex, question: Question, vectors: Vectors, channels: Channels
    ) -> None:
        """Prepare.

        Args:
            vectors: embeddings of the question and of `question.bare`, shape (2, dimension).
        """
        self.index = index
        self.table = index.tables[Granularity.TURN]
        self.sessions = len(index.session_names)
        self.question = question
        self.vectors = vectors
        self.channels = channels
        self.session = self.table.column("session").astype(np.intp)
        self.all = Lookup(self.table.words, question.terms)
        self.rest = Lookup(self.table.words, question.rest)

    def compute(self, rows: Rows) -> Features:
        """Return all features of candidates, rows of the turn table; each of their shape."""
        self.rows = rows
        self.around = {o: self.table.neighbours(rows, o) for o in WIDE}
        return {
            **self._routed(),
            **self._lexical(),
            **self._context(),
            **self._session(),
            **self._dense(),
            **self._time(),
            **self._manner(),
        }

    def _routed(self) -> Features:
        """Each granularity's similarity, times how far the router trusts it."""
        return {
            f"{granularity.value}.routed": self.channels.routing.weights[granularity]
            * relative(self._similarity(granularity, channel))
            for granularity, channel in self.channels.near.items()
        }

    def _similarity(self, granularity: Granularity, channel: Channel) -> Floats:
        if granularity is Granularity.TURN:
            return _at(self.rows, channel)
        table = self.index.tables[granularity]
        session = table.column("session")[channel.rows]
        mine = session[np.newaxis, :] == self.session[self.rows][:, np.newaxis]
        if granularity is Granularity.SESSION:
            start = table.column("position")[channel.rows]
            place = self.table.column("position")[self.rows][:, np.newaxis]
            mine &= (start <= place) & (place < start + table.column("span")[channel.rows])
        similar = np.where(mine, channel.similarities, channel.least())
        return np.asarray(similar.max(axis=1, initial=channel.least()), dtype=np.float64)

    def _lexical(self) -> Features:
        held = self.rest.frequencies(self.rows) > 0
        total = max(float(self.rest.idf.sum()), 1e-9)
        return {
            "lexical.turn": self._bm25(self.all, {0: 1.0}),
            "lexical.rest": self._bm25(self.rest, {0: 1.0}),
            "lexical.coverage": self.rest.idf @ held / total,
        }

    def _context(self) -> Features:
        following = self.around[1]
        return {
            "context.near": self._bm25(self.all, NEAR),
            "context.near_rest": self._bm25(self.rest, NEAR),
            "context.wide_rest": self._bm25(self.rest, WIDE),
            "context.next": np.where(
                following == NONE, 0.0, self._bm25(self.rest, {0: 1.0}, following)
            ),
        }

    def _bm25(
        self, lookup: Lookup, window: Mapping[int, float], rows: Rows | None = None
    ) -> Floats:
        around = self.around if rows is None else {0: rows}
        frequencies = sum(w * lookup.frequencies(around[o]) for o, w in window.items())
        lengths = sum(w * lookup.lengths(around[o]) for o, w in window.items())
        mean = lookup.mean * sum(window.values())
        return bm25(np.asarray(frequencies), np.asarray(lengths), mean, lookup.idf, TURN_K1, TURN_B)

    def _session(self) -> Features:
        frequencies, lengths = self.rest.grouped(self.session, self.sessions)
        used = max(int((lengths > 0).sum()), 1)
        mean = float(lengths.sum()) / used
        rarity = idf(used, (frequencies > 0).sum(axis=1).astype(np.float64))
        best = np.zeros(self.sessions)
        np.maximum.at(best, self.session, self.rest.scores(TURN_K1, TURN_B))
        mine = self.session[self.rows]
        return {
            name: scores[mine]
            for name, scores in {
                "session.lexical": bm25(frequencies, lengths, mean, rarity, SESSION_K1, SESSION_B),
                "session.lexical_turn_idf": bm25(
                    frequencies, lengths, mean, self.rest.idf, SESSION_K1, SESSION_B
                ),
                "session.best_turn": best,
            }.items()
        }

    def _dense(self) -> Features:
        around = {o: self.table.vectors(self.around[o]) for o in NEAR}
        near = sum(w * around[o] for o, w in NEAR.items())
        near = near / np.maximum(np.linalg.norm(near, axis=1, keepdims=True), 1e-9)
        asked, bare = self.vectors
        return {
            "turn.dense": _floats(around[0] @ asked),
            "turn.dense_bare": _floats(around[0] @ bare),
            "context.dense": _floats(near @ asked),
            "context.dense_bare": _floats(near @ bare),
        }

    def _time(self) -> Features:
        timed = self.table.flags(self.rows, "timed")
        fits = np.zeros(len(self.rows))
        if self.question.periods:
            said = self.table.column("said")[self.rows]
            for i, seconds in enumerate(said):
                moment = datetime.fromtimestamp(float(seconds), UTC)
                fits[i] = max(period.fits(moment) for period in self.question.periods)
        return {
            "time.named": fits,
            "time.told": timed,
            "time.told_when_asked": timed * self.question.asks_when,
        }

    def _manner(self) -> Features:
        before = self.around[-1]
        asked_before = np.where(before == NONE, 0.0, self.table.flags(before, "asks"))
        return {
            "manner.question": self.table.flags(self.rows, "ends_asking"),
            "manner.answer": asked_before,
            "manner.length": np.log1p(self.all.lengths(self.rows)),
            "manner.opening": (self.table.column("position")[self.rows] < 2).astype(np.float64),
            "manner.speaker": np.array(
                [float(bool(self.table.speakers[r] & self.question.named)) for r in self.rows]
            ),
        }


def relative(similarities: Floats) -> Floats:
    """Min-max scale to [0, 1]; zeros where nothing differs."""
    low, high = similarities.min(initial=1.0), similarities.max(initial=-1.0)
    return np.asarray((similarities - low) / max(high - low, 1e-9), dtype=np.float64)


def _at(rows: Rows, channel: Channel) -> Floats:
    found = np.full(len(rows), channel.least())
    place = np.searchsorted(rows, channel.rows)
    place = np.minimum(place, max(len(rows) - 1, 0))
    known = rows[place] == channel.rows if len(rows) else np.zeros(len(place), dtype=bool)
    found[place[known]] = channel.similarities[known]
    return found


def _floats(values: NDArray[np.float32]) -> Floats:
    return values.astype(np.float64)

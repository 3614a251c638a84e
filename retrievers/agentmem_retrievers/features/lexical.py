"""What the words of a turn, of its surroundings and of its session say: lexical features."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.features.term_expansion import TermExpansion
from agentmem_retrievers.features.term_stats import TURN_B, TURN_K1, TermStats, bm25, idf
from agentmem_retrievers.index.context import NONE, ContextWindow, Rows
from agentmem_retrievers.index.table import Table
from agentmem_retrievers.index.vocabulary import SimilarTerm
from agentmem_retrievers.text.question import Question

__all__ = ["NEAR", "WIDE", "Features", "Floats", "LexicalFeatures"]

Floats = NDArray[np.float64]
Features = dict[str, Floats]

# How much a neighbour at an offset counts in what surrounds a turn. What came before weighs more:
# an answer is understood from its question.
NEAR = {0: 1.0, -1: 0.7, 1: 0.5, -2: 0.35, 2: 0.25}
WIDE = {offset: 0.7 ** abs(offset) for offset in range(-4, 5)}
NEXT_TO = {0: 1.0, -1: 0.6, 1: 0.4}

SESSION_K1, SESSION_B = 1.2, 0.75


class _Counted:
    """How often the words of a question stand in rows and around them, each row counted once."""

    def __init__(self, all_words: TermStats, around: ContextWindow) -> None:
        self.around = around
        self._frequencies = all_words.frequencies(around.rows)
        self._lengths = all_words.lengths(around.rows)
        self._place = {term: place for place, term in enumerate(all_words.terms)}

    def at(self, offset: int, lookup: TermStats) -> Floats:
        """How often the words of a lookup stand at an offset from each row; (words, rows)."""
        found = self._frequencies[:, self.around.places[offset]]
        if len(lookup.terms) == len(found):
            return found
        return found[[self._place[term] for term in lookup.terms]]

    def lengths(self, offset: int) -> Floats:
        """How many words stand there, shape (rows,)."""
        return self._lengths[self.around.places[offset]]


class LexicalFeatures:
    """Compares the words of one question with those of turns."""

    def __init__(
        self,
        table: Table,
        sessions: int,
        question: Question,
        similar_terms: Mapping[str, Sequence[SimilarTerm]],
    ) -> None:
        """Prepare.

        Args:
            sessions: how many sessions there are.
            kin: for each of the question's content stems, the words of the scope that are alike.
        """
        self.table = table
        self.sessions = sessions
        self.session = table.column("session")
        self.all = TermStats(table.words, question.terms)
        self.rest = TermStats(table.words, question.rest)
        self.soft = TermExpansion(table.words, similar_terms)
        self.keys = question.keys

    def found(self) -> tuple[Rows, Floats]:
        """What candidates are found by: rows, and how well they match softly."""
        return self.soft.rows, self.soft.best.sum(axis=0)

    def compute(self, around: ContextWindow) -> Features:
        """Return the features of candidates, each of their shape."""
        rows = around[0]
        mine = self.session[rows]
        counted = _Counted(self.all, around)
        return {
            **self._turn(counted),
            **self._context(counted),
            **self._session(mine),
            **self._soft(rows, around),
        }

    def coverage(self, around: Sequence[Rows]) -> Floats:
        """The share of the question that rows take up, softly, each with those around it.

        Args:
            around: rows and their neighbours, each of the same shape (rows,).
        """
        best = np.maximum.reduce([self.soft.at(self.soft.covered, rows) for rows in around])
        return np.asarray(best.sum(axis=0) / self._softly_asked, dtype=np.float64)

    @cached_property
    def _asked(self) -> float:
        """What the question's words weigh."""
        return max(float(self.rest.idf.sum()), 1e-9)

    @property
    def _scale(self) -> float:
        """What scores are divided by: long questions and large scopes must not drown the rest."""
        return math.sqrt(self._asked)

    @cached_property
    def _softly_asked(self) -> float:
        return max(float(self.soft.idf.sum()), 1e-9)

    def _turn(self, counted: _Counted) -> Features:
        held = (counted.at(0, self.rest) > 0) * self.rest.idf[:, np.newaxis]
        is_key = np.array([term in self.keys for term in self.rest.terms], dtype=np.bool_)
        return {
            "lexical.turn": self._bm25(counted, self.all, {0: 1.0}),
            "lexical.coverage": held.sum(axis=0) / self._asked,
            "lexical.key": held[is_key].sum(axis=0) / max(self.rest.idf[is_key].sum(), 1e-9),
        }

    def _context(self, counted: _Counted) -> Features:
        following = self._bm25(counted, self.rest, {1: 1.0})
        return {
            "context.near": self._bm25(counted, self.all, NEAR),
            "context.near_rest": self._bm25(counted, self.rest, NEAR),
            "context.wide_rest": self._bm25(counted, self.rest, WIDE),
            "context.next": np.where(counted.around[1] == NONE, 0.0, following),
        }

    def _bm25(self, counted: _Counted, lookup: TermStats, window: Mapping[int, float]) -> Floats:
        frequencies = sum(w * counted.at(o, lookup) for o, w in window.items())
        lengths = sum(w * counted.lengths(o) for o, w in window.items())
        mean = lookup.mean * sum(window.values())
        weights = lookup.idf / self._scale
        return bm25(np.asarray(frequencies), np.asarray(lengths), mean, weights, TURN_K1, TURN_B)

    def _session(self, mine: NDArray[np.int32]) -> Features:
        """Features of the sessions of candidates, each of their shape."""
        frequencies = self.rest.grouped(self.session, self.sessions)
        lengths = self.table.session_words(self.sessions)
        used = max(int((lengths > 0).sum()), 1)
        mean = float(lengths.sum()) / used
        rarity = idf(used, (frequencies > 0).sum(axis=1).astype(np.float64))
        # Only of these: there may be very many others.
        frequencies, lengths = frequencies[:, mine], lengths[mine]
        kindred = np.zeros(self.sessions)
        np.maximum.at(kindred, self.session[self.soft.rows], self.soft.others.sum(axis=0))
        scores = {
            "session.lexical": self._of_sessions(frequencies, lengths, mean, rarity),
            "session.lexical_turn_idf": self._of_sessions(
                frequencies, lengths, mean, self.rest.idf
            ),
            "soft.session": kindred[mine],
        }
        return {name: values / self._scale for name, values in scores.items()}

    @staticmethod
    def _of_sessions(tf: Floats, lengths: Floats, mean: float, rarity: Floats) -> Floats:
        return bm25(tf, lengths, mean, rarity, SESSION_K1, SESSION_B)

    def _soft(self, rows: Rows, around: ContextWindow) -> Features:
        scale = self._scale
        best, others = self.soft.best.sum(axis=0) / scale, self.soft.others.sum(axis=0) / scale
        at = self.soft.at
        near = np.maximum.reduce([w * at(self.soft.best, around[o]) for o, w in NEAR.items()])
        return {
            "soft.turn": at(best, rows),
            "soft.kindred": at(others, rows),
            "soft.next_to": sum(w * at(best, around[o]) for o, w in NEXT_TO.items()),
            "soft.kindred_next_to": sum(w * at(others, around[o]) for o, w in NEXT_TO.items()),
            "soft.near": near.sum(axis=0) / scale,
            "soft.coverage": at(self.soft.covered.sum(axis=0), rows) / self._softly_asked,
        }

"""From candidates to an order: turns by two rounds of features, sessions by their turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from agentmem_retrievers.features.late_interaction import LateInteraction, QueryToken
from agentmem_retrievers.features.lexical import Features, Floats, LexicalFeatures
from agentmem_retrievers.features.turn import TurnFeatures
from agentmem_retrievers.index.citations import CitationIndex
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import Rows
from agentmem_retrievers.index.vocabulary import SimilarTerm
from agentmem_retrievers.ranking.candidates import CandidateSources, candidate_rows
from agentmem_retrievers.ranking.multi_hop import follow
from agentmem_retrievers.ranking.scoring import Ranking, SearchSettings, Weights, weighed
from agentmem_retrievers.ranking.second_stage import second_stage_features
from agentmem_retrievers.ranking.sessions import session_features
from agentmem_retrievers.ranking.visibility import VisibilityMask
from agentmem_retrievers.text.question import Question
from agentmem_stores import Granularity, Vectors

__all__ = ["TurnRanking", "rank_sessions"]

# The second round looks at this many of the first one's best.
SHORTLIST = 60


@dataclass(frozen=True)
class TurnRanking:
    """One question's way through the two rounds.

    Attributes:
        vector: embedding of `question.addressed`, shape (dimension,).
        kin: for each of the question's content stems, the words of the scope that are alike.
        asked_words: the question's words as the embedder reads them; none where it does not tell.
        shown: which rows of each table the question may find.
        learning: what the scope's use has taught.
        at_least: how many candidates are wanted, while the scope holds as many.
    """

    index: ScopeIndex
    question: Question
    vector: Vectors
    channels: CandidateSources
    similar_terms: Mapping[str, Sequence[SimilarTerm]]
    query_tokens: Sequence[QueryToken]
    shown: Mapping[Granularity, VisibilityMask]
    now: datetime
    settings: SearchSettings
    weights: Weights
    learning: CitationIndex
    at_least: int = 1

    @cached_property
    def wording(self) -> LexicalFeatures:
        """The question's words in the turns."""
        turns = self.index.tables[Granularity.TURN]
        return LexicalFeatures(
            turns, len(self.index.session_names), self.question, self.similar_terms
        )

    @cached_property
    def late(self) -> LateInteraction:
        """The same, each of them in its context."""
        turns = self.index.tables[Granularity.TURN]
        return LateInteraction(turns.signs, turns.words, self.query_tokens, len(self.vector))

    def first(self) -> tuple[Rows, Features]:
        """The candidates and their features."""
        table = self.index.tables[Granularity.TURN]
        features = TurnFeatures(self.index, self.question, self.vector, self.wording, self.late)
        shown, wanted = self.shown[Granularity.TURN], self.settings.candidates
        # Last, for it may have to be waited for.
        worded, near = self.wording.found(), self.channels.near(Granularity.TURN)
        rows = candidate_rows(table, near, worded, shown, wanted, self.at_least)
        return rows, features.compute(rows)

    def shortlist(self, rows: Rows, features: Features) -> tuple[Rows, Features]:
        """The best candidates by the first round, and their features for the second."""
        parts = weighed(features, self.weights.first, self.settings.off)
        best, scores = _best(parts, len(rows))
        return rows[best], self._second(rows[best], scores[best], features["late.near"][best])

    def run(self) -> Ranking:
        """Rank all candidates."""
        return self.ranked(*self.first())

    def ranked(self, rows: Rows, features: Features) -> Ranking:
        """Rank candidates, by both rounds and by what is left of them in memory."""
        if not len(rows):
            return Ranking(rows, np.empty(0), {})
        parts = weighed(features, self.weights.first, self.settings.off)
        best, scores = _best(parts, len(rows))
        parts = {name: values[best] for name, values in parts.items()}
        second = self._second(rows[best], scores[best], features["late.near"][best])
        parts = self._revised(second, parts)
        parts = self._with_retention(rows[best], parts)
        parts = self._with_learned(rows[best], parts)
        return _followed(_ordered(rows[best], parts), rows, scores)

    def followed(self, turns: Ranking, hops: int) -> tuple[Ranking, Mapping[int, tuple[int, ...]]]:
        """Extend the result by what it leads to; see `follow`."""
        table, shown = self.index.tables[Granularity.TURN], self.shown[Granularity.TURN]
        terms = frozenset(self.question.terms)
        covered = self.wording.coverage([turns.rows])
        edges = self.index.edges if self.settings.associated else {}
        return follow(table, edges, turns, covered, terms, shown, hops)

    def sessions(self, turns: Ranking) -> tuple[Rows, dict[str, Floats]]:
        """The sessions of ranked turns, as numbers, and what each part says of them."""
        routed = self.channels if self.settings.routed else None
        numbers, features = session_features(self.index, turns.rows, turns.scores, routed)
        return numbers, weighed(features, self.weights.session, self.settings.off)

    def _revised(self, features: Features, parts: Mapping[str, Floats]) -> dict[str, Floats]:
        # The first score goes on in the parts that it is the sum of.
        kept = self.weights.second["second.score"] if self._has("second") else 1.0
        del features["second.score"]
        revised = {name: kept * values for name, values in parts.items()}
        return revised | weighed(features, self.weights.second, self.settings.off)

    def _second(self, rows: Rows, scores: Floats, late: Floats) -> Features:
        table = self.index.tables[Granularity.TURN]
        return second_stage_features(table, rows, scores, self.question.terms, late)

    def _has(self, part: str) -> bool:
        return part not in self.settings.off

    def _with_retention(self, rows: Rows, parts: Mapping[str, Floats]) -> dict[str, Floats]:
        if not self._has("retention"):
            return dict(parts)
        kept = self.index.tables[Granularity.TURN].retention(self.now, rows)
        return {**parts, "retention": self.settings.retention * kept}

    @property
    def asked(self) -> Vectors:
        """The embedding by which former questions like this one are known again."""
        return self.vector

    def _with_learned(self, rows: Rows, parts: Mapping[str, Floats]) -> dict[str, Floats]:
        learning = self.learning
        if not (self._has("learned") and len(learning)):
            return dict(parts)
        ids = [self.index.tables[Granularity.TURN].ids[row] for row in rows]
        return {**parts, "learned": learning.adds(self.asked, ids, self.weights.learned)}


def rank_sessions(ranking: TurnRanking, turns: Ranking, granularity: Granularity) -> Ranking:
    """Rank sessions, each by one of its memories of a granularity: the nearest to the question.

    Args:
        turns: the ranking's own result.
    """
    table = ranking.index.tables[granularity]
    numbers, parts = ranking.sessions(turns)
    order = np.flatnonzero(ranking.shown[granularity].all())
    near = ranking.channels.near(granularity)
    if near is not None:
        order = np.concatenate([near.rows, order[~np.isin(order, near.rows)]])
    # The first of each session in order of nearness stands for it.
    sessions, first = np.unique(table.column("session")[order], return_index=True)
    of = dict(zip(sessions.tolist(), order[first].tolist(), strict=True))
    held = [i for i, number in enumerate(numbers.tolist()) if number in of]
    rows = np.array([of[numbers[i]] for i in held], dtype=np.intp)
    return _ordered(rows, {name: values[held] for name, values in parts.items()})


def _sum(parts: Mapping[str, Floats], n: int) -> Floats:
    return np.asarray(np.sum([*parts.values(), np.zeros(n)], axis=0), dtype=np.float64)


def _best(parts: Mapping[str, Floats], n: int) -> tuple[Rows, Floats]:
    """The places of the shortlist in ascending order, and the scores of all."""
    scores = _sum(parts, n)
    return np.sort(np.argsort(-scores, kind="stable")[:SHORTLIST]), scores


def _ordered(rows: Rows, parts: Mapping[str, Floats]) -> Ranking:
    scores = _sum(parts, len(rows))
    order = np.argsort(-scores, kind="stable")
    return Ranking(rows[order], scores[order], {n: v[order] for n, v in parts.items()})


def _followed(ranked: Ranking, rows: Rows, scores: Floats) -> Ranking:
    """Append the candidates that did not make the shortlist, below all that did."""
    rest = ~np.isin(rows, ranked.rows)
    if not rest.any():
        return ranked
    order = np.argsort(-scores[rest], kind="stable")
    below = ranked.scores[-1] + np.minimum(scores[rest] - scores[rest].max(), 0) - 1e-6
    parts = {name: np.concatenate([v, np.zeros(rest.sum())]) for name, v in ranked.parts.items()}
    below = below[order]
    parts["rest"] = np.concatenate([np.zeros(len(ranked.rows)), below])
    return Ranking(
        np.concatenate([ranked.rows, rows[rest][order]]),
        np.concatenate([ranked.scores, below]),
        parts,
    )

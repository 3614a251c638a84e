"""The ranking of turns: candidates, first stage, second stage, retention and citations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from agentmem_retrievers.features.late_interaction import LateInteraction, QueryToken
from agentmem_retrievers.features.lexical import Features, Floats, LexicalFeatures
from agentmem_retrievers.features.turn import turn_features
from agentmem_retrievers.index.citations import CitationIndex
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import Rows, VisibilityMask
from agentmem_retrievers.index.vocabulary import SimilarTerm
from agentmem_retrievers.ranking.candidates import CandidateSources, candidate_rows
from agentmem_retrievers.ranking.scoring import (
    Ranking,
    Weights,
    confidence,
    confidence_features,
    ranked,
    weighted_parts,
)
from agentmem_retrievers.ranking.second_stage import second_stage_features
from agentmem_retrievers.ranking.sessions import session_features
from agentmem_retrievers.settings import SearchSettings
from agentmem_retrievers.text.question import Question
from agentmem_stores import Granularity, Vectors

__all__ = ["TurnRanking"]

# The second stage ranks this many of the first one's best.
SHORTLIST = 60


@dataclass(frozen=True)
class TurnRanking:
    """The ranking of a scope's turns for one question.

    `first_stage` computes features of the candidates. `rank` scores them with a linear model,
    scores the best `SHORTLIST` again with features that depend on the first scores, and adds what
    retention and citations contribute.

    Attributes:
        index: of the scope.
        question: the parsed question.
        vector: embedding of `question.addressed`, shape (dimension,).
        sources: the nearest memories of each granularity.
        masks: what the question may find, by granularity.
        similar_terms: for each term of `question.rest`, similar terms of the scope.
        query_tokens: the question's tokens; none where there are no token embeddings.
        now: when it is asked.
        weights: of the linear models.
        citations: what former answers cited.
        at_least: how many turns to rank while the scope has as many.
    """

    index: ScopeIndex
    question: Question
    vector: Vectors
    sources: CandidateSources
    masks: Mapping[Granularity, VisibilityMask]
    similar_terms: Mapping[str, Sequence[SimilarTerm]]
    query_tokens: Sequence[QueryToken]
    now: datetime
    settings: SearchSettings
    weights: Weights
    citations: CitationIndex
    at_least: int = 1

    @cached_property
    def lexical(self) -> LexicalFeatures:
        """The lexical features of the question."""
        n_sessions = len(self.index.session_names)
        table = self.index.tables[Granularity.TURN]
        return LexicalFeatures(table, n_sessions, self.question, self.similar_terms)

    def first_stage(self) -> tuple[Rows, Features]:
        """Return the candidates, ascending, and their features."""
        table, lexical = self.index.tables[Granularity.TURN], self.lexical
        late = LateInteraction(table.token_codes, table.words, self.query_tokens, len(self.vector))
        rows = candidate_rows(
            table,
            # Last of all, since the store may have to be waited for.
            lexical=(lexical.expansion.rows, lexical.expansion.best.sum(axis=0)),
            nearest=self.sources.nearest(Granularity.TURN),
            mask=self.masks[Granularity.TURN],
            n=self.settings.candidates,
            at_least=self.at_least,
        )
        return rows, turn_features(table, rows, self.question, self.vector, lexical, late)

    def shortlist(self, rows: Rows, features: Features) -> tuple[Rows, Features]:
        """Return the best candidates by the first stage, and their features for the second."""
        places, _, _, second = self._shortlist(rows, features)
        return rows[places], second

    def _shortlist(
        self, rows: Rows, features: Features
    ) -> tuple[Rows, dict[str, Floats], Floats, Features]:
        """The places of the best candidates, the parts and scores of all, and new features."""
        parts = weighted_parts(features, self.weights.first, self.settings.off)
        scores = np.zeros(len(rows))
        for values in parts.values():
            scores = scores + values
        places = np.sort(np.argsort(-scores, kind="stable")[:SHORTLIST])
        second = second_stage_features(
            self.index.tables[Granularity.TURN],
            rows[places],
            scores[places],
            self.question.terms,
            features["late.near"][places],
        )
        return places, parts, scores, second

    def rank(self, rows: Rows, features: Features) -> Ranking:
        """Rank candidates by their features of the first stage."""
        if not len(rows):
            return Ranking(rows, np.empty(0), {})
        table, off = self.index.tables[Granularity.TURN], self.settings.off
        places, parts, scores, second = self._shortlist(rows, features)
        best = rows[places]
        # The first score stays split into the parts that it is the sum of.
        del second["second.score"]
        factor = 1.0 if "second" in off else self.weights.second["second.score"]
        parts = {name: factor * values[places] for name, values in parts.items()}
        parts |= weighted_parts(second, self.weights.second, off)
        if "retention" not in off:
            parts["retention"] = self.settings.retention * table.retention(self.now, best)
        if "learned" not in off and self.citations.citations:
            ids = [table.ids[row] for row in best]
            parts["learned"] = self.citations.adjustments(self.vector, ids, self.weights.learned)
        shortlist = ranked(best, parts)
        if len(best) == len(rows):
            return shortlist
        return _append(shortlist, np.delete(rows, places), np.delete(scores, places))

    def session_scores(self, turns: Ranking) -> tuple[Rows, dict[str, Floats]]:
        """Return the sessions of ranked turns, by number, and the parts of their scores."""
        routed = self.sources if self.settings.routed else None
        sessions, features = session_features(self.index, turns.rows, turns.scores, routed)
        return sessions, weighted_parts(features, self.weights.session, self.settings.off)

    def confidence_features(self, turns: Ranking) -> dict[str, float]:
        """Return the evidence that ranked turns answer the question."""
        table = self.index.tables[Granularity.TURN]
        return confidence_features(turns, table, self.question, self.vector, self.lexical)

    def confidence(self, turns: Ranking) -> float:
        """Return the probability that ranked turns answer the question; 0 for no turns."""
        if not len(turns.rows):
            return 0.0
        return confidence(self.confidence_features(turns), self.weights.confidence)


def _append(shortlist: Ranking, rows: Rows, scores: Floats) -> Ranking:
    """Append candidates that did not make the shortlist, below all that did."""
    order = np.argsort(-scores, kind="stable")
    below = shortlist.scores[-1] + np.minimum(scores - scores.max(), 0) - 1e-6
    below = below[order]
    zeros = np.zeros(len(rows))
    parts = {name: np.concatenate([v, zeros]) for name, v in shortlist.parts.items()}
    parts["rest"] = np.concatenate([np.zeros(len(shortlist.rows)), below])
    return Ranking(
        np.concatenate([shortlist.rows, rows[order]]),
        np.concatenate([shortlist.scores, below]),
        parts,
    )

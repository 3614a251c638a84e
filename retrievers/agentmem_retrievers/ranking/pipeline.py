"""The ranking of turns: candidates, two stages of linear models, and confidence.

The first stage scores every candidate by its own features. The second stage scores the best of
them again, by features that depend on the scores of the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from agentmem_retrievers.features.late_interaction import LateInteraction, QueryToken
from agentmem_retrievers.features.lexical import (
    Features,
    Floats,
    LexicalFeatures,
    TermStats,
    idf,
)
from agentmem_retrievers.features.turn import turn_features
from agentmem_retrievers.index.citations import CitationIndex
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import NONE, Rows, Table, VisibilityMask
from agentmem_retrievers.index.vocabulary import SimilarTerm
from agentmem_retrievers.ranking.candidates import CandidateSources, candidate_rows
from agentmem_retrievers.ranking.confidence import (
    CONFIDENCE_HITS,
    confidence,
    coverage_features,
    match_features,
)
from agentmem_retrievers.ranking.scoring import Ranking, Weights
from agentmem_retrievers.settings import SearchSettings
from agentmem_retrievers.text.question import PRESENT, Question
from agentmem_stores import Granularity, Vectors

__all__ = [
    "TurnRanking",
    "ranked",
    "rm1_scores",
    "second_stage_features",
    "weighted_parts",
]

# The second stage ranks this many of the first one's best.
SHORTLIST = 60
# Scores this far behind the best are no evidence of anything and count alike.
MIN_RELATIVE_SCORE = -8.0
# RM1 reads the terms of this many best candidates and keeps this many terms.
FEEDBACK_DOCUMENTS = 10
FEEDBACK_TERMS = 15
# Features that an ablation leaves out with a part other than their own.
_ASPECTS = {"second.expanded": "expansion", "second.late": "late"}
# What is added to a turn that is the question word for word: more than scores ever differ.
VERBATIM = 100.0
# Of each literal of the question, the latest so many turns that contain it are candidates.
EXACT = 50


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

    @cached_property
    def late(self) -> LateInteraction:
        """Compares the question's tokens with those of turns."""
        table, language = self.index.tables[Granularity.TURN], self.question.language
        tokens = [token for token in self.query_tokens if token.text not in PRESENT]
        return LateInteraction(table.token_codes, table.words, tokens, len(self.vector), language)

    def first_stage(self) -> tuple[Rows, Features]:
        """Return the candidates, ascending, and their features."""
        table, lexical = self.index.tables[Granularity.TURN], self.lexical
        rows = candidate_rows(
            table,
            # Last of all, since the store may have to be waited for.
            lexical=(lexical.expansion.rows, lexical.expansion.best.sum(axis=0)),
            nearest=self.sources.nearest(Granularity.TURN),
            mask=self.masks[Granularity.TURN],
            n=self.settings.candidates,
            at_least=self.at_least,
            exact=self._exact_rows(table, lexical),
        )
        return rows, turn_features(table, rows, self.question, self.vector, lexical, self.late)

    def _exact_rows(self, table: Table, lexical: LexicalFeatures) -> Rows:
        """Return the turns that are the question word for word, and those with its literals."""
        same = np.flatnonzero(table.column("text_key") == self.question.text_key)
        allowed = self.masks[Granularity.TURN].allowed
        found = [rows for rows, _ in lexical.literals.postings]
        if allowed is not None:
            found = [rows[allowed[rows]] for rows in found]
        rare = [rows[-EXACT:] for rows in found]
        return np.concatenate([same, *rare]).astype(np.intp)

    def shortlist(self, rows: Rows, features: Features) -> tuple[Rows, Features]:
        """Return the best candidates by the first stage, and their features for the second."""
        places, _, _, second = self._shortlist(rows, features)
        return rows[places], second

    def _shortlist(
        self, rows: Rows, features: Features
    ) -> tuple[Rows, dict[str, Floats], Floats, Features]:
        """The places of the best candidates, the parts and scores of all, and new features."""
        standardized = self.weights.standardize(features)
        parts = weighted_parts(standardized, self.weights.first, self.settings.off)
        scores = np.zeros(len(rows))
        for values in parts.values():
            scores = scores + values
        # A turn that is the question word for word is kept, however it scores.
        best = np.lexsort((-scores, -features["exact.verbatim"]))
        places = np.sort(best[:SHORTLIST])
        if self.weights.second.keys() <= {"second.score"}:
            return places, parts, scores, {"second.score": scores[places]}
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
        factor = 1.0 if "second" in off else self.weights.second.get("second.score", 1.0)
        parts = {name: factor * values[places] for name, values in parts.items()}
        parts |= weighted_parts(second, self.weights.second, off)
        if "exact" not in off:
            parts["exact"] = parts["exact"] + VERBATIM * features["exact.verbatim"][places]
        if "retention" not in off:
            parts["retention"] = self.settings.retention * table.retention(self.now, best)
        if "learned" not in off and self.citations.citations:
            ids = [table.ids[row] for row in best]
            parts["learned"] = self.citations.adjustments(self.vector, ids, self.weights.learned)
        shortlist = ranked(best, parts)
        if len(best) == len(rows):
            return shortlist
        return _append(shortlist, np.delete(rows, places), np.delete(scores, places))

    def confidence_features(
        self, turns: Ranking, rows: Rows, features: Features
    ) -> dict[str, float]:
        """Return the evidence that ranked turns answer the question.

        Args:
            rows, features: of the first stage.
        """
        return self._coverage(turns) | self._match(turns, rows, features)

    def _coverage(self, turns: Ranking) -> dict[str, float]:
        best, table = turns.rows[:CONFIDENCE_HITS], self.index.tables[Granularity.TURN]
        return coverage_features(best, table, self.question, self.vector, self.lexical)

    def _match(self, turns: Ranking, rows: Rows, features: Features) -> dict[str, float]:
        best, table = turns.rows[:CONFIDENCE_HITS], self.index.tables[Granularity.TURN]
        passages = features["late.passage_rare"][np.searchsorted(rows, best)]
        return match_features(best, table, self.question, self.late, passages)

    def confidence(self, turns: Ranking, rows: Rows, features: Features) -> float:
        """Return the probability that ranked turns answer the question; 0 for no turns."""
        if not len(turns.rows):
            return 0.0
        evidence, weights = self._coverage(turns), self.weights.confidence
        # Comparing tokens takes time, and not all weights need it.
        if not weights.keys() <= evidence.keys():
            evidence |= self._match(turns, rows, features)
        return confidence(evidence, weights)


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


def ranked(rows: Rows, parts: Mapping[str, Floats]) -> Ranking:
    """Rank rows by the sum of their parts."""
    scores = np.zeros(len(rows))
    for values in parts.values():
        scores = scores + values
    order = np.argsort(-scores, kind="stable")
    return Ranking(rows[order], scores[order], {n: v[order] for n, v in parts.items()})


def weighted_parts(
    features: Mapping[str, Floats], weights: Mapping[str, float], off: frozenset[str]
) -> dict[str, Floats]:
    """Return what each part that is not off contributes to the score of each candidate."""
    parts: dict[str, Floats] = {}
    for name, values in features.items():
        part, _, _ = name.partition(".")
        if part not in off and _ASPECTS.get(name) not in off:
            parts[part] = parts.get(part, 0.0) + weights.get(name, 0.0) * values
    return parts


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

"""The ranking of turns: candidates, two stages of linear models, and confidence.

The first stage scores every candidate by its own features. The second stage scores the best of
them again, by features that depend on the scores of the others.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.features.late_interaction import LateInteraction, QueryToken
from agentmem_retrievers.features.lexical import (
    Features,
    Floats,
    LexicalFeatures,
)
from agentmem_retrievers.features.turn import (
    coverage_features,
    match_features,
    second_stage_features,
    turn_features,
)
from agentmem_retrievers.index.citations import CitationIndex
from agentmem_retrievers.index.inverted_index import SimilarTerm
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import NONE, Rows, Table, VisibilityMask
from agentmem_retrievers.ranking.scoring import Ranking, Weights
from agentmem_retrievers.routing import Routing, route
from agentmem_retrievers.settings import SearchSettings
from agentmem_retrievers.text.question import PRESENT, Question
from agentmem_stores import Granularity, MemoryStore, Neighbor, Scope, Vectors
from agentmem_stores.store import paginate

__all__ = [
    "CandidateSources",
    "Candidates",
    "TurnRanking",
    "candidate_rows",
    "confidence",
    "nearest_stored",
    "nearest_turns",
    "ranked",
    "standardize",
    "visible_candidates",
    "weighted_parts",
]

# The neighbors in the session of this many best candidates of each source are candidates too.
WITH_NEIGHBORS = 30
# Of this many times as many sign codes as candidates, the vectors are compared: of the 17,210
# different texts of turns of LoCoMo and QMSum, they have 93.6 % of the 100 nearest and 99.4 % of
# the 20 nearest. See docs/performance.md for what the ranking finds.
OVERSAMPLING = 6
# The second stage ranks this many of the first one's best.
SHORTLIST = 60
# Features that an ablation leaves out with a part other than their own.
_ASPECTS = {"second.expanded": "expansion", "second.late": "late"}
# What is added to a turn that is the question word for word: more than scores ever differ.
VERBATIM = 100.0
# Of each literal of the question, the latest so many turns that contain it are candidates.
EXACT = 50
# Confidence looks at this many hits: an answer further down is as good as none.
CONFIDENCE_HITS = 5


@dataclass(frozen=True)
class Candidates:
    """Visible memories of one granularity nearest to a question, best first.

    Attributes:
        rows: rows of the granularity's table.
        similarities: their cosines, shape of `rows`.
    """

    rows: Rows
    similarities: Floats


class CandidateSources:
    """Finds the nearest memories, of each granularity when they are first needed.

    Turns are compared in the index; the store is queried for other granularities, which only
    routing needs.

    Args:
        vector: the question's embedding, shape (dimension,).
        masks: what the question may find, by granularity.

    Attributes:
        scope: whose memories.
        granularities: those that can be queried.
    """

    def __init__(
        self,
        store: MemoryStore,
        scope: Scope,
        index: ScopeIndex,
        vector: Vectors,
        masks: Mapping[Granularity, VisibilityMask],
        settings: SearchSettings,
    ) -> None:
        self.granularities = [
            g
            for g, table in index.tables.items()
            if table.row_of and g.of_session and g.value not in settings.off
        ]
        self.scope = scope
        self._store, self._index = store, index
        self._vector, self._masks, self._settings = vector, masks, settings
        self._candidates: dict[Granularity, Candidates] = {}

    def nearest(self, granularity: Granularity) -> Candidates | None:
        """Return the candidates of a granularity; None where it cannot be queried."""
        if granularity not in self.granularities:
            return None
        if granularity not in self._candidates:
            mask, n = self._masks[granularity], self._settings.candidates
            if granularity is Granularity.TURN:
                candidates = nearest_turns(mask, self._vector, n)
            else:
                vectors = self._vector[np.newaxis]
                [neighbors] = self._store.nearest(self.scope, granularity, vectors, n)
                candidates = visible_candidates(neighbors, self._index.tables[granularity], mask)
            self._candidates[granularity] = candidates
        return self._candidates[granularity]

    def all(self) -> dict[Granularity, Candidates]:
        """Return the candidates of all granularities."""
        nearest = {g: self.nearest(g) for g in self.granularities}
        return {g: candidates for g, candidates in nearest.items() if candidates is not None}

    def routing(self) -> Routing:
        """Return the trust in each granularity; equal for all if the router is off."""
        routing = route({g: candidates.similarities for g, candidates in self.all().items()})
        if "router" in self._settings.off and self.granularities:
            equal = dict.fromkeys(self.granularities, 1 / len(self.granularities))
            return Routing(equal, routing.entropies)
        return routing


def visible_candidates(neighbors: list[Neighbor], table: Table, mask: VisibilityMask) -> Candidates:
    """Return the visible ones of a store's neighbors."""
    row_of = table.row_of
    rows = np.array([row_of.get(n.id, NONE) for n in neighbors], dtype=np.intp)
    similarities = np.array([n.similarity for n in neighbors], dtype=np.float64)
    known = rows != NONE
    rows, similarities = rows[known], similarities[known]
    visible = mask.at(rows)
    return Candidates(rows[visible], similarities[visible])


def nearest_turns(mask: VisibilityMask, vector: Vectors, n: int) -> Candidates:
    """Return the `n` nearest turns that may be found.

    The vectors of the turns with the nearest sign codes are compared.

    Args:
        vector: unit length, shape (dimension,).
    """
    # Only visible turns count, so that none of the others takes a place in the shortlist.
    table, visible, n_codes = mask.table, mask.at(), OVERSAMPLING * n
    is_many = np.count_nonzero(visible) > n_codes
    rows = table.near(vector, n_codes, visible) if is_many else np.flatnonzero(visible)
    return _best(rows, table.cosines(rows, vector), n)


def nearest_stored(
    store: MemoryStore,
    scope: Scope,
    granularity: Granularity,
    vector: Vectors,
    mask: VisibilityMask,
) -> Candidates:
    """Return all allowed memories of a granularity without vectors in the index, nearest first."""
    table = mask.table
    ids = [table.ids[row] for row in np.flatnonzero(mask.at())]
    entries = [entry for page in paginate(ids) for entry in store.get(scope, granularity, page)]
    rows = np.array([table.row_of[entry.memory.id] for entry in entries], dtype=np.intp)
    similarities = np.array([entry.vector @ vector for entry in entries], dtype=np.float64)
    return _best(rows, similarities, len(rows))


def _best(rows: Rows, similarities: NDArray[np.floating], n: int) -> Candidates:
    order = np.argsort(-similarities, kind="stable")[:n]
    return Candidates(rows[order], similarities[order].astype(np.float64))


def candidate_rows(
    table: Table,
    nearest: Candidates | None,
    lexical: tuple[Rows, Floats],
    mask: VisibilityMask,
    n: int,
    at_least: int,
    exact: Rows,
) -> Rows:
    """Return the turns that are compared in full, ascending.

    They are the nearest by embedding, the best `n` by words, and the neighbors in the session of
    the best of both. If they are fewer than `at_least`, the latest turns are added.

    Args:
        lexical: rows that share words with the question, ascending, and how well they match.
        exact: rows that contain a literal of the question, or are the question; always included.
    """
    rows, scores = lexical
    if mask.allowed is not None:
        # Before the best are chosen, so that what a filter leaves out takes no place.
        allowed = mask.allowed[rows]
        rows, scores = rows[allowed], scores[allowed]
    if len(scores) > n:
        # Sort only those that can be among the best.
        enough = scores >= np.partition(scores, -n)[-n]
        rows, scores = rows[enough], scores[enough]
    best = np.argsort(-scores, kind="stable")[:n]
    sources = [rows[best[scores[best] > 0]]]
    if nearest is not None:
        sources.append(nearest.rows)
    first = np.concatenate([source[:WITH_NEIGHBORS] for source in sources])
    neighbors = [table.neighbors(first, -1), table.neighbors(first, 1)]
    rows = np.unique(np.concatenate([*sources, *neighbors, exact]))
    rows = rows[rows != NONE]
    rows = rows[mask.at(rows)]
    if len(rows) < at_least:
        latest = np.flatnonzero(mask.at())
        latest = latest[np.argsort(-table.column("said_at")[latest], kind="stable")][:at_least]
        rows = np.union1d(rows, latest)
    return rows.astype(np.intp)


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

    def first_stage(self, *, complete: bool = False) -> tuple[Rows, Features]:
        """Return the candidates, ascending, and their features.

        Args:
            complete: compute also features that the weights do not use; of these, `soft` compares
                exact terms only, since similar ones were not looked up.
        """
        table, lexical = self.index.tables[Granularity.TURN], self.lexical
        rows = candidate_rows(
            table,
            nearest=self.sources.nearest(Granularity.TURN),
            lexical=(lexical.expansion.rows, lexical.expansion.best.sum(axis=0)),
            mask=self.masks[Granularity.TURN],
            n=self.settings.candidates,
            at_least=self.at_least,
            exact=self._exact_rows(table, lexical),
        )
        used = None if complete else self._used
        return rows, turn_features(
            table, rows, self.question, self.vector, lexical, self.late, used
        )

    @property
    def _used(self) -> set[str]:
        """The features of the first stage that are used."""
        used = {*self.weights.first, *self.weights.standardized}
        if self._has_second_stage:
            used.add("late.near")
        return used

    @property
    def _has_second_stage(self) -> bool:
        return not self.weights.second.keys() <= {"second.score"}

    def _exact_rows(self, table: Table, lexical: LexicalFeatures) -> Rows:
        """Return the turns that are the question word for word, and those with its literals."""
        same = self._verbatim_rows(table, lexical)
        allowed = self.masks[Granularity.TURN].allowed
        postings = [rows for rows, _ in lexical.literals.postings]
        if allowed is not None:
            postings = [rows[allowed[rows]] for rows in postings]
        rare = [rows[-EXACT:] for rows in postings]
        return np.concatenate([same, *rare]).astype(np.intp)

    def _verbatim_rows(self, table: Table, lexical: LexicalFeatures) -> Rows:
        """Return the turns that are the question word for word."""
        keys = table.column("text_key")
        terms = lexical.all
        if not terms.postings:
            return np.flatnonzero(keys == self.question.text_key)
        # Such a turn contains every term of the question, so also the rarest.
        rows, _ = terms.postings[terms.document_frequencies.argmin()]
        verbatim: Rows = rows[keys[rows] == self.question.text_key].astype(np.intp)
        return verbatim

    def shortlist(self, rows: Rows, features: Features) -> tuple[Rows, Features]:
        """Return the best candidates by the first stage, and their features for the second.

        Args:
            features: of the first stage, complete.
        """
        places, _, _, second = self._shortlist(rows, features, complete=True)
        return rows[places], second

    def _shortlist(
        self, rows: Rows, features: Features, *, complete: bool = False
    ) -> tuple[Rows, dict[str, Floats], Floats, Features]:
        """Return the places of the best candidates, parts and scores of all, and new features.

        Args:
            complete: compute the features of the second stage also if no weight uses them.
        """
        standardized = standardize(features, self.weights.standardized)
        parts = weighted_parts(standardized, self.weights.first, self.settings.off)
        scores = np.zeros(len(rows))
        for values in parts.values():
            scores = scores + values
        # A turn that is the question word for word is kept, however it scores.
        best = np.lexsort((-scores, -features["exact.verbatim"]))
        places = np.sort(best[:SHORTLIST])
        if not (complete or self._has_second_stage):
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


def standardize(features: Features, names: Collection[str]) -> Features:
    """Return features, some of them with zero mean and unit variance among the candidates."""
    changed = {}
    for name in names:
        values = features[name]
        changed[name] = (values - values.mean()) / max(float(values.std()), 1e-9)
    return {**features, **changed}


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


def confidence(features: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the probability that an answer was found, in [0, 1], by a logistic model."""
    logit = 0.0
    for name, value in features.items():
        logit += weights.get(name, 0.0) * value
    return 1 / (1 + math.exp(-max(min(logit, 700.0), -700.0)))

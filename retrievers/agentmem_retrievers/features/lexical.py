"""Lexical features: BM25 of turns, of their context and of their sessions, exact and expanded.

Expanded matching lets a term of the question match the scope's similar terms too, as far as they
are similar.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.inverted_index import InvertedIndex, Postings, SimilarTerm
from agentmem_retrievers.index.table import NEAR, NONE, ContextWindow, Rows, Table
from agentmem_retrievers.text.question import Question

__all__ = [
    "USES_WIDE",
    "WIDE",
    "Features",
    "Floats",
    "LexicalFeatures",
    "TermExpansion",
    "TermStats",
    "bm25",
    "idf",
    "is_used",
]

Floats = NDArray[np.float64]
Features = dict[str, Floats]

# Weight of a neighbor in the wide context of a turn, by offset in the session; see `table.NEAR`.
WIDE = {offset: 0.7 ** abs(offset) for offset in range(-4, 5)}
# Features of turns with their wide context.
USES_WIDE = ("context.near", "context.wide", "context.next")
ADJACENT = {0: 1.0, -1: 0.6, 1: 0.4}
NEAR_WIDTH, WIDE_WIDTH = sum(NEAR.values()), sum(WIDE.values())

# BM25 of turns, which are short and alike: little saturation, little length normalization.
TURN_K1, TURN_B = 0.9, 0.4
# BM25 of sessions, and of turns of any length: the usual values.
SESSION_K1, SESSION_B = 1.2, 0.75
# Most postings that term expansion reads, so that a search in a large scope takes no longer.
MAX_POSTINGS = 10_000


def is_used(used: Collection[str] | None, *starts: str) -> bool:
    """Return whether a feature whose name starts so is used; `used=None` uses all of them."""
    return used is None or bool([name for name in used if name.startswith(starts)])


def idf(n_documents: float, document_frequency: Floats | float) -> Floats:
    """Return the inverse document frequency as in Lucene, ln(1 + (N - n + 0.5) / (n + 0.5)) > 0."""
    return np.asarray(
        np.log1p((n_documents - document_frequency + 0.5) / (document_frequency + 0.5)),
        dtype=np.float64,
    )


def bm25(
    frequencies: Floats, lengths: Floats, mean_length: float, weights: Floats, k1: float, b: float
) -> Floats:
    """Return BM25 scores (Robertson and Zaragoza 2009, eq. 3.15).

    Args:
        frequencies: shape (terms, documents).
        lengths: of the documents, shape (documents,).
        mean_length: of all documents.
        weights: idf of the terms, shape (terms,).

    Returns:
        Shape (documents,).
    """
    norm = k1 * (1 - b + b * lengths / max(mean_length, 1e-9))
    scores: Floats = weights @ (frequencies * (k1 + 1) / (frequencies + norm + 1e-12))
    return scores


class TermStats:
    """Statistics of the distinct terms of a query.

    Attributes:
        terms: the distinct terms, in order.
        idf: shape (terms,).
        document_frequencies: shape (terms,).
        mean_length: mean number of terms of a document.
        n_documents: how many documents the index has.
    """

    def __init__(self, index: InvertedIndex, terms: Sequence[str]) -> None:
        postings = index.lookup(terms)
        self.terms = tuple(postings)
        self.postings: list[Postings] = list(postings.values())
        self.mean_length = index.mean_length()
        self.n_documents = index.n_documents
        self.document_frequencies = np.array([float(len(rows)) for rows, _ in self.postings])
        self.idf = idf(index.n_documents, self.document_frequencies)
        self._lengths = index.lengths()

    def frequencies(self, rows: Rows) -> Floats:
        """Return how often each term occurs in each document, shape (terms, rows)."""
        frequencies = np.zeros((len(self.terms), len(rows)))
        # The dtype of the postings, which would all be converted otherwise; NONE becomes a number
        # that no document has.
        numbers = rows.astype(np.uint32)
        for i, (documents, counts) in enumerate(self.postings):
            if len(documents):
                places = np.minimum(np.searchsorted(documents, numbers), len(documents) - 1)
                frequencies[i] = np.where(documents[places] == numbers, counts[places], 0)
        return frequencies

    def lengths(self, rows: Rows) -> Floats:
        """Return the lengths of documents; 0 for NONE."""
        return np.where(rows < 0, 0.0, self._lengths[rows])

    def grouped(self, groups: NDArray[np.integer], n_groups: int) -> Floats:
        """Return term frequencies of groups of documents, shape (terms, groups).

        Args:
            groups: the group of every document, shape (documents,).
        """
        frequencies = np.zeros((len(self.terms), n_groups))
        for i, (documents, counts) in enumerate(self.postings):
            frequencies[i] = np.bincount(groups[documents], weights=counts, minlength=n_groups)
        return frequencies

    def coverage(self) -> Floats:
        """Return the share of the terms' idf that each document contains, shape (documents,)."""
        total = np.zeros(len(self._lengths))
        for weight, (documents, _) in zip(self.idf, self.postings, strict=True):
            total[documents] += weight
        return total / max(float(self.idf.sum()), 1e-9)


class TermExpansion:
    """How well each document matches each term of the question, by itself or a similar term.

    The match of a document is the best of its terms': idf of the term times the squared cosine to
    the question's. After the generalized translation language model (Ganguly et al., SIGIR 2015),
    with the best translation in place of the sum.

    Attributes:
        rows: the documents that match, ascending. The shortest postings are read first, up to
            `MAX_POSTINGS`; documents that contain only common terms are not found, and similar
            terms whose postings are not read do not count.
        best: shape (terms, rows).
        similar: the same without the term itself.
        covered: the same as `best`, but no match counts more than the term's own idf.
        idf: of the terms, shape (terms,).
    """

    def __init__(self, index: InvertedIndex, terms: Mapping[str, Sequence[SimilarTerm]]) -> None:
        expanded = {stem: {**dict(similar), stem: 1.0} for stem, similar in terms.items()}
        stats = TermStats(index, [term for group in expanded.values() for term in group])
        rarity = dict(zip(stats.terms, stats.idf.tolist(), strict=True))
        self.idf = np.array([rarity[stem] for stem in terms])
        all_postings = {t: rows for t, (rows, _) in zip(stats.terms, stats.postings, strict=True)}
        rarest = _rarest(all_postings)
        self.rows = _merge(rarest.values(), index.n_numbers)
        # Place of each document in `rows`; the last is for NONE.
        self._place = np.full(index.n_numbers + 1, -1, dtype=np.int32)
        self._place[self.rows] = np.arange(len(self.rows), dtype=np.int32)
        # All at once: there are dozens of terms, and most postings are short.
        flat = self._place[_concatenated(rarest.values())]
        ends = np.cumsum([len(documents) for documents in rarest.values()]).tolist()
        places = {t: flat[b:e] for t, b, e in zip(rarest, [0, *ends], ends, strict=False)}
        self.best, self.similar, self.covered = np.zeros((3, len(terms), len(self.rows)))
        for i, (stem, cosines) in enumerate(expanded.items()):
            own, itself = rarity[stem], places.get(stem)
            if itself is None:
                itself = self._place[all_postings[stem]]
                itself = itself[itself >= 0]
            similar, covered = [], []
            for term, cosine in cosines.items():
                if term != stem and term in places:
                    similar.append((cosine**2 * rarity[term], term))
                    covered.append((cosine**2 * min(rarity[term], own), term))
            _set_greatest(self.similar[i], similar, places)
            _set_greatest(self.covered[i], covered, places)
            self.covered[i][itself] = own
            self.best[i] = self.similar[i]
            self.best[i][itself] = np.maximum(self.similar[i][itself], own)

    def at(self, values: Floats, rows: Rows) -> Floats:
        """Return the values of documents along the last axis; 0 where nothing matches."""
        if not len(self.rows):
            return np.zeros((*values.shape[:-1], *rows.shape))
        places = self._place[rows]
        return np.asarray(np.where(places >= 0, values[..., places], 0.0))


def _weighted_sum(at: Mapping[int, Floats], window: Mapping[int, float]) -> Floats:
    """Return the sum of arrays, by offset, each times the weight of its offset."""
    total = np.zeros_like(at[0])
    for offset, weight in window.items():
        total += weight * at[offset]
    return total


def _set_greatest(
    values: Floats, matches: list[tuple[float, str]], places: Mapping[str, NDArray[np.int32]]
) -> None:
    """Set documents to the greatest match of the terms that they contain."""
    # Ascending: where a place is set several times, the last value stays.
    matches = sorted(matches)
    if matches:
        groups = [places[term] for _, term in matches]
        counts = list(map(len, groups))
        values[np.concatenate(groups)] = np.repeat([match for match, _ in matches], counts)


def _rarest(postings: Mapping[str, NDArray[np.uint32]]) -> dict[str, NDArray[np.uint32]]:
    """Return the shortest postings, with `MAX_POSTINGS` entries in total at most."""
    rarest_first = sorted(postings, key=lambda term: len(postings[term]))
    n_postings = np.cumsum([len(postings[term]) for term in rarest_first])
    n_read = int(np.searchsorted(n_postings, MAX_POSTINGS, side="right"))
    return {term: postings[term] for term in rarest_first[:n_read]}


def _merge(postings: Iterable[NDArray[np.uint32]], n_numbers: int) -> Rows:
    """Return the documents in any of the postings, ascending."""
    # Marking is many times as fast as sorting.
    marked = np.zeros(n_numbers, dtype=np.bool_)
    marked[_concatenated(postings)] = True
    return np.flatnonzero(marked)


def _concatenated(postings: Iterable[NDArray[np.uint32]]) -> NDArray[np.uint32]:
    return np.concatenate([np.empty(0, dtype=np.uint32), *postings])


class LexicalFeatures:
    """Compares the words of a question with those of turns, their context and their sessions.

    Args:
        n_sessions: how many session numbers the table uses.
        similar_terms: for each term of `question.rest`, the similar terms of the scope.

    Attributes:
        all: statistics of all terms of the question.
        rest: the same without speakers' names.
        expansion: matches of `rest` and of the similar terms.
    """

    def __init__(
        self,
        table: Table,
        n_sessions: int,
        question: Question,
        similar_terms: Mapping[str, Sequence[SimilarTerm]],
    ) -> None:
        self.all = TermStats(table.words, question.terms)
        same = question.rest == question.terms
        self.rest = self.all if same else TermStats(table.words, question.rest)
        self.expansion = TermExpansion(table.words, similar_terms)
        self._table, self._n_sessions = table, n_sessions
        self._identifiers = np.array([t in question.identifiers for t in self.rest.terms], np.bool_)
        in_all = {term: place for place, term in enumerate(self.all.terms)}
        self._rest_in_all = [in_all[term] for term in self.rest.terms]
        self._total_idf = max(float(self.rest.idf.sum()), 1e-9)
        self._total_expanded_idf = max(float(self.expansion.idf.sum()), 1e-9)
        self.literals = TermStats(table.literals, question.literals)
        # Scores are divided by this, so that long questions do not drown the other features.
        self._scale = math.sqrt(self._total_idf)

    def coverage(self, context: Sequence[Rows]) -> Floats:
        """Return the share of the question that rows match, each with its context.

        Args:
            context: the rows and their neighbors, each of shape (rows,).
        """
        at, covered = self.expansion.at, self.expansion.covered
        best = np.maximum.reduce([at(covered, rows) for rows in context])
        return np.asarray(best.sum(axis=0) / self._total_expanded_idf, dtype=np.float64)

    def compute(self, context: ContextWindow, used: Collection[str] | None = None) -> Features:
        """Return the features of the rows of a context, each of shape (rows,).

        Args:
            context: of radius 4 if `USES_WIDE` is used, else of any radius.
            used: which features are used; None for all. Some of the others are left out.
        """
        features = {**self._turns(context, used), "exact.literal": self._literals(context.at[0])}
        if is_used(used, "session.", "soft.session"):
            features |= self._sessions(self._table.columns["session"][context.at[0]])
        if is_used(used, "soft."):
            features |= self._expanded(context)
        return features

    def _literals(self, rows: Rows) -> Floats:
        """Return how many of the question's literals rows contain, shape (rows,).

        A literal that one memory has counts 1; the more memories have it, the less it counts: "5"
        may count the items of any list, while an order number stands for one thing.
        """
        stats = self.literals
        if not stats.terms:
            return np.zeros(len(rows))
        of_one = float(idf(max(self.all.n_documents, 1), 1.0))
        contained = (stats.frequencies(rows) > 0).T @ np.minimum(stats.idf / of_one, 1.0)
        return np.asarray(contained, dtype=np.float64)

    def _turns(self, context: ContextWindow, used: Collection[str] | None) -> Features:
        uses_context = is_used(used, *USES_WIDE)
        if not uses_context:
            context = context.within(0)
        # The terms, and in the last line the length, of each row.
        rows = np.vstack([self.all.frequencies(context.rows), self.all.lengths(context.rows)])
        at = {offset: rows[:, places] for offset, places in context.places.items()}
        all_weights, rest_weights = self.all.idf / self._scale, self.rest.idf / self._scale
        rest, mean = self._rest_in_all, self.all.mean_length

        def score(window: Floats, width: float, weights: Floats, terms: Any) -> Floats:
            return bm25(window[:-1][terms], window[-1], width * mean, weights, TURN_K1, TURN_B)

        here, everything = at[0][:-1][rest], slice(None)
        matched_idf = (here > 0) * self.rest.idf[:, np.newaxis]
        identifiers = self._identifiers
        identifier_idf = max(self.rest.idf[identifiers].sum(), 1e-9)
        features = {
            "lexical.turn": score(at[0], 1.0, all_weights, everything),
            "lexical.bm25": bm25(here, at[0][-1], mean, rest_weights, SESSION_K1, SESSION_B),
            "lexical.coverage": matched_idf.sum(axis=0) / self._total_idf,
            "lexical.key": matched_idf[identifiers].sum(axis=0) / identifier_idf,
        }
        if not uses_context:
            return features
        near, wide = _weighted_sum(at, NEAR), _weighted_sum(at, WIDE)
        following = score(at[1], 1.0, rest_weights, rest)
        return features | {
            "context.near": score(near, NEAR_WIDTH, all_weights, everything),
            "context.near_rest": score(near, NEAR_WIDTH, rest_weights, rest),
            "context.wide_rest": score(wide, WIDE_WIDTH, rest_weights, rest),
            "context.next": np.where(context.at[1] == NONE, 0.0, following),
        }

    def _sessions(self, sessions: NDArray[np.int32]) -> Features:
        """Features of the sessions of rows, given by number, shape (rows,)."""
        all_sessions = self._table.column("session")
        frequencies = self.rest.grouped(all_sessions, self._n_sessions)
        lengths = self._table.session_lengths(self._n_sessions)
        n_used = max(int((lengths > 0).sum()), 1)
        mean = float(lengths.sum()) / n_used
        rarity = idf(n_used, (frequencies > 0).sum(axis=1).astype(np.float64))
        similar = np.zeros(self._n_sessions)
        matching = all_sessions[self.expansion.rows]
        np.maximum.at(similar, matching, self.expansion.similar.sum(axis=0))
        # From here on only the rows' sessions: there may be very many others.
        frequencies, lengths = frequencies[:, sessions], lengths[sessions]
        by_session_idf = bm25(frequencies, lengths, mean, rarity, SESSION_K1, SESSION_B)
        by_turn_idf = bm25(frequencies, lengths, mean, self.rest.idf, SESSION_K1, SESSION_B)
        return {
            "session.lexical": by_session_idf / self._scale,
            "session.lexical_turn_idf": by_turn_idf / self._scale,
            "soft.session": similar[sessions] / self._scale,
        }

    def _expanded(self, context: ContextWindow) -> Features:
        expansion, at, rows = self.expansion, self.expansion.at, context.at
        best = expansion.best.sum(axis=0) / self._scale
        similar = expansion.similar.sum(axis=0) / self._scale
        covered = expansion.covered.sum(axis=0)
        near: Floats | float = 0.0
        for offset, weight in NEAR.items():
            near = np.maximum(near, weight * at(expansion.best, rows[offset]))
        both, adjacent = np.stack([best, similar]), np.zeros((2, len(rows[0])))
        for offset, weight in ADJACENT.items():
            adjacent = adjacent + weight * at(both, rows[offset])
        best_here, similar_here = at(both, rows[0])
        return {
            "soft.turn": best_here,
            "soft.similar": similar_here,
            "soft.next_to": adjacent[0],
            "soft.similar_next_to": adjacent[1],
            "soft.near": np.asarray(near).sum(axis=0) / self._scale,
            "soft.coverage": at(covered, rows[0]) / self._total_expanded_idf,
        }

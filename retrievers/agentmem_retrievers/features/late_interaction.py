"""Late interaction: each token of the question against each token of a turn, both in context.

After ColBERT (Khattab and Zaharia, SIGIR 2020, eq. 3: MaxSim), with the token embeddings of an
embedder that was not trained for it, weighted by idf, and with sign codes in place of embeddings:
48 bytes for a token instead of 1,536.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.features.lexical import TermStats, is_used
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.index.quantized import Codes, TokenCodes, decode_tokens, hamming_distances
from agentmem_retrievers.index.table import NONE, ContextWindow, Rows
from agentmem_retrievers.text.tokenize import ENGLISH, is_content_word, stems_of

__all__ = ["LateInteraction", "QueryToken"]

Floats = NDArray[np.float64]

# Weight of a match in a neighboring turn, by offset in the session.
CONTEXT = {0: 1.0, -1: 0.9, 1: 0.8, -2: 0.7, 2: 0.6}
# A passage is two adjacent blocks of this many tokens, so passages overlap by half. Late
# interaction with a whole turn favors long turns, which have a token for everything; with a passage
# it does not. Blocks of 8 to 24 tokens find the same.
BLOCK = 16
# `late.turn_least` is the worst match among this many of the rarest tokens.
RAREST = 3
# How the features start that compare the context of a row.
_OF_CONTEXT = ("late.near", "late.previous", "late.next")


@dataclass(frozen=True)
class QueryToken:
    """A token of a question.

    Attributes:
        text: the word.
        code: the sign code of its embedding in context; see `encode_tokens`.
    """

    text: str
    code: bytes


@dataclass(frozen=True, eq=False)
class _Comparison:
    """The Hamming distances of the query's tokens to the tokens of rows.

    Attributes:
        n_rows: how many rows were compared.
        rows: the places of those that have tokens.
        distances: shape (query tokens, tokens of these rows).
        begins, counts: of the tokens of each of these rows.
        per_block: the least distance to a token of each block, shape (query tokens, blocks).
        first_block: of each of these rows.
        within: the number of each block in its row.
    """

    n_rows: int
    rows: Rows
    distances: NDArray[np.unsignedinteger]
    begins: Rows
    counts: Rows
    per_block: NDArray[np.unsignedinteger]
    first_block: Rows
    within: Rows

    @property
    def has_tokens(self) -> bool:
        """Whether any row, and the query, has tokens."""
        return bool(self.distances.size)


class LateInteraction:
    """Compares the tokens of one question with those of turns.

    Args:
        codes: the token codes of the turns.
        words: tells how rare the question's words are.
        query_tokens: the question's tokens; without any, all features are 0.
        dimension: of the token embeddings.
        language: of the question; its stop words are not compared.

    Attributes:
        tokens: the question's tokens that are compared.
        rarity: their idf, shape (tokens,).
    """

    def __init__(
        self,
        codes: TokenCodes,
        words: InvertedIndex,
        query_tokens: Sequence[QueryToken],
        dimension: int,
        language: str = ENGLISH,
    ) -> None:
        query_tokens = [t for t in query_tokens if is_content_word(t.text, language)]
        self.tokens = tuple(token.text for token in query_tokens)
        self._codes = codes
        self._dimension = dimension
        self._queries: Codes = decode_tokens(b"".join(t.code for t in query_tokens), dimension)
        stems = stems_of([token.text for token in query_tokens], language)
        stats = TermStats(words, stems)
        rarity_of = dict(zip(stats.terms, stats.idf.tolist(), strict=True))
        self.rarity = rarity = np.array([rarity_of[stem] for stem in stems])
        self._weights = rarity / max(float(rarity.sum()), 1e-9)
        self._rare_weights = rarity**2 / max(float((rarity**2).sum()), 1e-9)
        self._rarest = np.argsort(-rarity, kind="stable")[:RAREST]

    def compute(
        self,
        context: ContextWindow,
        sessions: NDArray[np.int32],
        used: Collection[str] | None = None,
    ) -> dict[str, Floats]:
        """Return the features of rows, each of shape (rows,).

        Args:
            context: the rows, with a context of radius 2.
            sessions: the sessions of the rows.
            used: which features are used; None for all. Some of the others are left out.
        """
        compares_context = is_used(used, *_OF_CONTEXT)
        if not compares_context:
            context = context.within(0)
        compared, places = self._compare(context.rows), context.places
        features = self._passage_features(compared, places[0])
        if is_used(used, "late.precision", "late.close"):
            features |= self._token_features(compared, places[0])
        if not is_used(used, "late.turn", "late.session", *_OF_CONTEXT):
            return features
        best = self._best(compared)
        at = {offset: best[:, each] for offset, each in places.items()}
        features |= self._turn_features(at[0], sessions)
        return features | self._context_features(at) if compares_context else features

    def _passage_features(self, compared: _Comparison, places: Rows) -> dict[str, Floats]:
        """Return the best passage's mean similarity to the query tokens, with two weightings."""
        passages = np.zeros((2, compared.n_rows))
        if compared.has_tokens:
            per_block = compared.per_block.copy()
            # The last block of a row has no successor; its passage is the one before.
            both = np.minimum(per_block[:, :-1], per_block[:, 1:])
            per_block[:, :-1] = np.where(compared.within[1:] > 0, both, per_block[:, :-1])
            weights = np.stack([self._weights, self._rare_weights])
            similar = weights @ self._similarity(per_block)
            passages[:, compared.rows] = np.maximum.reduceat(similar, compared.first_block, axis=1)
        return {
            "late.passage": passages[0][places],
            "late.passage_rare": passages[1][places],
        }

    def _token_features(self, compared: _Comparison, places: Rows) -> dict[str, Floats]:
        """Of the greatest similarity of each of a row's tokens: the mean, and fourth powers."""
        mean, strength = np.zeros(compared.n_rows), np.zeros(compared.n_rows)
        if compared.has_tokens:
            nearest, begins = self._similarity(compared.distances.min(axis=0)), compared.begins
            mean[compared.rows] = np.add.reduceat(nearest, begins) / compared.counts
            # Twice squared: NumPy's general power takes 23 times as long.
            fourth = np.square(np.square(nearest))
            strength[compared.rows] = np.add.reduceat(fourth, begins)
        return {"late.precision": mean[places], "late.close": np.log1p(strength[places])}

    def _turn_features(self, best: Floats, sessions: NDArray[np.int32]) -> dict[str, Floats]:
        """Return how well each query token is matched in a row, and in the best of a session.

        Args:
            best: of `_best`, shape (query tokens, rows).
        """
        turn = self._weights @ best
        _, place = np.unique(sessions, return_inverse=True)
        session = np.zeros(int(place.max(initial=-1)) + 1)
        np.maximum.at(session, place, turn)
        return {
            "late.turn": turn,
            "late.turn_strong": self._weights @ best**2,
            "late.turn_rare": self._rare_weights @ best,
            "late.turn_least": best[self._rarest].min(axis=0, initial=1.0),
            "late.session": session[place],
        }

    def _context_features(self, at: Mapping[int, Floats]) -> dict[str, Floats]:
        """Return the same of a row with its context.

        Args:
            at: for each offset in the session, of `_best`, shape (query tokens, rows).
        """
        near = np.maximum.reduce([weight * at[offset] for offset, weight in CONTEXT.items()])
        return {
            "late.near": self._weights @ near,
            "late.near_strong": self._weights @ near**2,
            "late.near_rare": self._rare_weights @ near,
            "late.near_least": near[self._rarest].min(axis=0, initial=1.0),
            "late.previous": self._weights @ np.maximum(at[0], at[-1]),
            "late.next": self._weights @ np.maximum(at[0], at[1]),
        }

    def best_matches(self, rows: Rows) -> Floats:
        """Return the similarity of each query token to the nearest token of any row, (tokens,)."""
        compared = self._compare(rows)
        if not compared.has_tokens:
            return np.zeros(len(self._queries))
        return self._similarity(compared.per_block.min(axis=1))

    def _best(self, compared: _Comparison) -> Floats:
        """Return the greatest similarity of each query token to a token of each row.

        Returns:
            Shape (query tokens, rows).
        """
        best = np.zeros((len(self._queries), compared.n_rows))
        if compared.has_tokens:
            least = np.minimum.reduceat(compared.per_block, compared.first_block, axis=1)
            best[:, compared.rows] = self._similarity(least)
        return best

    def _compare(self, rows: Rows) -> _Comparison:
        """Compare each token of the question with each token of rows, NONE among them."""
        existing = np.flatnonzero(rows != NONE)
        codes, counts = self._codes.of(rows[existing])
        nonempty = counts > 0
        begins, counts = (np.cumsum(counts) - counts)[nonempty], counts[nonempty]
        n_blocks = np.maximum((counts + BLOCK // 2) // BLOCK, 1)
        first_block = np.cumsum(n_blocks) - n_blocks
        within = np.arange(n_blocks.sum()) - np.repeat(first_block, n_blocks)
        blocks = np.repeat(begins, n_blocks) + BLOCK * within
        # Distances are minimized, and converted to similarities at once.
        distances = hamming_distances(np.ascontiguousarray(codes.T), self._queries)
        # `reduceat` takes no empty arrays.
        per_block = np.minimum.reduceat(distances, blocks, axis=1) if distances.size else distances
        return _Comparison(
            n_rows=len(rows),
            rows=existing[nonempty],
            distances=distances,
            begins=begins,
            counts=counts,
            per_block=per_block,
            first_block=first_block,
            within=within,
        )

    def _similarity(self, distances: NDArray[np.unsignedinteger]) -> Floats:
        """Return 1 - 2 distance / dimension, at least 0: an estimate of the cosine."""
        return np.maximum(1 - 2 * distances.astype(np.float64) / self._dimension, 0.0)

"""Late interaction: each token of the question against each token of a turn, both in context.

After ColBERT (Khattab and Zaharia, SIGIR 2020, eq. 3: MaxSim), with the token embeddings of an
embedder that was not trained for it, weighted by idf, and with sign codes in place of embeddings:
48 bytes for a token instead of 1,536.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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


@dataclass(frozen=True)
class QueryToken:
    """A token of a question.

    Attributes:
        text: the word.
        code: the sign code of its embedding in context; see `encode_tokens`.
    """

    text: str
    code: bytes


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
            used: which features are used; None for all. If none of them is about the context, it
                is not compared, and these features are left out.
        """
        compares_context = is_used(used, "late.near", "late.previous", "late.next")
        if not compares_context:
            context = context.within(0)
        best, precision, strength, passages = self._compare(context.rows)
        at = {offset: best[:, places] for offset, places in context.places.items()}
        turn = self._weights @ at[0]
        _, place = np.unique(sessions, return_inverse=True)
        session = np.zeros(int(place.max(initial=-1)) + 1)
        np.maximum.at(session, place, turn)
        features = {
            "late.turn": turn,
            "late.turn_strong": self._weights @ at[0] ** 2,
            "late.turn_rare": self._rare_weights @ at[0],
            "late.turn_least": at[0][self._rarest].min(axis=0, initial=1.0),
            "late.session": session[place],
            "late.precision": precision[context.places[0]],
            "late.close": np.log1p(strength[context.places[0]]),
            "late.passage": passages[0][context.places[0]],
            "late.passage_rare": passages[1][context.places[0]],
        }
        if not compares_context:
            return features
        near = np.maximum.reduce([weight * at[offset] for offset, weight in CONTEXT.items()])
        return features | {
            "late.near": self._weights @ near,
            "late.near_strong": self._weights @ near**2,
            "late.near_rare": self._rare_weights @ near,
            "late.near_least": near[self._rarest].min(axis=0, initial=1.0),
            "late.previous": self._weights @ np.maximum(at[0], at[-1]),
            "late.next": self._weights @ np.maximum(at[0], at[1]),
        }

    def best_matches(self, rows: Rows) -> Floats:
        """Return the similarity of each query token to the nearest token of any row, (tokens,)."""
        best, _, _, _ = self._compare(rows)
        return np.asarray(best.max(axis=1, initial=0.0))

    def _compare(self, rows: Rows) -> tuple[Floats, Floats, Floats, Floats]:
        """Compare each token of the question with each token of rows, NONE among them.

        Returns:
            The greatest similarity of each query token to a token of each row, shape (query
            tokens, rows). Of the greatest similarity of each of a row's tokens to a query token,
            the mean and the sum of fourth powers, each of shape (rows,). The best passage's mean
            similarity to the query tokens, weighted by idf and by its square, shape (2, rows).
        """
        best = np.zeros((len(self._queries), len(rows)))
        mean, strength = np.zeros(len(rows)), np.zeros(len(rows))
        passages = np.zeros((2, len(rows)))
        existing = np.flatnonzero(rows != NONE)
        codes, counts = self._codes.of(rows[existing])
        if not (len(codes) and len(self._queries)):
            return best, mean, strength, passages
        nonempty = counts > 0
        begins, existing = (np.cumsum(counts) - counts)[nonempty], existing[nonempty]
        n_blocks = np.maximum((counts[nonempty] + BLOCK // 2) // BLOCK, 1)
        first_block = np.cumsum(n_blocks) - n_blocks
        within = np.arange(n_blocks.sum()) - np.repeat(first_block, n_blocks)
        blocks = np.repeat(begins, n_blocks) + BLOCK * within
        # Distances are minimized, and converted to similarities at once.
        distances = hamming_distances(np.ascontiguousarray(codes.T), self._queries)
        per_block, least = np.minimum.reduceat(distances, blocks, axis=1), distances.min(axis=0)
        best[:, existing] = self._similarity(np.minimum.reduceat(per_block, first_block, axis=1))
        # The last block of a row has no successor; its passage is the one before.
        both = np.minimum(per_block[:, :-1], per_block[:, 1:])
        per_block[:, :-1] = np.where(within[1:] > 0, both, per_block[:, :-1])
        similar = np.stack([self._weights, self._rare_weights]) @ self._similarity(per_block)
        passages[:, existing] = np.maximum.reduceat(similar, first_block, axis=1)
        nearest = self._similarity(least)
        mean[existing] = np.add.reduceat(nearest, begins) / counts[nonempty]
        # Twice squared: NumPy's general power takes 23 times as long.
        strength[existing] = np.add.reduceat(np.square(np.square(nearest)), begins)
        return best, mean, strength, passages

    def _similarity(self, distances: NDArray[np.uint16]) -> Floats:
        """Return 1 - 2 distance / dimension, at least 0: an estimate of the cosine."""
        return np.maximum(1 - 2 * distances.astype(np.float64) / self._dimension, 0.0)

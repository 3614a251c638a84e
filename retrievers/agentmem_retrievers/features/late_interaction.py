"""Late interaction: each word of the question, in its context, with each word of a turn in its.

After ColBERT (Khattab and Zaharia, SIGIR 2020, eq. 3: the sum over the asked words of the greatest
similarity to any word of the text), with the words of an embedder that was not trained for it,
each weighed by its rarity, and their signs in place of their embeddings: 48 bytes for a word
instead of 1,536.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.features.term_stats import idf
from agentmem_retrievers.index.context import NONE, ContextWindow, Rows
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.index.token_codes import Bits, TokenCodes, decode_tokens, hamming_distances
from agentmem_retrievers.text.tokenize import stems_of

__all__ = ["LateInteraction", "QueryToken"]

Floats = NDArray[np.float64]

# How much a match counts in the turns around, by the offset in the session.
AROUND = {0: 1.0, -1: 0.9, 1: 0.8, -2: 0.7, 2: 0.6}
# So many of the asked words, the rarest, should all be taken up.
RAREST = 3


@dataclass(frozen=True)
class QueryToken:
    """A word of a question, and the signs of its embedding there; see `agentmem_stores.Entry`."""

    text: str
    signs: bytes


class LateInteraction:
    """Compares the words of one question with those of turns.

    Args:
        words: what tells how rare the asked words are.
    """

    def __init__(
        self, signs: TokenCodes, words: InvertedIndex, asked: Sequence[QueryToken], dimension: int
    ) -> None:
        self._signs = signs
        self._dimension = dimension
        self._asked: Bits = decode_tokens(b"".join(word.signs for word in asked), dimension)
        stems = stems_of([word.text for word in asked])
        rarity = np.array([float(idf(len(words), float(words.holding(s)))) for s in stems])
        self._weights = rarity / max(float(rarity.sum()), 1e-9)
        self._rare = rarity**2 / max(float((rarity**2).sum()), 1e-9)
        self._rarest = np.argsort(-rarity, kind="stable")[:RAREST]

    def features(self, around: ContextWindow, session: NDArray[np.int32]) -> dict[str, Floats]:
        """Return how well rows take up the question, each of shape (rows,).

        Args:
            around: the rows with those around them.
            session: of the rows themselves.
        """
        around = around.within(AROUND)
        best, closest, close = self._compared(around.rows)
        at = {offset: best[:, places] for offset, places in around.places.items()}
        near = np.maximum.reduce([weight * at[offset] for offset, weight in AROUND.items()])
        turn = self._taken_up("turn", at[0])
        return {
            **turn,
            **self._taken_up("near", near),
            "late.previous": self._weights @ np.maximum(at[0], at[-1]),
            "late.next": self._weights @ np.maximum(at[0], at[1]),
            "late.session": _best_of(session, turn["late.turn"]),
            "late.precision": closest[around.places[0]],
            "late.close": np.log1p(close[around.places[0]]),
        }

    def _taken_up(self, name: str, best: Floats) -> dict[str, Floats]:
        """In four ways, for the greatest similarities of asked words, shape (asked, rows)."""
        return {
            f"late.{name}": self._weights @ best,
            f"late.{name}_strong": self._weights @ best**2,
            f"late.{name}_rare": self._rare @ best,
            f"late.{name}_least": best[self._rarest].min(axis=0, initial=1.0),
        }

    def _compared(self, rows: Rows) -> tuple[Floats, Floats, Floats]:
        """Compare each asked word with each word of rows, NONE among them.

        Returns:
            The greatest similarity of each asked word to a word of each row, shape (asked, rows);
            of the greatest similarity of each of a row's words to an asked one, the mean and the
            sum of fourth powers, shape (rows,).
        """
        best = np.zeros((len(self._asked), len(rows)))
        closest, close = np.zeros(len(rows)), np.zeros(len(rows))
        there = np.flatnonzero(rows != NONE)
        words, counts = self._signs.of(rows[there])
        if not (len(words) and len(self._asked)):
            return best, closest, close
        held = counts > 0
        begins, there = (np.cumsum(counts) - counts)[held], there[held]
        least = np.full(len(words), self._dimension, dtype=np.uint16)
        for i, differ in enumerate(hamming_distances(np.ascontiguousarray(words.T), self._asked)):
            best[i, there] = self._similar(np.minimum.reduceat(differ, begins))
            np.minimum(least, differ, out=least)
        nearest = self._similar(least)
        closest[there] = np.add.reduceat(nearest, begins) / counts[held]
        close[there] = np.add.reduceat(nearest**4, begins)
        return best, closest, close

    def _similar(self, differ: NDArray[np.uint16]) -> Floats:
        """The similarity of words that differ in so many signs, in [0, 1]."""
        return np.maximum(1 - 2 * differ.astype(np.float64) / self._dimension, 0.0)


def _best_of(session: NDArray[np.int32], scores: Floats) -> Floats:
    """The best score of each row's session."""
    _, place = np.unique(session, return_inverse=True)
    best = np.zeros(int(place.max(initial=-1)) + 1)
    np.maximum.at(best, place, scores)
    return best[place]

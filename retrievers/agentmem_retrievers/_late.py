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

from ._around import NONE, Around, Rows
from ._lexical import InvertedIndex, idf, stems_of
from ._signs import Bits, Signs, bits_of, differing

__all__ = ["AskedWord", "LateInteraction"]

Floats = NDArray[np.float64]

# How much a match counts in the turns around, by the offset in the session.
AROUND = {0: 1.0, -1: 0.9, 1: 0.8, -2: 0.7, 2: 0.6}


@dataclass(frozen=True)
class AskedWord:
    """A word of a question, and the signs of its embedding there; see `agentmem_stores.Entry`."""

    text: str
    signs: bytes


class LateInteraction:
    """Compares the words of one question with those of turns.

    Args:
        words: what tells how rare the asked words are.
    """

    def __init__(
        self, signs: Signs, words: InvertedIndex, asked: Sequence[AskedWord], dimension: int
    ) -> None:
        self._signs = signs
        self._dimension = dimension
        self._asked: Bits = bits_of(b"".join(word.signs for word in asked), dimension)
        stems = stems_of([word.text for word in asked])
        rarity = np.array([float(idf(len(words), float(words.holding(s)))) for s in stems])
        self._weights = rarity / max(float(rarity.sum()), 1e-9)

    def features(self, around: Around, session: NDArray[np.int32]) -> dict[str, Floats]:
        """Return how well rows take up the question, each of shape (rows,).

        Args:
            around: the rows with those around them.
            session: of the rows themselves.
        """
        own, near = self._scores(around)
        _, place = np.unique(session, return_inverse=True)
        best = np.zeros(int(place.max(initial=-1)) + 1)
        np.maximum.at(best, place, own)
        return {"late.turn": own, "late.near": near, "late.session": best[place]}

    def _scores(self, around: Around) -> tuple[Floats, Floats]:
        around = around.within(AROUND)
        best = self._best(around.rows)
        near = np.maximum.reduce([w * best[:, around.places[o]] for o, w in AROUND.items()])
        return self._weights @ best[:, around.places[0]], self._weights @ near

    def _best(self, rows: Rows) -> Floats:
        """The greatest similarity of each asked word to a word of each row; (asked, rows)."""
        best = np.zeros((len(self._asked), len(rows)))
        there = np.flatnonzero(rows != NONE)
        words, counts = self._signs.of(rows[there])
        if not (len(words) and len(self._asked)):
            return best
        held = counts > 0
        begins = (np.cumsum(counts) - counts)[held]
        columns = np.ascontiguousarray(words.T)
        differ = np.array([np.minimum.reduceat(d, begins) for d in differing(columns, self._asked)])
        best[:, there[held]] = np.maximum(1 - 2 * differ.astype(np.float64) / self._dimension, 0.0)
        return best

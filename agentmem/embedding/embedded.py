"""What an embedder makes of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Granularity, Vectors

__all__ = ["IN_THE_MIDDLE", "Embedded", "Reading", "middle"]

# What stands for several turns lies in the middle of them. That costs nothing and finds better
# than its text: of LoCoMo's questions, 59.8 % find all sessions of their evidence among five
# summaries, in place of 50.0 %, and 56.9 % with summaries by a large model. Passages find as well.
IN_THE_MIDDLE = (Granularity.SESSION, Granularity.SUMMARY)


@dataclass(frozen=True, eq=False)
class Reading:
    """A text as a model reads it.

    Attributes:
        vector: the text's embedding, float32 of shape (dimension,).
        words: its words in lower case, in order, marks between them included.
        embeddings: of each word in its context, float32 of shape (words, dimension).
    """

    vector: Vectors
    words: Sequence[str]
    embeddings: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Embedded:
    """The embeddings of texts.

    Attributes:
        vectors: float32 of shape (texts, dimension).
        words: of each text, the signs of its words; see `agentmem_stores.Entry`.
    """

    vectors: Vectors
    words: Sequence[bytes]

    @classmethod
    def alone(cls, vectors: Vectors) -> Embedded:
        """Vectors of texts whose words nobody asks for."""
        return cls(vectors, [b""] * len(vectors))

    def at(self, rows: Sequence[int]) -> Embedded:
        """Those of some of the texts."""
        return Embedded(self.vectors[list(rows)], [self.words[row] for row in rows])


def middle(vectors: Sequence[Vectors]) -> Vectors:
    """The direction between vectors of shape (dimension,), at least one; of unit length."""
    between = np.sum(vectors, axis=0)
    return np.asarray(between / max(float(np.linalg.norm(between)), 1e-6), dtype=np.float32)

"""Which of what is said may be a fact, and of what: by what costs nothing first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from agentmem.embedding.embedder import Embedder, estimate_tokens
from agentmem.facts.attributes import Attributes, Bools, is_open, looks, scored
from agentmem.facts.inventory import INVENTORY
from agentmem.facts.statements import Statement
from agentmem_stores import Entry, Vectors

__all__ = ["Candidate", "SentenceCache", "likely"]

# A turn that is less near to an attribute than the first does not speak of it; nor does a sentence
# of a lower score than the second, to which that of a fact without its value is added later.
_TURN, _SENTENCE = 0.2, 0.36


@dataclass(frozen=True)
class Candidate:
    """A statement, and the turn that holds it."""

    turn: Entry
    statement: Statement


class SentenceCache:
    """Embeddings of what turns say, each text embedded once; those of whole turns are known.

    Attributes:
        window: how many tokens of a turn its embedding knows.
    """

    def __init__(self, embedder: Embedder, turns: Sequence[Entry]) -> None:
        self._embedder = embedder
        self.window = embedder.max_tokens
        self._known = {turn.memory.text.strip(): turn.vector for turn in turns}

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Embeddings of texts, a row for each."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._embedder.documents(new), strict=True))
        return np.stack([self._known[text] for text in texts])


def likely(
    told: Sequence[Candidate], attributes: Attributes, said: SentenceCache
) -> tuple[Sequence[Candidate], Bools]:
    """Return what may be a fact, and which attributes each may speak of.

    Looked at are in turn how the value is written, the turn's embedding, which is there already,
    that of the value, which is the shortest text, and that of the sentence. What is left out after
    one of them need not be embedded for the next.

    Returns:
        Statements, and of shape (statements, attributes) whether they may speak of an attribute.
    """
    if not told:
        return told, np.zeros((0, len(INVENTORY)), dtype=np.bool_)
    may = np.array([looks(t.statement) for t in told])
    named = np.array([is_open(t.statement) for t in told])

    def by_turn() -> Bools:
        near = attributes.near(np.stack([t.turn.vector for t in told]))
        # Of a long turn the embedding knows nothing but the beginning.
        near[[estimate_tokens(t.turn.memory.text) > said.window for t in told]] = 1.0
        return near >= _TURN

    def by_value() -> Bools:
        return attributes.alike(said.vectors([t.statement.value for t in told]))

    def by_sentence() -> Bools:
        near = attributes.near(said.vectors([t.statement.text for t in told]))
        kinds = attributes.kinds(said.vectors([t.statement.value for t in told]))
        return scored(near, kinds) >= _SENTENCE

    for sieve in (by_turn, by_value, by_sentence):
        if told:
            # What a model has found is a fact, whatever it speaks of.
            may &= sieve() | np.array([[bool(t.statement.attribute)] for t in told])
            kept = may.any(axis=1) | named
            told, may, named = list(compress(told, kept)), may[kept], named[kept]
    return told, may

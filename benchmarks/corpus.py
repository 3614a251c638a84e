"""Conversations to measure with: real ones, or generated, made longer without end."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem.embedding.embedder import Embedder, TextEmbedding
from agentmem_retrievers.text.tokenize import words_in
from agentmem_stores import EmbedderSpec, InvalidInputError, Vectors

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn

__all__ = ["Corpus", "SampledEmbeddings", "generated"]

# So many turns are embedded for real; the vectors of others are drawn around theirs.
EMBEDDED = 300
# How far around: a copy's expected cosine to what it copies is 1 / sqrt(1 + SPREAD**2).
SPREAD = 0.7
# Of the words of a copy, so many are others of the corpus, and so many nobody has used before.
OTHER_WORDS, NEW_WORDS = 0.15, 0.01

_WORD = re.compile(r"[A-Za-z]{4,}")


@dataclass(frozen=True)
class Corpus:
    """Sessions of turns, and what is asked of them.

    Attributes:
        name: where they come from, for the report.
    """

    name: str
    sessions: tuple[DialogueSession, ...]
    asked: tuple[str, ...]

    @classmethod
    def of(cls, name: str, dialogues: Iterable[Dialogue]) -> Corpus:
        """Take the sessions and questions of dialogues.

        Raises:
            InvalidInputError: they have no turns.
        """
        known = list(dialogues)
        sessions = tuple(s for d in known for s in d.sessions if s.turns)
        if not sessions:
            raise InvalidInputError(f"{name} holds no turns to measure with; name another file")
        asked = tuple(q.text for d in known for q in d.questions) or _first_words(sessions)
        return cls(name, sessions, asked)

    def questions(self) -> Iterator[str]:
        """Questions without end, no two the same."""
        for turn in count(1):
            for text in self.asked:
                yield text if turn == 1 else f"{text} ({turn})"

    def copies(self, seed: int = 0) -> Iterator[tuple[tuple[DialogueTurn, ...], list[str]]]:
        """Sessions without end, each as its turns and their texts.

        The first time round they are as they were; then with other words among them, some of
        them new, so that the vocabulary grows with the corpus as it does in life.
        """
        rng = random.Random(seed)
        for turn in count():
            for session in self.sessions:
                told = session.turns
                yield told, [t.text if not turn else self._varied(t.text, rng) for t in told]

    @cached_property
    def _words(self) -> list[str]:
        return [w for s in self.sessions for t in s.turns for w in _WORD.findall(t.text)]

    def _varied(self, text: str, rng: random.Random) -> str:
        def other(found: re.Match[str]) -> str:
            drawn = rng.random()
            if drawn < NEW_WORDS:
                return "".join(rng.choices("abdefgiklmnoprstuvz", k=8))
            return rng.choice(self._words) if drawn < OTHER_WORDS else found.group()

        return _WORD.sub(other, text)

    def vectors(self, embeddings: Embeddings) -> SampledVectors:
        """Embed a sample of the turns."""
        texts = [turn.text for session in self.sessions for turn in session.turns]
        sample = random.Random(0).sample(texts, min(EMBEDDED, len(texts)))
        return SampledVectors(Embedder(embeddings).documents(sample))


@dataclass(frozen=True)
class SampledVectors:
    """Vectors in the places where real ones are, without embedding anything."""

    known: Vectors

    def draw(self, n: int, rng: np.random.Generator) -> Vectors:
        """Return float32 of shape (n, dimension), rows of unit length."""
        spread = SPREAD / np.sqrt(self.known.shape[1])
        noise = rng.standard_normal((n, self.known.shape[1]), dtype=np.float32)
        drawn = self.known[rng.integers(0, len(self.known), n)] + spread * noise
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)


class SampledEmbeddings:
    """LangChain embeddings for measuring all but the embedding: vectors by heart, or drawn.

    Args:
        spec: whose vectors they stand for.
        known: texts and their real vectors.
        sample: what the others are drawn from.
    """

    def __init__(
        self, spec: EmbedderSpec, known: dict[str, Vectors], sample: SampledVectors
    ) -> None:
        self.spec = spec
        self._known = known
        self._sample = sample

    def embed_query(self, text: str) -> Any:
        """The vector of a known text, or one drawn for it."""
        return self.embed_documents([text])[0]

    def embed_documents(self, texts: Sequence[str]) -> Any:
        """The same for several."""
        rng = np.random.default_rng(len(texts[0]) if texts else 0)
        drawn = self._sample.draw(len(texts), rng)
        for row, text in enumerate(texts):
            drawn[row] = self._known.get(text, drawn[row])
        return drawn

    def embed_with_words(self, texts: Sequence[str], *, query: bool = False) -> list[TextEmbedding]:
        """The same with their words, whose embeddings are drawn, for the same word the same."""
        told = [words_in(text) for text in texts]
        nothing = np.empty((0, self.spec.dimension), dtype=np.float32)
        drawn = [
            np.vstack([nothing, *(_drawn(word, self.spec.dimension) for word in words)])
            for words in told
        ]
        return list(map(TextEmbedding, self.embed_documents(texts), told, drawn))


@lru_cache(maxsize=4096)
def _drawn(word: str, dimension: int) -> Vectors:
    rng = np.random.default_rng(zlib.crc32(word.encode()))
    return rng.standard_normal(dimension, dtype=np.float32)


def generated(seed: int = 0) -> Corpus:
    """Return a corpus of generated lives; the same seed makes the same."""
    from agentmem.evaluation.updates import lives

    made = list(lives(users=8, sessions=40, seed=seed))
    corpus = Corpus.of("generated lives", (life.dialogue for life in made))
    asked = tuple(dict.fromkeys(q for life in made for q in life.asked.values()))
    return Corpus(corpus.name, corpus.sessions, asked)


def _first_words(sessions: Sequence[DialogueSession]) -> tuple[str, ...]:
    texts = (turn.text for session in sessions for turn in session.turns)
    return tuple(dict.fromkeys(" ".join(text.split()[:8]) for text in texts))

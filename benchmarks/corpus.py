"""Conversations to measure with, real or generated, repeated with variations."""

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

# So many turns are really embedded; the vectors of others are drawn around theirs.
EMBEDDED = 300
# The expected cosine of a drawn vector to its origin is 1 / sqrt(1 + SPREAD**2), here 0.82.
SPREAD = 0.7
# Shares of the words of a copy that are replaced by others of the corpus, and by new ones.
OTHER_WORDS, NEW_WORDS = 0.15, 0.01

_WORD = re.compile(r"[A-Za-z]{4,}")


@dataclass(frozen=True)
class Corpus:
    """Sessions of turns, and questions.

    Attributes:
        name: shown in the report.
    """

    name: str
    sessions: tuple[DialogueSession, ...]
    base_questions: tuple[str, ...]

    @classmethod
    def of(cls, name: str, dialogues: Iterable[Dialogue]) -> Corpus:
        """Return the sessions and questions of dialogues.

        Raises:
            InvalidInputError: there are no turns.
        """
        loaded = list(dialogues)
        sessions = tuple(s for d in loaded for s in d.sessions if s.turns)
        if not sessions:
            raise InvalidInputError(f"{name} contains no turns; choose another file")
        questions = tuple(q.text for d in loaded for q in d.questions) or _first_words(sessions)
        return cls(name, sessions, questions)

    def questions(self) -> Iterator[str]:
        """Yield an endless sequence of different questions."""
        for turn in count(1):
            for text in self.base_questions:
                yield text if turn == 1 else f"{text} ({turn})"

    def copies(self, seed: int = 0) -> Iterator[tuple[tuple[DialogueTurn, ...], list[str]]]:
        """Yield sessions without end, each as its turns and their texts.

        The first round is the corpus itself. Later rounds replace some words, a few by new ones,
        so that the vocabulary grows with the corpus as in real conversations.
        """
        rng = random.Random(seed)
        for turn in count():
            for session in self.sessions:
                turns = session.turns
                yield turns, [t.text if not turn else self._vary(t.text, rng) for t in turns]

    @cached_property
    def _words(self) -> list[str]:
        return [w for s in self.sessions for t in s.turns for w in _WORD.findall(t.text)]

    def _vary(self, text: str, rng: random.Random) -> str:
        def replacement(match: re.Match[str]) -> str:
            x = rng.random()
            if x < NEW_WORDS:
                return "".join(rng.choices("abdefgiklmnoprstuvz", k=8))
            return rng.choice(self._words) if x < OTHER_WORDS else match.group()

        return _WORD.sub(replacement, text)

    def vectors(self, embeddings: Embeddings) -> SampledVectors:
        """Embed a sample of the turns."""
        texts = [turn.text for session in self.sessions for turn in session.turns]
        sample = random.Random(0).sample(texts, min(EMBEDDED, len(texts)))
        return SampledVectors(Embedder(embeddings).documents(sample))


@dataclass(frozen=True)
class SampledVectors:
    """Draws vectors around real ones, which costs much less than embedding texts."""

    known: Vectors

    def draw(self, n: int, rng: np.random.Generator) -> Vectors:
        """Return float32 of shape (n, dimension), rows of unit length."""
        spread = SPREAD / np.sqrt(self.known.shape[1])
        noise = rng.standard_normal((n, self.known.shape[1]), dtype=np.float32)
        drawn = self.known[rng.integers(0, len(self.known), n)] + spread * noise
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)


class SampledEmbeddings:
    """LangChain embeddings that are precomputed or drawn, to measure everything but embedding.

    Args:
        spec: of the embedder they replace.
        known: texts and their real vectors.
        sample: draws the vectors of other texts.
    """

    def __init__(
        self, spec: EmbedderSpec, known: dict[str, Vectors], sample: SampledVectors
    ) -> None:
        self.spec = spec
        self._known = known
        self._sample = sample

    def embed_query(self, text: str) -> Any:
        """Return the known vector of a text, else a drawn one."""
        return self.embed_documents([text])[0]

    def embed_documents(self, texts: Sequence[str]) -> Any:
        """Return the vectors of several texts."""
        rng = np.random.default_rng(len(texts[0]) if texts else 0)
        drawn = self._sample.draw(len(texts), rng)
        for row, text in enumerate(texts):
            drawn[row] = self._known.get(text, drawn[row])
        return drawn

    def embed_with_words(self, texts: Sequence[str], *, query: bool = False) -> list[TextEmbedding]:
        """Return vectors with word embeddings, which depend only on the word."""
        words_of = [words_in(text) for text in texts]
        empty = np.empty((0, self.spec.dimension), dtype=np.float32)
        drawn = [
            np.vstack([empty, *(_word_vector(word, self.spec.dimension) for word in words)])
            for words in words_of
        ]
        return list(map(TextEmbedding, self.embed_documents(texts), words_of, drawn))


@lru_cache(maxsize=4096)
def _word_vector(word: str, dimension: int) -> Vectors:
    rng = np.random.default_rng(zlib.crc32(word.encode()))
    return rng.standard_normal(dimension, dtype=np.float32)


def generated(seed: int = 0) -> Corpus:
    """Return a corpus of generated users; it depends on the seed only."""
    from agentmem.evaluation.updates import generate_users

    users = list(generate_users(users=8, sessions=40, seed=seed))
    corpus = Corpus.of("generated users", (user.dialogue for user in users))
    questions = dict.fromkeys(q for user in users for q in user.questions.values())
    return Corpus(corpus.name, corpus.sessions, tuple(questions))


def _first_words(sessions: Sequence[DialogueSession]) -> tuple[str, ...]:
    texts = (turn.text for session in sessions for turn in session.turns)
    return tuple(dict.fromkeys(" ".join(text.split()[:8]) for text in texts))

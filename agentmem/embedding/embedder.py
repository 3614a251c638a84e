"""Embed texts with any LangChain embeddings, and validate and cache the vectors."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem_retrievers.features.late_interaction import QueryToken
from agentmem_retrievers.index.quantized import encode_tokens
from agentmem_retrievers.text.tokenize import has_content
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

__all__ = [
    "MEAN_OF_TURNS",
    "Embedder",
    "EmbeddingBatch",
    "TextEmbedding",
    "estimate_tokens",
    "mean_direction",
]

# Granularities whose vector is the mean of their turns' vectors. It costs nothing and retrieves
# better than their text: for 59.8 % of LoCoMo's questions all sessions of the evidence are among
# the first five summaries, with embedded summary texts for 50.0 %, and with summaries of a large
# model for 56.9 %. Passages (SESSION) retrieve equally well either way.
MEAN_OF_TURNS = (Granularity.SESSION, Granularity.SUMMARY)

# The window assumed for embeddings that do not report one: that of the small sentence-transformers
# models, the smallest in common use, so that no text is cut off unnoticed.
DEFAULT_WINDOW = 254

# Of a longer text, what follows is found by its words alone: embedding it would take seconds.
MAX_WINDOWS = 32
# Characters of a token, at most, in texts that people write.
_MAX_TOKEN = 16
_SENTENCES = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+|\n+")
_PIECES = re.compile(r"[A-Za-z]+|[^\sA-Za-z]")


@dataclass(frozen=True, eq=False)
class TextEmbedding:
    """The embeddings of a text and of its words, from one pass of the model.

    Attributes:
        vector: the embedding of the text, float32 of shape (dimension,).
        words: its words in lower case and in order, with the marks between them.
        word_vectors: contextual embedding of each word, float32 of shape (words, dimension).
    """

    vector: Vectors
    words: Sequence[str]
    word_vectors: Vectors


@dataclass(frozen=True, eq=False)
class EmbeddingBatch:
    """The embeddings of several texts.

    Attributes:
        vectors: float32 of shape (texts, dimension).
        token_codes: for each text, those of its words; see `agentmem_stores.Entry`.
    """

    vectors: Vectors
    token_codes: Sequence[bytes]

    @classmethod
    def without_tokens(cls, vectors: Vectors) -> EmbeddingBatch:
        """Return a batch of texts whose words are not compared."""
        return cls(vectors, [b""] * len(vectors))

    def select(self, rows: Sequence[int]) -> EmbeddingBatch:
        """Return the embeddings of some of the texts."""
        return EmbeddingBatch(self.vectors[list(rows)], [self.token_codes[row] for row in rows])


def mean_direction(vectors: Sequence[Vectors]) -> Vectors:
    """Return the normalized mean of one or more vectors of shape (dimension,)."""
    total = np.sum(vectors, axis=0)
    # Opposite vectors cancel each other out.
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-6), dtype=np.float32)


def estimate_tokens(text: str) -> int:
    """Estimate the number of tokens of a text, rather too high than too low.

    One token for every three letters of a Latin word or part of it, and one for every digit, mark
    and character of another script.

    >>> estimate_tokens("I adopted a beagle.")
    8
    """
    pieces = _PIECES.findall(text)
    return sum(-(-len(p) // 3) if p.isascii() and p.isalpha() else 1 for p in pieces)


class Embedder:
    """Embeds with any LangChain embeddings, and validates every vector that they return.

    Embeddings may have the optional attributes `spec` (an `EmbedderSpec`), `max_tokens` (int),
    `count_tokens(text)`, `embed_with_words(texts, query=)`, which returns a `TextEmbedding` for
    each text, and `embed_query_and_documents(query, documents)`, which returns one and a vector for
    each document, as `SentenceTransformerEmbeddings` do. For others, the name is `model_name` or
    `model`, the dimension is determined by embedding one word, the window is assumed to be 254
    tokens, and tokens are estimated. Thread-safe if the embeddings are.

    Args:
        embeddings: LangChain embeddings.
        cached_queries: how many embedded queries are cached; the least recently used are dropped.
        cached_words: the same for single words.

    Raises:
        InvalidInputError: `embeddings` are not LangChain embeddings.
    """

    def __init__(
        self, embeddings: Embeddings, *, cached_queries: int = 256, cached_words: int = 8192
    ) -> None:
        for method in ("embed_documents", "embed_query"):
            if not callable(getattr(embeddings, method, None)):
                raise InvalidInputError(
                    f"embeddings={embeddings!r} has no {method}(); pass LangChain embeddings"
                )
        self.embeddings = embeddings
        self._max_cached = cached_queries
        self._queries: OrderedDict[str, tuple[Vectors, tuple[QueryToken, ...]]] = OrderedDict()
        self._max_words = cached_words
        # Questions of all owners share most of their words.
        self._words: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = RLock()
        self._spec: EmbedderSpec | None = None

    @property
    def spec(self) -> EmbedderSpec:
        """Name and dimension of the embeddings, by which a store recognizes them.

        Raises:
            EmbeddingError: the dimension had to be determined by embedding, and that failed.
        """
        with self._lock:
            if self._spec is None:
                self._spec = self._determine_spec()
            return self._spec

    def _determine_spec(self) -> EmbedderSpec:
        spec = getattr(self.embeddings, "spec", None)
        if isinstance(spec, EmbedderSpec):
            return spec
        names = (getattr(self.embeddings, attribute, None) for attribute in ("model_name", "model"))
        name = next((n for n in names if isinstance(n, str) and n), type(self.embeddings).__name__)
        probe = self._call(self.embeddings.embed_query, "dimension")
        return EmbedderSpec(name, self._normalized([probe], 1, None).shape[1])

    @property
    def max_tokens(self) -> int:
        """How many tokens of a text are read; the model cuts off the rest."""
        window = self._call(getattr, self.embeddings, "max_tokens", None)
        return window if isinstance(window, int) and window > 0 else DEFAULT_WINDOW

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text; all are read if there are at most `max_tokens`."""
        count: Callable[[str], int] | None = getattr(self.embeddings, "count_tokens", None)
        return self._call(count, text) if callable(count) else estimate_tokens(text)

    def documents(self, texts: Sequence[str]) -> Vectors:
        """Embed texts to be found; return float32 of shape (n, dimension), rows of unit length.

        Raises:
            EmbeddingError: the embeddings raised, or returned something other than n finite
                nonzero vectors of the right dimension.
            MissingExtraError: their weights are not installed.
        """
        dimension = self.spec.dimension
        if not texts:
            return np.empty((0, dimension), dtype=np.float32)
        rows = self._call(self.embeddings.embed_documents, list(texts))
        return self._normalized(rows, len(texts), dimension)

    def turns(self, texts: Sequence[str]) -> EmbeddingBatch:
        """Embed texts as `documents` does, with their words if the embeddings support it.

        A text longer than the window of the model is embedded window by window: its vector is the
        mean of theirs, and its words are those of all of them, up to `MAX_WINDOWS`. So an answer is
        found wherever it stands in a long turn.
        """
        windows = [self._windows(text) for text in texts]
        flat = [window for each in windows for window in each]
        embedded = self._embed_with_words(flat, query=False)
        if embedded is None:
            vectors, codes = self.documents(flat), [b""] * len(flat)
        else:
            rows = [vector for vector, _ in embedded]
            vectors = self._normalized(rows, len(flat), self.spec.dimension)
            codes = [b"".join(token.code for token in tokens) for _, tokens in embedded]
        if len(flat) == len(texts):
            return EmbeddingBatch(vectors, codes)
        means, joined, begin = [], [], 0
        for each in windows:
            part = slice(begin, begin + len(each))
            means.append(mean_direction(list(vectors[part])))
            joined.append(b"".join(codes[part]))
            begin = part.stop
        return EmbeddingBatch(np.stack(means), joined)

    def _windows(self, text: str) -> list[str]:
        """Split a text at ends of sentences into parts that the model reads whole."""
        limit = self.max_tokens
        # No text has more tokens than characters. Counting a very long one takes seconds.
        text = text[: limit * MAX_WINDOWS * _MAX_TOKEN]
        if len(text) <= limit or self.count_tokens(text) <= limit:
            return [text]
        windows: list[str] = []
        size = 0
        for sentence in _SENTENCES.split(text):
            if len(windows) > MAX_WINDOWS:
                break
            tokens = self.count_tokens(sentence)
            # A "sentence" that is longer than the window, such as a log, is cut at spaces.
            n_cuts = -(-tokens // limit)
            words = sentence.split(" ") if n_cuts > 1 else [sentence]
            step = -(-len(words) // n_cuts) if n_cuts else 1
            for begin in range(0, len(words), step):
                part = " ".join(words[begin : begin + step])
                if not part.strip():
                    continue
                if n_cuts > 1:
                    tokens = self.count_tokens(part)
                if windows and size + tokens <= limit:
                    windows[-1], size = f"{windows[-1]} {part}", size + tokens
                else:
                    windows.append(part)
                    size = tokens
        return windows[:MAX_WINDOWS] or [text]

    def entries(self, memories: Sequence[Memory]) -> list[Entry]:
        """Embed memories as entries of a store; turns with their words.

        Passages and summaries get the mean of their turns if all of these are among the memories,
        else the embedding of their text.
        """
        turns = [m for m in memories if m.granularity is Granularity.TURN]
        batch = self.turns([memory.text for memory in turns])
        entries = {
            memory.id: Entry(memory, vector, codes)
            for memory, vector, codes in zip(turns, batch.vectors, batch.token_codes, strict=True)
        }
        by_text = []
        for memory in (m for m in memories if m.id not in entries):
            sources = [entries[i] for i in memory.sources if i in entries]
            has_all = bool(sources) and len(sources) == len(memory.sources)
            if memory.granularity in MEAN_OF_TURNS and has_all:
                vector = mean_direction([turn.vector for turn in sources])
                entries[memory.id] = Entry(memory, vector)
            else:
                by_text.append(memory)
        vectors = self.documents([memory.text for memory in by_text])
        entries |= {m.id: Entry(m, vector) for m, vector in zip(by_text, vectors, strict=True)}
        return [entries[memory.id] for memory in memories]

    def query(self, text: str) -> Vectors:
        """Embed a query; return float32 of shape (dimension,), of unit length and read-only.

        Raises the errors of `documents`.
        """
        return self._cached_query(text)[0]

    def query_tokens(self, text: str) -> tuple[QueryToken, ...]:
        """Return the content words of a query; none if the embeddings do not support it."""
        return self._cached_query(text)[1]

    @property
    def max_cached_queries(self) -> int:
        """How many embedded queries are cached."""
        return self._max_cached

    def cache_queries(self, texts: Sequence[str]) -> None:
        """Embed queries in one pass of the model, so that `query` finds them in the cache.

        Embeddings without `embed_with_words` embed one query at a time, as LangChain's do.
        """
        with self._lock:
            missing = [text for text in dict.fromkeys(texts) if text not in self._queries]
        embedded = self._embed_with_words(missing, query=True)
        if not embedded:
            return
        for text, (row, tokens) in zip(missing, embedded, strict=True):
            self._cache_query(text, row, tokens)

    def words(self, words: Sequence[str]) -> Vectors:
        """Embed single words as `documents` does; those seen lately are cached."""
        return self._cached_words(words, self.documents)

    def query_words(self, text: str, words: Sequence[str]) -> Vectors:
        """Embed words as `words` does, and a query in the same pass of the model if it can.

        `query` and `query_tokens` then return what is known of the query.
        """
        return self._cached_words(words, partial(self._with_query, text))

    def _cached_words(
        self, words: Sequence[str], embed: Callable[[Sequence[str]], Vectors]
    ) -> Vectors:
        with self._lock:
            known = {word: self._words[word] for word in words if word in self._words}
        missing = [word for word in dict.fromkeys(words) if word not in known]
        known.update(zip(missing, embed(missing), strict=True))
        with self._lock:
            for word in known:
                self._words[word] = known[word]
                self._words.move_to_end(word)
            while len(self._words) > self._max_words:
                self._words.popitem(last=False)
        vectors = [known[word] for word in words]
        return np.stack(vectors) if vectors else self.documents([])

    def _with_query(self, text: str, words: Sequence[str]) -> Vectors:
        embed = getattr(self.embeddings, "embed_query_and_documents", None)
        with self._lock:
            is_cached = text in self._queries
        if not (words and callable(embed)) or is_cached:
            return self.documents(words)
        query, rows = self._call(embed, text, list(words))
        tokens = self._call(_content_tokens, query, self.spec.dimension)
        self._cache_query(text, query.vector, tokens)
        return self._normalized(rows, len(words), self.spec.dimension)

    def _cached_query(self, text: str) -> tuple[Vectors, tuple[QueryToken, ...]]:
        with self._lock:
            if text in self._queries:
                self._queries.move_to_end(text)
                return self._queries[text]
        embedded = self._embed_with_words([text], query=True)
        row, tokens = (
            embedded[0] if embedded else (self._call(self.embeddings.embed_query, text), [])
        )
        return self._cache_query(text, row, tokens)

    def _cache_query(
        self, text: str, row: Any, tokens: Sequence[QueryToken]
    ) -> tuple[Vectors, tuple[QueryToken, ...]]:
        """Cache an embedded query, and drop what was not used for longest."""
        vector: Vectors = self._normalized([row], 1, self.spec.dimension)[0]
        # A view of a batch would keep the whole batch alive.
        vector = vector.copy()
        vector.flags.writeable = False
        with self._lock:
            self._queries[text] = vector, tuple(tokens)
            while len(self._queries) > self._max_cached:
                self._queries.popitem(last=False)
        return vector, tuple(tokens)

    @property
    def cached_queries(self) -> tuple[str, ...]:
        """The texts of the cached queries, the least recently used first."""
        with self._lock:
            return tuple(self._queries)

    def clear_cache(self) -> None:
        """Drop the cached queries and words: they may quote a memory that was deleted."""
        with self._lock:
            self._queries.clear()
            self._words.clear()

    def _embed_with_words(
        self, texts: Sequence[str], *, query: bool
    ) -> list[tuple[Vectors, list[QueryToken]]] | None:
        """Embed texts and their content words; None if the embeddings do not support it."""
        embed = getattr(self.embeddings, "embed_with_words", None)
        if not (texts and callable(embed)):
            return None
        dimension = self.spec.dimension

        def embed_and_encode() -> list[tuple[Vectors, list[QueryToken]]]:
            return [
                (text.vector, _content_tokens(text, dimension))
                for text in embed(list(texts), query=query)
            ]

        embedded: list[tuple[Vectors, list[QueryToken]]] = self._call(embed_and_encode)
        return embedded

    def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return function(*args)
        except AgentMemError:
            raise
        except Exception as error:
            raise EmbeddingError(
                f"{type(self.embeddings).__name__} failed: {type(error).__name__}: {error}"
            ) from error

    def _normalized(self, rows: Any, count: int, dimension: int | None) -> Vectors:
        """Return vectors of unit length, or raise EmbeddingError if they are invalid."""
        name = type(self.embeddings).__name__
        try:
            matrix = np.array(rows, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise EmbeddingError(
                f"{name} did not return vectors of equal length: {error}"
            ) from error
        if matrix.ndim != 2 or matrix.shape[0] != count or matrix.shape[1] == 0:
            raise EmbeddingError(f"{name} returned shape {matrix.shape} for {count} texts")
        if dimension is not None and matrix.shape[1] != dimension:
            raise EmbeddingError(
                f"{name} returned {matrix.shape[1]} dimensions, expected {dimension}"
            )
        # Divided by the largest value first, so that no square overflows or underflows.
        largest = np.abs(matrix).max(axis=1, keepdims=True)
        if not np.isfinite(largest).all():
            raise EmbeddingError(f"{name} returned values that are not finite")
        if not (largest > 0).all():
            raise EmbeddingError(f"{name} returned a vector of zeros")
        matrix /= largest
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        return matrix.astype(np.float32)


def _content_tokens(text: TextEmbedding, dimension: int) -> list[QueryToken]:
    """Return the words of a text that carry meaning, with their codes."""
    vectors = np.asarray(text.word_vectors, dtype=np.float32)
    if vectors.shape != (len(text.words), dimension) or not np.isfinite(vectors).all():
        raise ValueError(f"{len(text.words)} words have vectors of shape {vectors.shape}")
    rows = [row for row, word in enumerate(text.words) if has_content(word)]
    codes, size = encode_tokens(vectors[rows]), token_code_bytes(dimension)
    return [
        QueryToken(text.words[row], codes[n * size : (n + 1) * size]) for n, row in enumerate(rows)
    ]

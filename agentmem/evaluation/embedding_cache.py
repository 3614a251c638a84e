"""Embeddings that are cached on disk by content, so that a second evaluation takes minutes."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.embeddings import Embeddings

from agentmem.embedding.embedder import Embedder, TextEmbedding

if TYPE_CHECKING:
    from agentmem_stores import EmbedderSpec

__all__ = ["CachedEmbeddings"]


class CachedEmbeddings(Embeddings):
    """Embeds as `SentenceTransformerEmbeddings` does, and reads from a file what it embedded once.

    For data sets only: the file keeps the embedding of every text it has seen. Word embeddings are
    kept as their signs, which is all that late interaction reads.

    Args:
        embeddings: embeds what is not in the file yet.
        path: the file, SQLite.
    """

    def __init__(self, embeddings: Any, path: Path) -> None:
        self._embeddings = embeddings
        self._embedder = Embedder(embeddings)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("pragma journal_mode=wal")
        self._file.execute("create table if not exists texts (key blob primary key, value blob)")

    @property
    def spec(self) -> EmbedderSpec:
        """Name and dimension of the embeddings."""
        return self._embedder.spec

    @property
    def max_tokens(self) -> int:
        """The window of the model, in tokens."""
        return self._embedder.max_tokens

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return self._embedder.count_tokens(text)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts to be found."""
        rows = self._cached("document", texts, self._compute_documents)
        return [np.frombuffer(row, np.float32).tolist() for row in rows]

    def embed_query(self, text: str) -> list[float]:
        """Embed a text to search with."""
        vector: list[float] = self.embed_with_words([text], query=True)[0].vector.tolist()
        return vector

    def embed_with_words(self, texts: list[str], *, query: bool = False) -> list[TextEmbedding]:
        """Embed texts and their words; a word's vector has the signs of the embedder's."""

        def compute(missing: list[str]) -> list[bytes]:
            return [_pack(one) for one in self._embeddings.embed_with_words(missing, query=query)]

        rows = self._cached("query" if query else "words", texts, compute)
        return [_unpack(row, self.spec.dimension) for row in rows]

    def _compute_documents(self, texts: list[str]) -> list[bytes]:
        rows = self._embeddings.embed_documents(texts)
        return [np.asarray(row, np.float32).tobytes() for row in rows]

    def _cached(
        self, kind: str, texts: Sequence[str], compute: Callable[[list[str]], list[bytes]]
    ) -> list[bytes]:
        keys = {text: self._key(kind, text) for text in texts}
        blobs: dict[str, bytes] = {}
        for text, key in keys.items():
            row = self._file.execute("select value from texts where key = ?", (key,)).fetchone()
            if row is not None:
                blobs[text] = row[0]
        missing = [text for text in keys if text not in blobs]
        if missing:
            for text, value in zip(missing, compute(missing), strict=True):
                blobs[text] = value
                self._file.execute(
                    "insert or replace into texts values (?, ?)", (keys[text], value)
                )
        return [blobs[text] for text in texts]

    def _key(self, kind: str, text: str) -> bytes:
        named = json.dumps([self.spec.name, self.spec.dimension, kind, text])
        return hashlib.sha256(named.encode()).digest()


def _pack(one: TextEmbedding) -> bytes:
    words = json.dumps(list(one.words)).encode()
    signs = np.packbits(np.asarray(one.word_vectors) > 0, axis=1).tobytes()
    vector = np.asarray(one.vector, np.float32).tobytes()
    return len(words).to_bytes(4, "little") + words + vector + signs


def _unpack(row: bytes, dimension: int) -> TextEmbedding:
    end = 4 + int.from_bytes(row[:4], "little")
    words = json.loads(row[4:end])
    vector = np.frombuffer(row[end : end + 4 * dimension], np.float32)
    packed = np.frombuffer(row[end + 4 * dimension :], np.uint8)
    packed = packed.reshape(len(words), -(-dimension // 8))
    bits = np.unpackbits(packed, axis=1)[:, :dimension]
    return TextEmbedding(vector, words, bits.astype(np.float32) * 2 - 1)

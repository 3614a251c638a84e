"""An embedder that costs nothing, so that kills fall into the store's work and not into torch's."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from langchain_core.embeddings import Embeddings

from agentmem_stores import EmbedderSpec, Vectors

__all__ = ["WordEmbeddings"]

DIMENSION = 32


@lru_cache(maxsize=4096)
def _direction(word: str) -> Vectors:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)


class WordEmbeddings(Embeddings):
    """The sum of a random direction for every word, so that texts with words in common are near."""

    spec = EmbedderSpec("tests/words", DIMENSION)
    max_tokens = 254

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        total: Vectors = np.sum([_direction(word) for word in text.lower().split()], axis=0)
        return [float(value) for value in total]

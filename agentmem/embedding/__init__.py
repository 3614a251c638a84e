"""Embeddings: the offline default, and the seam to any of LangChain's."""

from ._embedded import IN_THE_MIDDLE, Embedded, Reading, middle
from ._embedder import Embedder, default_embeddings, estimate_tokens
from ._kept import kept_documents
from ._sentence_embeddings import SentenceTransformerEmbeddings

__all__ = [
    "IN_THE_MIDDLE",
    "Embedded",
    "Embedder",
    "Reading",
    "SentenceTransformerEmbeddings",
    "default_embeddings",
    "estimate_tokens",
    "kept_documents",
    "middle",
]

"""Embeddings by the names that command lines take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agentmem_stores import InvalidInputError, MissingExtraError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

__all__ = ["resolve_embeddings"]


def resolve_embeddings(spec: str) -> Embeddings:
    """Return embeddings by name; nothing is loaded before the first text.

    Args:
        spec: a sentence-transformers model (a name on the hub, or a folder), or, with a colon, a
            name for LangChain's `init_embeddings`, such as `openai:text-embedding-3-small`.

    Raises:
        MissingExtraError: LangChain or the provider's package is not installed.
        InvalidInputError: there is no such provider, or it refuses, for example without a key.
    """
    from agentmem.embedding.sentence_embeddings import SentenceTransformerEmbeddings

    if ":" not in spec or Path(spec).exists():
        return SentenceTransformerEmbeddings(spec)
    try:
        from langchain.embeddings import init_embeddings
    except ImportError as error:
        raise MissingExtraError(
            f'embeddings {spec!r} need LangChain; run pip install "ebbinghaus-agentmem[langchain]"'
        ) from error
    try:
        embeddings: Embeddings = init_embeddings(spec)
    except ImportError as error:
        raise MissingExtraError(f"embeddings {spec!r}: {error}") from error
    except Exception as error:
        # Every provider has its own errors for a missing key or an unknown name.
        raise InvalidInputError(f"cannot use embeddings {spec!r}: {error}") from error
    return embeddings

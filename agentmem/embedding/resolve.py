"""Embeddings by the names that command lines take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agentmem_stores import (
    EmbedderMismatchError,
    EmbedderSpec,
    EmbeddingError,
    InvalidInputError,
    MissingExtraError,
)
from agentmem_stores.store import DEFAULT_EMBEDDER

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

__all__ = ["embeddings_of", "resolve_embeddings"]


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


def embeddings_of(spec: EmbedderSpec) -> Embeddings:
    """Return the embeddings that the vectors of a store were made with.

    These are MiniLM, or another sentence-transformers model in a folder or on the hub.

    Raises:
        EmbedderMismatchError: there is no such model here.

    Example:
        >>> embeddings_of(EmbedderSpec("sentence-transformers/all-MiniLM-L6-v2", 384))
        SentenceTransformerEmbeddings('sentence-transformers/all-MiniLM-L6-v2', backend='torch')
    """
    from agentmem.embedding.sentence_embeddings import (
        SentenceTransformerEmbeddings,
        default_embeddings,
    )

    if spec == DEFAULT_EMBEDDER:
        return default_embeddings()
    reason: Exception | None = None
    # Other names, such as those of classes, are not worth asking the hub.
    if Path(spec.name).is_dir() or "-" in spec.name:
        embeddings = SentenceTransformerEmbeddings(spec.name)
        try:
            if embeddings.spec == spec:
                return embeddings
        except (EmbeddingError, MissingExtraError) as error:
            reason = error
    raise EmbedderMismatchError(
        f"the store has vectors of {spec.name} ({spec.dimension} dimensions), which is not an "
        "installed sentence-transformers model; pass embeddings= that make such vectors, or move "
        "the store to another model with `agentmem reembed`"
    ) from reason

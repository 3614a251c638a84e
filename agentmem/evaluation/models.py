"""Models by the names that people type."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentmem_stores import InvalidInputError, MissingExtraError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel

__all__ = ["chat_model", "embeddings_of"]


def chat_model(name: str) -> BaseChatModel:
    """Return the chat model of a LangChain name, such as `openai:gpt-5-mini`, at temperature 0.

    Raises:
        MissingExtraError: langchain, or the provider's package, is not installed.
        InvalidInputError: there is no such model, or it lacks a key.
    """
    try:
        from langchain.chat_models import init_chat_model
    except ImportError as error:
        raise _no_langchain(f"the model {name}") from error
    made: BaseChatModel = _made(name, lambda: init_chat_model(name, temperature=0))
    return made


def embeddings_of(name: str | None) -> Embeddings:
    """Return embeddings by name; nothing is loaded before the first text.

    Args:
        name: a sentence-transformers model (a name on the hub, or a folder), or with a colon a
            LangChain name such as `openai:text-embedding-3-small`; None for the default.

    Raises:
        MissingExtraError, InvalidInputError: as `chat_model`.
    """
    from agentmem.embedding.sentence_embeddings import (
        SentenceTransformerEmbeddings,
        default_embeddings,
    )

    if name is None:
        return default_embeddings()
    if ":" not in name or Path(name).exists():
        return SentenceTransformerEmbeddings(name)
    try:
        from langchain.embeddings import init_embeddings
    except ImportError as error:
        raise _no_langchain(f"the embeddings {name}") from error
    made: Embeddings = _made(name, lambda: init_embeddings(name))
    return made


def _made(name: str, make: Any) -> Any:
    try:
        return make()
    except ImportError as error:
        raise MissingExtraError(f"{name} needs a package that is not installed: {error}") from error
    except Exception as error:
        # What a provider raises on a wrong name or a missing key differs from one to the next.
        raise InvalidInputError(f"{name} cannot be used: {error}") from error


def _no_langchain(what: str) -> MissingExtraError:
    return MissingExtraError(
        f'{what} needs langchain; install it with: pip install "ebbinghaus-agentmem[langchain]"'
    )

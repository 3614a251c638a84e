"""A LangChain retriever over a memory controller."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any, Protocol

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import Field, ValidationError, field_validator

from agentmem_retrievers.results import RecalledMemory, SearchResult
from agentmem_stores import InvalidInputError

__all__ = ["MemoryRetriever", "SearchesMemory", "to_document"]


class SearchesMemory(Protocol):
    """What the retriever needs of a memory; `MemoryController` provides it."""

    def search(self, query: str, *, k: int = ..., **options: Any) -> SearchResult:
        """Search memories."""

    async def asearch(self, query: str, *, k: int = ..., **options: Any) -> SearchResult:
        """Search memories without blocking the event loop."""


def to_document(hit: RecalledMemory) -> Document:
    """Return a hit as a LangChain document, with its memory's fields as metadata."""
    memory = hit.memory
    return Document(
        id=memory.id,
        page_content=memory.text,
        metadata={
            **memory.metadata,
            "id": memory.id,
            "score": hit.score,
            "retention": hit.retention,
            "said_at": memory.said_at.isoformat(),
            "session_id": memory.session_id,
            "granularity": memory.granularity.value,
            "role": memory.role,
            "speaker": memory.speaker,
            "sources": list(memory.sources),
        },
    )


class MemoryRetriever(BaseRetriever):
    """A LangChain retriever over a memory controller.

    Attributes:
        memory: the controller to search, in its own scope unless `search_options` has a `scope`.
        k: number of documents; `retriever.invoke(query, k=3)` overrides it for one call.
        search_options: further arguments of `MemoryController.search`.

    Raises:
        InvalidInputError: an argument is of the wrong type, or `k` is less than 1.
    """

    memory: Any
    k: int = Field(5, ge=1)
    search_options: Mapping[str, Any] = Field(default_factory=dict)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise InvalidInputError(f"{name}={first['input']!r:.80}: {first['msg']}") from error

    @field_validator("memory")
    @classmethod
    def _check_memory(cls, value: Any) -> Any:
        if isinstance(value, type) or not callable(getattr(value, "search", None)):
            raise InvalidInputError("must be a MemoryController")
        return value

    @field_validator("k", mode="before")
    @classmethod
    def _check_k(cls, value: Any) -> Any:
        if isinstance(value, bool | str | bytes):
            raise InvalidInputError("must be an integer >= 1")
        return int(value) if isinstance(value, numbers.Integral) else value

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        return [to_document(hit) for hit in self.memory.search(query, **self._options(kwargs))]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        result = await self.memory.asearch(query, **self._options(kwargs))
        return [to_document(hit) for hit in result]

    def _options(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        return {"k": self.k, **self.search_options, **kwargs}

"""A LangChain retriever over a memory controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import Field

from agentmem_retrievers.results import RecalledMemory, SearchResult

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
    """

    memory: Any
    k: int = Field(5, ge=1)
    search_options: Mapping[str, Any] = Field(default_factory=dict)

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

"""An agent framework with an external memory that associates, forgets and finds again."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentmem.agent.agent import Agent
    from agentmem.controller.controller import MemoryController
    from agentmem.rerank.refiner import Refiner
    from agentmem.rerank.relevance import RelevanceFilter
    from agentmem.rerank.reranker import Reranker
    from agentmem.writing.association import Association
    from agentmem.writing.messages import Draft
    from agentmem_retrievers import (
        ForgettingCurve,
        MemoryRetriever,
        RecalledMemory,
        Routing,
        SearchResult,
        SearchSettings,
    )
    from agentmem_stores import (
        AgentMemError,
        ChromaStore,
        ClosedError,
        DataFormatError,
        Edge,
        EmbedderMismatchError,
        EmbedderSpec,
        EmbeddingError,
        EmptyTextError,
        Granularity,
        InMemoryStore,
        InvalidInputError,
        InvalidScopeError,
        Memory,
        MemoryNotFoundError,
        MemoryStore,
        MissingExtraError,
        NaiveDatetimeError,
        Scope,
        State,
        StoreError,
        StoreFormatError,
        StoreLockedError,
        StoreUnavailableError,
        WriteHookError,
    )

__all__ = [
    "Agent",
    "AgentMemError",
    "Association",
    "ChromaStore",
    "ClosedError",
    "DataFormatError",
    "Draft",
    "Edge",
    "EmbedderMismatchError",
    "EmbedderSpec",
    "EmbeddingError",
    "EmptyTextError",
    "ForgettingCurve",
    "Granularity",
    "InMemoryStore",
    "InvalidInputError",
    "InvalidScopeError",
    "Memory",
    "MemoryController",
    "MemoryNotFoundError",
    "MemoryRetriever",
    "MemoryStore",
    "MissingExtraError",
    "NaiveDatetimeError",
    "RecalledMemory",
    "Refiner",
    "RelevanceFilter",
    "Reranker",
    "Routing",
    "Scope",
    "SearchResult",
    "SearchSettings",
    "State",
    "StoreError",
    "StoreFormatError",
    "StoreLockedError",
    "StoreUnavailableError",
    "WriteHookError",
]

_HOMES = {
    "Agent": "agentmem.agent",
    "Association": "agentmem.writing.association",
    "Draft": "agentmem.writing.messages",
    "MemoryController": "agentmem.controller",
    "Refiner": "agentmem.rerank.refiner",
    "RelevanceFilter": "agentmem.rerank.relevance",
    "Reranker": "agentmem.rerank.reranker",
    **dict.fromkeys(
        [
            "ForgettingCurve",
            "MemoryRetriever",
            "Recall",
            "RecalledMemory",
            "Routing",
            "SearchSettings",
        ],
        "agentmem_retrievers",
    ),
}


def __getattr__(name: str) -> Any:
    # Loaded when first used, because langchain-core and numpy alone take longer to import than
    # a command line that only prints its help should.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "agentmem_stores")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

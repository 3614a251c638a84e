"""An agent framework with an external memory that associates, forgets and finds again."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentmem_retrievers import (
        ForgettingCurve,
        MemoryRetriever,
        Recall,
        RecalledMemory,
        Routing,
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

    from .agent import Agent
    from .controller import MemoryController
    from .refining import Refiner, RelevanceFilter, Reranker
    from .writing import Association, Draft

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
    "Recall",
    "RecalledMemory",
    "Refiner",
    "RelevanceFilter",
    "Reranker",
    "Routing",
    "Scope",
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
    "Association": "agentmem.writing",
    "Draft": "agentmem.writing",
    "MemoryController": "agentmem.controller",
    **dict.fromkeys(["Refiner", "RelevanceFilter", "Reranker"], "agentmem.refining"),
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

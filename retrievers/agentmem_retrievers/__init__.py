"""How memories are found: a derived index, features, ranking, routing and forgetting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentmem_retrievers.engine import Query, SearchEngine
from agentmem_retrievers.forgetting import ForgettingCurve
from agentmem_retrievers.ranking.scoring import SearchSettings, Weights
from agentmem_retrievers.results import RecalledMemory, SearchResult
from agentmem_retrievers.routing import Routing

if TYPE_CHECKING:
    from agentmem_retrievers.langchain import MemoryRetriever

__all__ = [
    "ForgettingCurve",
    "MemoryRetriever",
    "Query",
    "RecalledMemory",
    "Routing",
    "SearchEngine",
    "SearchResult",
    "SearchSettings",
    "Weights",
]


def __getattr__(name: str) -> Any:
    # langchain-core's retrievers take a third of a second to import, and few need them.
    if name != "MemoryRetriever":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from agentmem_retrievers.langchain import MemoryRetriever

    return MemoryRetriever

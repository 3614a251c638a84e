"""An agent framework with a long-term memory: storage, association, forgetting and retrieval."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentmem.agent import Agent
    from agentmem.client import Client, connect
    from agentmem.controller import MemoryController
    from agentmem.controller.deletion import Deletion
    from agentmem.controller.listing import MemoryPage
    from agentmem.controller.recognition import Familiarity, Recognition
    from agentmem.controller.timeline import Event
    from agentmem.documents.documents import Document
    from agentmem.facts.views import Fact
    from agentmem.feedback.examples import label_votes
    from agentmem.feedback.plans import Plan
    from agentmem.feedback.reflection import Learned
    from agentmem.maintenance.check import CheckReport
    from agentmem.maintenance.consolidation import ConsolidationReport
    from agentmem.maintenance.eviction import SweepReport
    from agentmem.maintenance.stats import Stats
    from agentmem.profile import ProfileLine
    from agentmem.provenance import Trust
    from agentmem.recall.context import Context, ContextItem, Form, RecallRouting
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
        Compaction,
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
        RecallEvent,
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
    "CheckReport",
    "ChromaStore",
    "Client",
    "ClosedError",
    "Compaction",
    "ConsolidationReport",
    "Context",
    "ContextItem",
    "DataFormatError",
    "Deletion",
    "Document",
    "Draft",
    "Edge",
    "EmbedderMismatchError",
    "EmbedderSpec",
    "EmbeddingError",
    "EmptyTextError",
    "Event",
    "Fact",
    "Familiarity",
    "ForgettingCurve",
    "Form",
    "Granularity",
    "InMemoryStore",
    "InvalidInputError",
    "InvalidScopeError",
    "Learned",
    "Memory",
    "MemoryController",
    "MemoryNotFoundError",
    "MemoryPage",
    "MemoryRetriever",
    "MemoryStore",
    "MissingExtraError",
    "NaiveDatetimeError",
    "Plan",
    "ProfileLine",
    "RecallEvent",
    "RecallRouting",
    "RecalledMemory",
    "Recognition",
    "Refiner",
    "RelevanceFilter",
    "Reranker",
    "Routing",
    "Scope",
    "SearchResult",
    "SearchSettings",
    "State",
    "Stats",
    "StoreError",
    "StoreFormatError",
    "StoreLockedError",
    "StoreUnavailableError",
    "SweepReport",
    "Trust",
    "WriteHookError",
    "connect",
    "label_votes",
]

# The module that defines each public name; what is not listed comes from `agentmem_stores`.
_HOMES = {
    "Agent": "agentmem.agent",
    "Client": "agentmem.client",
    "connect": "agentmem.client",
    "MemoryController": "agentmem.controller",
    "Deletion": "agentmem.controller.deletion",
    "Document": "agentmem.documents.documents",
    "Familiarity": "agentmem.controller.recognition",
    "MemoryPage": "agentmem.controller.listing",
    "Recognition": "agentmem.controller.recognition",
    "Event": "agentmem.controller.timeline",
    "Fact": "agentmem.facts.views",
    "ProfileLine": "agentmem.profile",
    "label_votes": "agentmem.feedback.examples",
    "Plan": "agentmem.feedback.plans",
    "Learned": "agentmem.feedback.reflection",
    "CheckReport": "agentmem.maintenance.check",
    "ConsolidationReport": "agentmem.maintenance.consolidation",
    "Stats": "agentmem.maintenance.stats",
    "SweepReport": "agentmem.maintenance.eviction",
    "Trust": "agentmem.provenance",
    "Context": "agentmem.recall.context",
    "ContextItem": "agentmem.recall.context",
    "Form": "agentmem.recall.context",
    "RecallRouting": "agentmem.recall.context",
    "Refiner": "agentmem.rerank.refiner",
    "RelevanceFilter": "agentmem.rerank.relevance",
    "Reranker": "agentmem.rerank.reranker",
    "Association": "agentmem.writing.association",
    "Draft": "agentmem.writing.messages",
    "ForgettingCurve": "agentmem_retrievers",
    "MemoryRetriever": "agentmem_retrievers",
    "RecalledMemory": "agentmem_retrievers",
    "Routing": "agentmem_retrievers",
    "SearchResult": "agentmem_retrievers",
    "SearchSettings": "agentmem_retrievers",
}

# Former names, kept for one release.
_RENAMED = {"Recall": "SearchResult"}


def __getattr__(name: str) -> Any:
    # Names load on first use: langchain-core and numpy alone take longer to import than a command
    # line that prints its help should.
    if name in _RENAMED:
        new = _RENAMED[name]
        warnings.warn(
            f"agentmem.{name} is now agentmem.{new}; the old name goes in the next release",
            DeprecationWarning,
            stacklevel=2,
        )
        return __getattr__(new)
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "agentmem_stores")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

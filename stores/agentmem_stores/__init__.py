"""Records of memories, the interface of a store, and its implementations."""

from __future__ import annotations

import warnings
from typing import Any

from agentmem_stores.chroma.files.directory import is_vacant
from agentmem_stores.chroma.store import ChromaStore
from agentmem_stores.copying import CopyResult, copy_memories
from agentmem_stores.errors import (
    AgentMemError,
    ClosedError,
    DataFormatError,
    EmbedderMismatchError,
    EmbeddingError,
    EmptyTextError,
    InvalidInputError,
    InvalidScopeError,
    MemoryNotFoundError,
    MissingExtraError,
    NaiveDatetimeError,
    StoreError,
    StoreFormatError,
    StoreLockedError,
    StoreUnavailableError,
    WriteHookError,
)
from agentmem_stores.in_memory import InMemoryStore
from agentmem_stores.records import (
    Edge,
    Granularity,
    Memory,
    RecallEvent,
    Scope,
    State,
    require_aware,
)
from agentmem_stores.store import (
    Batch,
    Changes,
    Compaction,
    EmbedderSpec,
    Entry,
    Fault,
    MemoryKeys,
    MemoryStore,
    Neighbor,
    Vectors,
    token_code_bytes,
    vector_fault,
)

__all__ = [
    "AgentMemError",
    "Batch",
    "Changes",
    "ChromaStore",
    "ClosedError",
    "Compaction",
    "CopyResult",
    "DataFormatError",
    "Edge",
    "EmbedderMismatchError",
    "EmbedderSpec",
    "EmbeddingError",
    "EmptyTextError",
    "Entry",
    "Fault",
    "Granularity",
    "InMemoryStore",
    "InvalidInputError",
    "InvalidScopeError",
    "Memory",
    "MemoryKeys",
    "MemoryNotFoundError",
    "MemoryStore",
    "MissingExtraError",
    "NaiveDatetimeError",
    "Neighbor",
    "RecallEvent",
    "Scope",
    "State",
    "StoreError",
    "StoreFormatError",
    "StoreLockedError",
    "StoreUnavailableError",
    "Vectors",
    "WriteHookError",
    "copy_memories",
    "is_vacant",
    "require_aware",
    "token_code_bytes",
    "vector_fault",
]

# Former public names, which still work in this release.
_RENAMED = {
    "Copied": "CopyResult",
    "Neighbour": "Neighbor",
    "Written": "MemoryKeys",
    "sign_bytes": "token_code_bytes",
}


def __getattr__(name: str) -> Any:
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(
        f"agentmem_stores.{name} is now {_RENAMED[name]}", DeprecationWarning, stacklevel=2
    )
    return globals()[_RENAMED[name]]

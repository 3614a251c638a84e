"""Memory for LangChain agents and LangGraph: a middleware, a store and tools."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agentmem_stores import MissingExtraError

if TYPE_CHECKING:
    from agentmem.langchain.middleware import MemoryMiddleware
    from agentmem.langchain.store import AgentMemoryStore
    from agentmem.langchain.tools import (
        create_manage_memory_tool,
        create_recall_memory_tool,
        create_search_memory_tool,
    )

__all__ = [
    "AgentMemoryStore",
    "MemoryMiddleware",
    "create_manage_memory_tool",
    "create_recall_memory_tool",
    "create_search_memory_tool",
]

_MODULES = {
    "AgentMemoryStore": "store",
    "MemoryMiddleware": "middleware",
    "create_manage_memory_tool": "tools",
    "create_recall_memory_tool": "tools",
    "create_search_memory_tool": "tools",
}


def __getattr__(name: str) -> Any:
    # The tools need langchain-core only, so each name requires the extra when it is first used.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"langchain", "langgraph"}:
            raise
        raise MissingExtraError(
            f"{name} needs LangChain's agents and LangGraph: "
            'pip install "ebbinghaus-agentmem[langchain]"'
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

"""Whose memories a run of an agent means, and which conversation."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig

from agentmem.agent.input import scope_of, session_of
from agentmem_stores import Scope

__all__ = ["Owner", "owner_of", "running_context"]

_NAMES = ("user_id", "agent_id", "session_id")


@dataclass(frozen=True)
class Owner:
    """An owner of memories, and the conversation, None for the one that is open."""

    scope: Scope
    session_id: str | None


def owner_of(
    config: Mapping[str, Any], context: Any, *, fixed: Scope | None, own: Scope | None
) -> Owner:
    """Find out whose memories are meant.

    The runtime's context goes before `configurable`, and that before the controller's scope. What
    a model writes has no part in it.

    Args:
        context: an object or a mapping with `user_id`, and perhaps `agent_id` and `session_id`.
        fixed: the scope whatever the run says, where the program has named one.
        own: the controller's scope.

    Raises:
        InvalidScopeError: nobody is named, or a name is none.
        InvalidInputError: the session's name is none.
    """
    given = config.get("configurable") or {}
    named = {name: given.get(name) for name in _NAMES} | {
        "user_id": given.get("user_id", given.get("langgraph_user_id"))
    }
    for name in _NAMES:
        value = context.get(name) if isinstance(context, Mapping) else getattr(context, name, None)
        if value is not None:
            named[name] = value
    if named["session_id"] is None and given.get("thread_id") is not None:
        named["session_id"] = str(given["thread_id"])
    settled: RunnableConfig = {"configurable": named}
    return Owner(fixed or scope_of(settled, own), session_of(settled))


def running_context() -> Any:
    """The context of the graph that is running, None where there is none."""
    # Without langgraph loaded no graph can be running, and the tools work without it.
    runtime = sys.modules.get("langgraph.runtime")
    if runtime is None:
        return None
    try:
        return getattr(runtime.get_runtime(), "context", None)
    except (RuntimeError, KeyError):
        return None

"""Find out whose memories a run of an agent means, and which conversation."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig

from agentmem.agent.input import scope_of, session_of
from agentmem_stores import Scope

__all__ = ["Owner", "owner_of", "running_context"]

_KEYS = ("user_id", "agent_id", "session_id")


@dataclass(frozen=True)
class Owner:
    """An owner of memories, and a conversation.

    Attributes:
        scope: whose memories.
        session_id: the conversation; None for the one that is open.
    """

    scope: Scope
    session_id: str | None


def owner_of(
    config: Mapping[str, Any], context: Any, *, fixed: Scope | None, default: Scope | None
) -> Owner:
    """Return the owner and the session of a run.

    The first of these that names a user wins: `fixed`, the runtime's context, the config's
    `configurable`, `default`. Nothing that a model writes takes part.

    Args:
        config: the run's config; `thread_id` names the session where `session_id` is missing.
        context: an object or a mapping with `user_id`, and perhaps `agent_id` and `session_id`.
        fixed: the scope that the program names, whatever the run says.
        default: the controller's own scope.

    Raises:
        InvalidScopeError: no user is named, or a name is invalid.
        InvalidInputError: the session's name is invalid.

    >>> config = {"configurable": {"user_id": "ada", "thread_id": "monday"}}
    >>> owner_of(config, None, fixed=None, default=None)
    Owner(scope=Scope(user_id='ada', agent_id=None), session_id='monday')
    """
    configurable = config.get("configurable") or {}
    names = {key: configurable.get(key) for key in _KEYS}
    if "user_id" not in configurable:
        names["user_id"] = configurable.get("langgraph_user_id")
    for key in _KEYS:
        value = context.get(key) if isinstance(context, Mapping) else getattr(context, key, None)
        if value is not None:
            names[key] = value
    if names["session_id"] is None and configurable.get("thread_id") is not None:
        names["session_id"] = str(configurable["thread_id"])
    named: RunnableConfig = {"configurable": names}
    return Owner(fixed or scope_of(named, default), session_of(named))


def running_context() -> Any:
    """Return the context of the graph that is running, None if there is none."""
    # Without langgraph loaded no graph can be running, and the tools work without it.
    runtime = sys.modules.get("langgraph.runtime")
    if runtime is None:
        return None
    try:
        return getattr(runtime.get_runtime(), "context", None)
    except (RuntimeError, KeyError):
        return None

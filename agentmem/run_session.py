"""Determine the owner and the session that a LangChain run names."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentmem.arguments import string
from agentmem_stores import InvalidScopeError, Scope

__all__ = ["RunSession", "running_context", "session_of_config", "session_of_run"]

_KEYS = ("user_id", "agent_id", "session_id")


@dataclass(frozen=True)
class RunSession:
    """The owner and the session of a run.

    Attributes:
        scope: the owner.
        session_id: the conversation; None for the one that is open.
    """

    scope: Scope
    session_id: str | None


def session_of_config(config: Mapping[str, Any], *, default: Scope | None) -> RunSession:
    """Return the owner and the session that a config's `configurable` names.

    Args:
        config: a config with `user_id`, `agent_id` and `session_id`, all optional.
        default: the scope that fills in what the config leaves out.

    Raises:
        InvalidScopeError: no user is named, or a name is invalid.
        InvalidInputError: `session_id` is neither a non-empty string nor an integer nor a UUID.

    >>> session_of_config({"configurable": {"session_id": "monday"}}, default=Scope("ada"))
    RunSession(scope=Scope(user_id='ada', agent_id=None), session_id='monday')
    """
    names = config.get("configurable") or {}
    return RunSession(_scope(names, default), _session(names))


def session_of_run(
    config: Mapping[str, Any], context: Any, *, fixed: Scope | None, default: Scope | None
) -> RunSession:
    """Return the owner and the session of a LangGraph run.

    The first of these that names a user wins: `fixed`, the runtime's context, the config's
    `configurable`, `default`. Nothing that a model writes takes part.

    Args:
        config: the run's config, as for `session_of_config`; `langgraph_user_id` stands in for
            `user_id`, and `thread_id` for `session_id`.
        context: an object or a mapping with the same names.
        fixed: the scope that the program names, whatever the run says.
        default: the controller's own scope.

    Raises:
        InvalidScopeError: no user is named, or a name is invalid.
        InvalidInputError: `session_id` is neither a non-empty string nor an integer nor a UUID.

    >>> config = {"configurable": {"user_id": "ada", "thread_id": "monday"}}
    >>> session_of_run(config, None, fixed=None, default=None)
    RunSession(scope=Scope(user_id='ada', agent_id=None), session_id='monday')
    """
    configurable = config.get("configurable") or {}
    names = {key: configurable.get(key) for key in _KEYS}
    if "user_id" not in configurable:
        names["user_id"] = configurable.get("langgraph_user_id")
    for key in _KEYS:
        value = context.get(key) if isinstance(context, Mapping) else getattr(context, key, None)
        if value is not None:
            names[key] = value
    if names["session_id"] is None:
        names["session_id"] = configurable.get("thread_id")
    return RunSession(fixed or _scope(names, default), _session(names))


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


def _scope(names: Mapping[str, Any], default: Scope | None) -> Scope:
    user, agent = names.get("user_id"), names.get("agent_id")
    if default is not None:
        user = default.user_id if user is None else user
        agent = default.agent_id if agent is None else agent
    if user is None:
        raise InvalidScopeError(
            'no owner: pass config={"configurable": {"user_id": ...}}, or open the '
            "MemoryController with a scope"
        )
    return Scope(user, agent)


def _session(names: Mapping[str, Any]) -> str | None:
    session = names.get("session_id")
    return None if session is None else string("session_id", session)

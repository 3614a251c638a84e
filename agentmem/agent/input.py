"""What an agent takes, and whose conversation it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
    SystemMessage,
    convert_to_messages,
)
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import RunnableConfig

from agentmem_stores import EmptyTextError, InvalidInputError, InvalidScopeError, Scope

__all__ = ["AgentInput", "Incoming", "read_input", "scope_of", "session_of"]

AgentInput = str | BaseMessage | PromptValue | Mapping[str, Any] | Sequence[Any]


@dataclass(frozen=True)
class Incoming:
    """An agent's input.

    Attributes:
        new: what the user says now; remembered.
        context: the conversation up to there, from callers who keep it; not remembered again.
        system: further instructions of the caller; not remembered.
    """

    new: tuple[HumanMessage, ...]
    context: tuple[BaseMessage, ...] = ()
    system: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """What memories are searched with."""
        return "\n".join(str(message.text) for message in self.new).strip()


def read_input(given: AgentInput) -> Incoming:
    """Read an agent's input.

    Args:
        given: a text, a message, a prompt value, a dict with `messages`, with `role` and
            `content` or with `input`, or a list of messages in any form LangChain knows. What
            follows the last message that is not the user's is new.

    Raises:
        EmptyTextError: the user says nothing.
        InvalidInputError: it is none of these, or does not end with the user's words.
    """
    messages = _messages(given)
    system = tuple(str(m.text) for m in messages if isinstance(m, SystemMessage))
    said = [m for m in messages if not isinstance(m, SystemMessage)]
    start = len(said)
    while start and isinstance(said[start - 1], HumanMessage):
        start -= 1
    new = tuple(m for m in said[start:] if isinstance(m, HumanMessage))
    if not new:
        raise InvalidInputError("the last message is not the user's; there is nothing to answer")
    if not any(str(m.text).strip() for m in new):
        raise EmptyTextError("the user's message is empty; there is nothing to answer")
    return Incoming(new, tuple(said[:start]), system)


def _messages(given: AgentInput) -> list[BaseMessage]:
    if isinstance(given, PromptValue):
        return given.to_messages()
    if isinstance(given, Mapping):
        keys = [key for key in ("messages", "input") if key in given]
        if keys:
            return _messages(given[keys[0]])
    if isinstance(given, str):
        return [HumanMessage(given)]
    if isinstance(given, BaseMessage | Mapping):
        given = [given]
    try:
        return convert_to_messages(given)
    except (ValueError, TypeError, NotImplementedError, KeyError) as error:
        raise InvalidInputError(
            f"an agent cannot take a {type(given).__name__} of this form: {error}; pass a string, "
            'a message, a list of messages or {"messages": [...]}'
        ) from error


def scope_of(config: RunnableConfig, own: Scope | None) -> Scope:
    """The owner that a config names, or else the memory's own.

    Raises:
        InvalidScopeError: neither names one, or the name is none.
    """
    given = config.get("configurable", {})
    user, agent = given.get("user_id"), given.get("agent_id")
    if own is not None:
        user = own.user_id if user is None else user
        agent = own.agent_id if agent is None else agent
    if user is None:
        raise InvalidScopeError(
            'whose memories? pass config={"configurable": {"user_id": ...}}, '
            "or open the MemoryController with a scope"
        )
    return Scope(user, agent)


def session_of(config: RunnableConfig) -> str | None:
    """The session that a config names.

    Raises:
        InvalidInputError: it is no name.
    """
    session = config.get("configurable", {}).get("session_id")
    if session is None:
        return None
    if not isinstance(session, str) or not session.strip():
        raise InvalidInputError(f"session_id={session!r} must be a non-empty string")
    return session

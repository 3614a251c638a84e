"""An agent's tools, and what the model is told of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.tools import tool as as_tool

from agentmem_stores import InvalidInputError

__all__ = ["Toolbox"]

_log = logging.getLogger("agentmem")


class Toolbox:
    """The tools of an agent, by name.

    Args:
        tools: LangChain tools, or functions with type hints and a docstring.

    Raises:
        InvalidInputError: two have the same name, or one is no tool.
    """

    def __init__(self, tools: Sequence[BaseTool | Callable[..., Any]] = ()) -> None:
        self.tools: list[BaseTool] = [_tool(given) for given in tools]
        self._named: Mapping[str, BaseTool] = {tool.name: tool for tool in self.tools}
        if len(self._named) < len(self.tools):
            raise InvalidInputError(f"two tools have one name: {[t.name for t in self.tools]}")

    @property
    def tokens(self) -> int:
        """About how many tokens the descriptions of the tools take."""
        return count_tokens_approximately([], tools=list(self.tools)) if self.tools else 0

    def bind(self, model: BaseChatModel) -> Runnable[Any, AIMessage]:
        """Return the model with the tools bound to it.

        Raises:
            InvalidInputError: there are tools, and the model cannot call any.
        """
        if not self.tools:
            return model
        try:
            return model.bind_tools(self.tools)
        except (NotImplementedError, AttributeError) as error:
            raise InvalidInputError(
                f"{type(model).__name__} cannot call tools, and there are "
                f"{', '.join(self._named)}; choose a model that can, or pass no tools"
            ) from error

    def get(self, name: str) -> BaseTool | None:
        """Return the tool of this name, if there is one."""
        return self._named.get(name)

    def answer(self, call: ToolCall, result: Any) -> ToolMessage:
        """Return what a tool said as a message."""
        if isinstance(result, ToolMessage):
            return result
        return ToolMessage(str(result), tool_call_id=call["id"], name=call["name"])

    def failed(self, call: ToolCall, error: Exception) -> ToolMessage:
        """Return what went wrong in a tool, for the model to see."""
        _log.warning("tool %s failed: %r", call["name"], error)
        return _error(call["id"], call["name"], f"{type(error).__name__}: {error}")

    def unknown(self, call: ToolCall) -> ToolMessage:
        """Return an answer to the call of a tool that does not exist."""
        known = ", ".join(self._named) or "none"
        return _error(call["id"], call["name"], f"there is no such tool; there are: {known}")

    def refusals(self, message: AIMessage) -> list[ToolMessage]:
        """Return answers to the calls whose arguments are no JSON."""
        return [
            _error(call.get("id"), call.get("name"), f"invalid arguments: {call.get('error')}")
            for call in message.invalid_tool_calls
        ]


def _tool(given: BaseTool | Callable[..., Any]) -> BaseTool:
    if isinstance(given, BaseTool):
        return given
    try:
        return as_tool(given)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{given!r} cannot be a tool: {error}") from error


def _error(call_id: str | None, name: str | None, why: str) -> ToolMessage:
    return ToolMessage(f"Error: {why}", tool_call_id=call_id or "", name=name or "", status="error")

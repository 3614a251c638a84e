"""An agent's tools, and what the model is told about their calls."""

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

from agentmem.arguments import items, refusal
from agentmem_stores import InvalidInputError

__all__ = ["Toolbox"]

_log = logging.getLogger("agentmem")


class Toolbox:
    """The tools of an agent, by name.

    Args:
        tools: LangChain tools, or functions with type hints and a docstring.

    Raises:
        InvalidInputError: two tools share a name, or one is not a tool.
    """

    def __init__(self, tools: Sequence[BaseTool | Callable[..., Any]] = ()) -> None:
        self.tools: list[BaseTool] = [_to_tool(tool) for tool in items("tools", tools)]
        self._by_name: Mapping[str, BaseTool] = {tool.name: tool for tool in self.tools}
        if len(self._by_name) < len(self.tools):
            raise InvalidInputError(
                f"tool names must be unique, got {[tool.name for tool in self.tools]}"
            )

    @property
    def tokens(self) -> int:
        """About how many tokens the descriptions of the tools add to a prompt."""
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
            # `BaseChatModel.bind_tools` is not implemented by default; other runnables lack it.
            raise InvalidInputError(
                f"{type(model).__name__} cannot call tools, but got {', '.join(self._by_name)}; "
                "use a model that can, or pass no tools"
            ) from error

    def get(self, name: str) -> BaseTool | None:
        """Return the tool of this name, if there is one."""
        return self._by_name.get(name)

    def unknown(self, call: ToolCall) -> ToolMessage:
        """Return the result of a call to a tool that does not exist: an error."""
        names = ", ".join(self._by_name) or "none"
        return _error(call["id"], call["name"], f"there is no such tool; there are: {names}")

    def failed(self, call: ToolCall, error: Exception) -> ToolMessage:
        """Return the result of a call whose tool raised an error."""
        _log.warning("tool %s failed: %r", call["name"], error)
        return _error(call["id"], call["name"], f"{type(error).__name__}: {error}")

    def invalid(self, message: AIMessage) -> list[ToolMessage]:
        """Return the results of the calls of a message whose arguments are not valid JSON."""
        return [
            _error(call.get("id"), call.get("name"), f"invalid arguments: {call.get('error')}")
            for call in message.invalid_tool_calls
        ]


def _to_tool(tool: BaseTool | Callable[..., Any]) -> BaseTool:
    if isinstance(tool, BaseTool):
        return tool
    if not callable(tool):
        raise refusal("tools", tool, "LangChain tools or functions")
    try:
        return as_tool(tool)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{tool!r} cannot be used as a tool: {error}") from error


def _error(call_id: str | None, name: str | None, reason: str) -> ToolMessage:
    content = f"Error: {reason}"
    return ToolMessage(content, tool_call_id=call_id or "", name=name or "", status="error")

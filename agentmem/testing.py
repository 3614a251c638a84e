"""Test doubles for programs that use agentmem: a scripted chat model and a manual clock.

The store for tests is `agentmem.InMemoryStore`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

from agentmem_stores import InvalidInputError, require_aware

__all__ = ["ManualClock", "Response", "ScriptedChatModel"]

Response = (
    str | AIMessage | BaseException | Callable[[list[BaseMessage]], str | AIMessage | BaseException]
)


class ScriptedChatModel(BaseChatModel):
    """A chat model that answers from a script and records its calls.

    Args:
        responses: one for each call: a text, an `AIMessage` (with tool calls, for example), an
            exception, which is raised, or a function of the messages that returns one of these.
        tools_supported: whether tools can be bound, which some models do not support.
        repeat: start again after the last response.

    Raises:
        InvalidInputError: when called more often than there are responses.

    >>> model = ScriptedChatModel(["Hello.", lambda messages: messages[-1].text.upper()])
    >>> model.invoke("Hi.").text, model.invoke("Bye.").text
    ('Hello.', 'BYE.')
    >>> [call[0].text for call in model.calls]
    ['Hi.', 'Bye.']
    """

    responses: Sequence[Any]
    tools_supported: bool = True
    repeat: bool = False

    _calls: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _lock: Any = PrivateAttr(default_factory=Lock)

    def __init__(self, responses: Sequence[Response] = (), **options: Any) -> None:
        super().__init__(**{**options, "responses": list(responses)})

    @property
    def calls(self) -> list[list[BaseMessage]]:
        """The messages of every call, oldest first."""
        return self._calls

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools, which every call gets as the keyword argument `tools`.

        Raises:
            NotImplementedError: `tools_supported` is False.
        """
        if not self.tools_supported:
            raise NotImplementedError("this ScriptedChatModel has tools_supported=False")
        if tool_choice is not None:
            kwargs["tool_choice"] = tool_choice
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _next(self, messages: list[BaseMessage]) -> AIMessage:
        with self._lock:
            turn = len(self._calls)
            self._calls.append(list(messages))
        if self.repeat and self.responses:
            turn %= len(self.responses)
        if turn >= len(self.responses):
            raise InvalidInputError(
                f"the script has {len(self.responses)} responses, and this is call {turn + 1}; "
                "add responses, or pass repeat=True"
            )
        response = self.responses[turn]
        if callable(response) and not isinstance(response, BaseMessage | type):
            response = response(messages)
        if isinstance(response, BaseException):
            raise response
        return AIMessage(response) if isinstance(response, str) else response

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from map(_generation, _chunks(self._next(messages)))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _chunks(self._next(messages)):
            yield _generation(chunk)


def _generation(chunk: AIMessageChunk) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=chunk)


def _chunks(message: AIMessage) -> Iterator[AIMessageChunk]:
    """Yield a message word by word, its tool calls last."""
    for word in re.findall(r"\s*\S+|\s+", str(message.text)):
        yield AIMessageChunk(content=word)
    yield AIMessageChunk(
        content="",
        tool_calls=message.tool_calls,
        invalid_tool_calls=message.invalid_tool_calls,
        additional_kwargs=message.additional_kwargs,
        usage_metadata=message.usage_metadata,
        chunk_position="last",
    )


class ManualClock:
    """A clock that moves only by `advance` and `set`; calling it returns its time, in UTC.

    Args:
        now: its first time, aware; by default 1 January 2026.

    Raises:
        NaiveDatetimeError: `now` has no time zone.

    >>> clock = ManualClock()
    >>> clock.advance(days=3, hours=2) == clock()
    True
    >>> print(clock())
    2026-01-04 02:00:00+00:00
    """

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = require_aware(now, "now")

    def __call__(self) -> datetime:
        """Return the current time of the clock."""
        return self._now

    def advance(self, **duration: float) -> datetime:
        """Move by a duration, with the keywords of `timedelta`; return the new time."""
        self._now += timedelta(**duration)
        return self._now

    def set(self, now: datetime) -> None:
        """Move to a time, aware."""
        self._now = require_aware(now, "now")

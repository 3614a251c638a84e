"""Asking a chat model for a text, within a time, and taking nothing else for one."""

from __future__ import annotations

import re
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage

__all__ = ["asked"]

_T = TypeVar("_T")

_THOUGHTS = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)


def asked(model: BaseChatModel, prompt: list[BaseMessage], *, timeout: float | None) -> str:
    """Ask once, and return the answer's text without what the model thought aloud.

    Args:
        timeout: seconds to wait; None waits for ever.

    Raises:
        TimeoutError: no answer came in time. The call goes on in a thread that keeps no
            program from ending.
        ValueError: the answer is no text.
        Exception: whatever the model raised.
    """
    # LangChain hands callbacks down through context variables; a new thread has none of them, so
    # an agent that streams its reply does not stream this answer too.
    answer = _within(timeout, lambda: model.invoke(prompt))
    if not isinstance(answer, BaseMessage):
        raise ValueError(f"the answer is a {type(answer).__name__}, no message")  # noqa: TRY004
    if isinstance(answer, AIMessage) and answer.tool_calls:
        raise ValueError("the answer calls tools")
    return _THOUGHTS.sub("", str(answer.text))


def _within(timeout: float | None, call: Callable[[], _T]) -> _T:
    done: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def run() -> None:
        try:
            done.put((True, call()))
        except BaseException as error:
            done.put((False, error))

    Thread(target=run, name="agentmem-model", daemon=True).start()
    try:
        succeeded, value = done.get(timeout=timeout)
    except Empty:
        raise TimeoutError(f"no answer within {timeout:g} seconds") from None
    if succeeded:
        answer: _T = value
        return answer
    if isinstance(value, Exception):
        raise value
    raise RuntimeError(f"the model ended its thread: {value!r}") from value

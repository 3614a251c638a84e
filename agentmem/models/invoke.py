"""Asking a chat model for a text, within a time, and taking nothing else for one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage

__all__ = ["asked", "pieces"]

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


def pieces(call: Callable[[], Iterable[_T]], *, timeout: float | None) -> Iterator[_T]:
    """Yield what a call yields, as it comes.

    Args:
        timeout: seconds to wait for each piece; None waits for ever.

    Raises:
        TimeoutError: a piece did not come in time. The call goes on, unheard, until its next one.
        Exception: whatever the call raised.
    """
    if timeout is None:
        yield from call()
        return
    came: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
    unheard = Event()

    def run() -> None:
        try:
            for piece in call():
                came.put((True, piece))
                if unheard.is_set():
                    return
            came.put((False, None))
        except BaseException as error:
            came.put((False, error))

    # What is set in this context, such as LangChain's callbacks, holds in the thread too.
    context = copy_context()
    Thread(target=context.run, args=(run,), name="agentmem-model", daemon=True).start()
    try:
        while True:
            succeeded, value = _next(came, timeout)
            if not succeeded:
                break
            yield value
    finally:
        unheard.set()
    _raise(value)


def _within(timeout: float | None, call: Callable[[], _T]) -> _T:
    done: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def run() -> None:
        try:
            done.put((True, call()))
        except BaseException as error:
            done.put((False, error))

    Thread(target=run, name="agentmem-model", daemon=True).start()
    succeeded, value = _next(done, timeout)
    if not succeeded:
        _raise(value)
    answer: _T = value
    return answer


def _next(came: SimpleQueue[tuple[bool, Any]], timeout: float | None) -> tuple[bool, Any]:
    try:
        return came.get(timeout=timeout)
    except Empty:
        raise TimeoutError(f"no answer within {timeout:g} seconds") from None


def _raise(error: BaseException | None) -> None:
    if isinstance(error, Exception):
        raise error
    if error is not None:
        raise RuntimeError(f"the model ended its thread: {error!r}") from error

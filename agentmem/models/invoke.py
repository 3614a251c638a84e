"""Call a chat model with a time limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

__all__ = ["invoke_text", "stream_chunks"]

_T = TypeVar("_T")

# What reasoning models write before their answer.
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)


def invoke_text(model: BaseChatModel, prompt: list[BaseMessage], *, timeout: float | None) -> str:
    """Invoke a model once, and return the text of its answer without its reasoning.

    Args:
        timeout: seconds to wait; None waits without a limit.

    Raises:
        TimeoutError: no answer came in time. The call continues in a daemon thread.
        ValueError: the answer is not a text.
        Exception: whatever the model raised.
    """

    def call() -> Iterator[BaseMessage]:
        yield model.invoke(prompt)

    # In an empty context: LangChain passes callbacks in context variables, and an agent that
    # streams its reply would stream this answer too.
    [answer] = _in_thread(call, timeout, Context())
    from langchain_core.messages import AIMessage, BaseMessage

    if not isinstance(answer, BaseMessage):
        raise ValueError(f"the answer is a {type(answer).__name__}, not a message")  # noqa: TRY004
    if isinstance(answer, AIMessage) and answer.tool_calls:
        raise ValueError("the answer calls tools")
    return _THOUGHTS.sub("", str(answer.text))


def stream_chunks(call: Callable[[], Iterable[_T]], *, timeout: float | None) -> Iterator[_T]:
    """Yield what a call yields, with a time limit for each chunk.

    Args:
        timeout: seconds to wait for each chunk; None waits without a limit.

    Raises:
        TimeoutError: a chunk did not come in time. The call continues until its next chunk.
        Exception: whatever the call raised.
    """
    yield from call() if timeout is None else _in_thread(call, timeout, copy_context())


def _in_thread(
    call: Callable[[], Iterable[_T]], timeout: float | None, context: Context
) -> Iterator[_T]:
    """Yield what a call yields, which runs in a daemon thread and a context of its own."""
    # Pairs of (is a chunk, chunk or error); the error None ends the stream.
    queue: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
    abandoned = Event()

    def run() -> None:
        try:
            for chunk in call():
                queue.put((True, chunk))
                if abandoned.is_set():
                    return
            queue.put((False, None))
        except BaseException as error:
            queue.put((False, error))

    Thread(target=context.run, args=(run,), name="agentmem-model", daemon=True).start()
    try:
        yield from _drain(queue, timeout)
    finally:
        abandoned.set()


def _drain(queue: SimpleQueue[tuple[bool, Any]], timeout: float | None) -> Iterator[Any]:
    """Yield the chunks in a queue; raise the error that ends it."""
    while True:
        try:
            is_chunk, value = queue.get(timeout=timeout)
        except Empty:
            raise TimeoutError(f"no answer within {timeout:g} seconds") from None
        if is_chunk:
            yield value
        elif value is None:
            return
        elif isinstance(value, Exception):
            raise value
        else:
            raise RuntimeError(f"the model ended its thread: {value!r}") from value

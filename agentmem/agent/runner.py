"""Run the steps of an exchange, synchronously or asynchronously.

The agent loop is a generator that runs nothing itself: it yields steps and receives their
results. So it is written once, and `run` and `arun` are all that differs between `invoke`,
`ainvoke`, `stream` and `astream`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig

from agentmem.agent.exchange import Exchange
from agentmem.models.invoke import stream_chunks

__all__ = ["Step", "Steps", "arun", "run"]

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """Something to run.

    Attributes:
        runnable: what to run.
        input: its input.
        is_model: whether it is the model, whose text goes to the caller.
        timeout: seconds to wait for the model's next chunk; None for no limit.
        finish: whether it is carried out even if the task that waits for it is cancelled.
    """

    runnable: Runnable[Any, Any]
    input: Any
    is_model: bool = False
    timeout: float | None = None
    finish: bool = False


Steps = Generator[Step, Any, None]


class _Cursor:
    """Where an exchange stands: its next step, and what came of the last one."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self.succeed(None)

    def next(self) -> Step | None:
        """Tell the loop what came of the last step; return the next one, None at the end."""
        resume, outcome = self._resume, self._outcome
        self.succeed(None)
        try:
            return resume(outcome)
        except StopIteration:
            return None

    def succeed(self, outcome: Any) -> None:
        """Note what a step has returned."""
        self._resume: Callable[[Any], Step] = self._steps.send
        self._outcome = outcome

    def fail(self, error: BaseException) -> None:
        """Note what a step has raised.

        The loop still writes what was said, even when the caller has stopped listening.
        """
        self._resume, self._outcome = self._steps.throw, error


def run(steps: Steps, exchange: Exchange, config: RunnableConfig, *, stream: bool) -> Iterator[str]:
    """Run steps; yield the model's text, chunk by chunk with `stream`."""
    cursor = _Cursor(steps)
    while (step := cursor.next()) is not None:
        try:
            if step.is_model:
                for chunk in _chunks(step, config, stream):
                    if text := exchange.receive(chunk):
                        yield text
            else:
                cursor.succeed(step.runnable.invoke(step.input, config))
        except BaseException as error:
            # Also an interrupt and the end of an abandoned stream: the loop then stores what has
            # arrived of the reply, and raises the error again.
            cursor.fail(error)


async def arun(
    steps: Steps, exchange: Exchange, config: RunnableConfig, *, stream: bool
) -> AsyncIterator[str]:
    """Run steps like `run`, without blocking the event loop."""
    cursor = _Cursor(steps)
    while (step := cursor.next()) is not None:
        try:
            if step.is_model:
                async for chunk in _achunks(step, config, stream):
                    if text := exchange.receive(chunk):
                        yield text
            else:
                running = step.runnable.ainvoke(step.input, config)
                cursor.succeed(await (asyncio.shield(running) if step.finish else running))
        except BaseException as error:
            cursor.fail(error)


def _chunks(step: Step, config: RunnableConfig, stream: bool) -> Iterator[AIMessage]:
    def call() -> Iterator[AIMessage]:
        if stream:
            yield from step.runnable.stream(step.input, config)
        else:
            yield step.runnable.invoke(step.input, config)

    return stream_chunks(call, timeout=step.timeout)


async def _achunks(step: Step, config: RunnableConfig, stream: bool) -> AsyncIterator[AIMessage]:
    if not stream:
        yield await _within(step.timeout, step.runnable.ainvoke(step.input, config))
        return
    chunks = step.runnable.astream(step.input, config)
    while (chunk := await _within(step.timeout, anext(chunks, None))) is not None:
        yield chunk


async def _within(timeout: float | None, awaitable: Awaitable[T]) -> T:
    try:
        return await asyncio.wait_for(awaitable, timeout)
    except TimeoutError as error:
        # asyncio's own error has no message; one that the model's client raised may.
        raise TimeoutError(str(error) or f"no answer within {timeout} seconds") from error

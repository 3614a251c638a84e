"""Carrying out the steps of an exchange.

Steps are a generator that does nothing itself: it yields what is to be run and is sent what came
of it. So they are written once, and `drive` and `adrive` carry them out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig

from agentmem.agent.exchange import Exchange
from agentmem.models.invoke import pieces

__all__ = ["Step", "Steps", "adrive", "drive"]

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """Something to be run.

    Attributes:
        spoken: whether it is the model, whose words are passed on.
        timeout: seconds to wait for its next words; None for ever.
    """

    run: Runnable[Any, Any]
    input: Any
    spoken: bool = False
    timeout: float | None = None


Steps = Generator[Step, Any, None]


def drive(
    steps: Steps, exchange: Exchange, config: RunnableConfig, *, stream: bool
) -> Iterator[str]:
    """Carry out steps; yields what the model says, as it says it if `stream`."""
    proceed, outcome = steps.send, None
    while True:
        try:
            step = proceed(outcome)
        except StopIteration:
            return
        proceed, outcome = steps.send, None
        try:
            if step.spoken:
                for piece in _pieces(step, config, stream):
                    yield from exchange.hear(piece)
            else:
                outcome = step.run.invoke(step.input, config)
        except BaseException as error:
            # The steps see to what must still be done, also when nobody listens any more.
            proceed, outcome = steps.throw, error


async def adrive(
    steps: Steps, exchange: Exchange, config: RunnableConfig, *, stream: bool
) -> AsyncIterator[str]:
    """Do what `drive` does, without blocking the event loop."""
    proceed, outcome = steps.send, None
    while True:
        try:
            step = proceed(outcome)
        except StopIteration:
            return
        proceed, outcome = steps.send, None
        try:
            if step.spoken:
                async for piece in _apieces(step, config, stream):
                    for text in exchange.hear(piece):
                        yield text
            else:
                outcome = await step.run.ainvoke(step.input, config)
        except BaseException as error:
            proceed, outcome = steps.throw, error


def _pieces(step: Step, config: RunnableConfig, stream: bool) -> Iterator[AIMessage]:
    def call() -> Iterator[AIMessage]:
        if stream:
            yield from step.run.stream(step.input, config)
        else:
            yield step.run.invoke(step.input, config)

    return pieces(call, timeout=step.timeout)


async def _apieces(step: Step, config: RunnableConfig, stream: bool) -> AsyncIterator[AIMessage]:
    if not stream:
        yield await _awaited(step.run.ainvoke(step.input, config), step.timeout)
        return
    said = step.run.astream(step.input, config)
    while (piece := await _awaited(anext(said, None), step.timeout)) is not None:
        yield piece


async def _awaited(coming: Awaitable[T], timeout: float | None) -> T:
    try:
        return await asyncio.wait_for(coming, timeout)
    except TimeoutError as error:
        # The model's own may say more.
        said = str(error) or f"no answer within {timeout} seconds"
        raise TimeoutError(said) from error

"""Async twins: the same call on a worker thread, so that an event loop is not blocked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["to_async"]

S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")


def to_async(
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """Return the async form of a method."""

    @wraps(method)
    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(method, self, *args, **kwargs)

    call.__name__ = f"a{method.__name__}"
    call.__doc__ = f"Do what `{method.__name__}` does, without blocking the event loop."
    return call

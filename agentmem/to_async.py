"""Async versions of methods: the same call in a worker thread, so the event loop is not blocked."""

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
    """Return the async version of a method, named with the prefix `a`."""

    @wraps(method)
    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(method, self, *args, **kwargs)

    name = method.__name__
    call.__name__ = f"a{name}"
    call.__qualname__ = f"{method.__qualname__.removesuffix(name)}a{name}"
    summary = (method.__doc__ or "").partition("\n")[0]
    call.__doc__ = (
        f"{summary}\n\n"
        f"Runs `{name}` in a worker thread; see there for arguments, errors and an example."
    )
    return call

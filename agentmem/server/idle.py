"""Measure how long a server has been idle, so that one that was started on demand stops itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

__all__ = ["Activity", "ActivityMiddleware"]

# Seconds between two checks of the idle time.
_CHECK_EVERY = 1.0


@dataclass
class Activity:
    """The requests that are running, and when the last one ended.

    >>> activity = Activity(clock=lambda: 0.0)
    >>> activity.idle_seconds
    0.0
    """

    clock: Callable[[], float] = time.monotonic
    running: int = 0

    def __post_init__(self) -> None:
        self.last = self.clock()

    @property
    def idle_seconds(self) -> float:
        """Seconds since the last request; 0 while one is running."""
        return 0.0 if self.running else self.clock() - self.last

    async def wait_until_idle(self, seconds: float) -> None:
        """Return when there has been no request for this many seconds."""
        while self.idle_seconds < seconds:
            await asyncio.sleep(min(_CHECK_EVERY, seconds))


@dataclass
class ActivityMiddleware:
    """An ASGI middleware that counts requests, except for `/healthz`, which monitors poll."""

    app: ASGIApp
    activity: Activity

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if connection["type"] != "http" or connection["path"] == "/healthz":
            await self.app(connection, receive, send)
            return
        self.activity.running += 1
        try:
            await self.app(connection, receive, send)
        finally:
            self.activity.running -= 1
            self.activity.last = self.activity.clock()

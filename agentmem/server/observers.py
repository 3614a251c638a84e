"""Observe each request once, for logs and metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

__all__ = ["Observer", "ObserverMiddleware"]

# Called with the connection, the status of the response, and the seconds that it took.
Observer = Callable[[Connection, int, float], None]


@dataclass
class ObserverMiddleware:
    """An ASGI middleware that calls observers when the response to a request has been sent.

    A request that raises counts as one with status 500.
    """

    app: ASGIApp
    observers: Sequence[Observer]

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if connection["type"] != "http":
            await self.app(connection, receive, send)
            return
        status, begin = 500, time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(connection, receive, sending)
        finally:
            seconds = time.perf_counter() - begin
            for observe in self.observers:
                observe(connection, status, seconds)

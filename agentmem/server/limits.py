"""Limits on what one client may use: requests per second, bytes and seconds of a body."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

__all__ = ["BodyReader", "Limits", "RateLimiter"]

# Buckets of clients that come no more are dropped when there are more than this.
_MAX_BUCKETS = 10_000


@dataclass(frozen=True)
class Limits:
    """What a server allows.

    Attributes:
        rate: requests per second of one token, on average; 0 for no limit.
        burst: requests that a token may make at once.
        body_bytes: of a request.
        upload_bytes: of an import, which is streamed to a file.
        body_seconds: until a body has arrived; for an import, between two pieces of it.
        header_seconds: until the first request of a connection has arrived.
    """

    rate: float = 100.0
    burst: int = 300
    body_bytes: int = 8 * 2**20
    upload_bytes: int = 2**30
    body_seconds: float = 30.0
    header_seconds: float = 15.0


@dataclass
class RateLimiter:
    """A token bucket for each key.

    >>> limiter = RateLimiter(rate=1.0, burst=2, clock=lambda: 0.0)
    >>> [limiter.wait("ada") for _ in range(3)]
    [0.0, 0.0, 1.0]
    """

    rate: float
    burst: int
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def wait(self, key: str) -> float:
        """Count a request; return 0, or after how many seconds the client may try again."""
        if not self.rate:
            return 0.0
        now = self.clock()
        with self._lock:
            level, since = self._buckets.pop(key, (float(self.burst), now))
            level = min(self.burst, level + (now - since) * self.rate)
            allowed = level >= 1
            self._buckets[key] = (level - 1 if allowed else level, now)
            if len(self._buckets) > _MAX_BUCKETS:
                # The least recently used one: `pop` above moves a key to the end.
                del self._buckets[next(iter(self._buckets))]
        return 0.0 if allowed else (1 - level) / self.rate


@dataclass
class BodyReader:
    """Wraps `receive` of a request, so that its body is neither too large nor too slow.

    Args:
        per_piece: whether `seconds` count between two pieces instead of for the whole body.
    """

    receive: Receive
    max_bytes: int
    seconds: float
    per_piece: bool = False

    def __post_init__(self) -> None:
        self._seen = 0
        self._complete = False
        self._deadline = time.monotonic() + self.seconds

    async def __call__(self) -> Message:
        """Return the next message.

        Raises:
            HTTPException: 413 or 408.
        """
        if self._complete:
            return await self.receive()
        left = self.seconds if self.per_piece else self._deadline - time.monotonic()
        try:
            message = await asyncio.wait_for(self.receive(), max(left, 0.0))
        except TimeoutError:
            raise HTTPException(408, f"the body took more than {self.seconds:g} s") from None
        self._seen += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._seen > self.max_bytes:
            raise HTTPException(413, f"the body has more than {self.max_bytes:,} bytes")
        return message

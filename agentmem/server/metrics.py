"""Metrics in Prometheus's text format at `/metrics`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

__all__ = ["Metrics", "RequestMetrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass
class Metrics:
    """The metrics of one server; each application has a registry of its own.

    Labels are routes, methods and statuses, never owners, ids or queries.
    """

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        labels = ("method", "route", "status")
        self.requests = Counter(
            "agentmem_requests", "Requests answered.", labels, registry=self.registry
        )
        self.seconds = Histogram(
            "agentmem_request_seconds",
            "Time from the request to the end of the answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.running = Gauge(
            "agentmem_requests_running", "Requests being answered.", registry=self.registry
        )

    def response(self) -> Response:
        """Return all metrics as text."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


@dataclass
class RequestMetrics:
    """An ASGI middleware that counts and times requests."""

    app: ASGIApp
    metrics: Metrics

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Pass a request on, and measure it."""
        if connection["type"] != "http":
            await self.app(connection, receive, send)
            return
        status, begin = 500, time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.metrics.running.inc()
        try:
            await self.app(connection, receive, sending)
        finally:
            self.metrics.running.dec()
            route, method = _route(connection), _method(connection)
            self.metrics.requests.labels(method, route, str(status)).inc()
            self.metrics.seconds.labels(method, route).observe(time.perf_counter() - begin)


def _route(connection: Connection) -> str:
    """The path with its parameters unfilled; paths that lead nowhere are one."""
    route = str(getattr(connection.get("route"), "path", "none"))
    # A route of an included router does not know its prefix.
    return f"/v1{route}" if connection["path"].startswith("/v1/") and route != "none" else route


def _method(connection: Connection) -> str:
    # A client can send any word.
    known = ("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS")
    return connection["method"] if connection["method"] in known else "other"

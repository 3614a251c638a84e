"""Metrics in Prometheus's text format at `/metrics`."""

from __future__ import annotations

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
from starlette.types import Scope as Connection

from agentmem.server.idle import Activity

__all__ = ["Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass
class Metrics:
    """The metrics of one server; each application has a registry of its own.

    Labels are routes, methods and statuses, never owners, ids or queries.

    Args:
        activity: counts the requests in progress.
    """

    activity: Activity
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        labels = ("method", "route", "status")
        self.requests = Counter(
            "agentmem_requests", "Requests answered.", labels, registry=self.registry
        )
        self.seconds = Histogram(
            "agentmem_request_seconds",
            "Time from the request to the end of the response.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        running = Gauge(
            "agentmem_requests_running", "Requests being answered.", registry=self.registry
        )
        running.set_function(lambda: self.activity.running)

    def record(self, connection: Connection, status: int, seconds: float) -> None:
        """Count and time a request."""
        route, method = _route(connection), _method(connection)
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)

    def response(self) -> Response:
        """Return all metrics as text."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


def _route(connection: Connection) -> str:
    """The path with its parameters unfilled; paths that lead nowhere are one."""
    route = str(getattr(connection.get("route"), "path", "none"))
    # A route of an included router does not know its prefix.
    return f"/v1{route}" if connection["path"].startswith("/v1/") and route != "none" else route


def _method(connection: Connection) -> str:
    # A client can send any word.
    known = ("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS")
    return connection["method"] if connection["method"] in known else "other"

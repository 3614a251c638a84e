"""Structured logs: one JSON object per line, without secrets and without what was said."""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

__all__ = ["JsonFormatter", "RequestLog", "configure_logging"]

_log = logging.getLogger("agentmem.server")


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object; `extra={"fields": {...}}` adds members.

    >>> record = logging.LogRecord("agentmem", logging.INFO, "", 1, "started", (), None)
    >>> json.loads(JsonFormatter().format(record))["message"]
    'started'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        time_ = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry = {
            "time": time_,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=True)


def configure_logging(level: str = "info") -> None:
    """Send the logs of this process to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Each request would otherwise be one line more, from the client of the embedder's hub.
    for noisy in ("httpx", "mcp", "uvicorn.access", "chromadb"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


@dataclass
class RequestLog:
    """An ASGI middleware that logs method, path, status, duration and client of each request.

    The query string is left out: it can hold a login code or a question.
    """

    app: ASGIApp

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Pass a request on, and log it."""
        if connection["type"] != "http":
            await self.app(connection, receive, send)
            return
        status, start = 500, time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(connection, receive, sending)
        finally:
            principal = connection.get("state", {}).get("principal")
            fields = {
                "method": connection["method"],
                "path": connection["path"],
                "status": status,
                "ms": round((time.perf_counter() - start) * 1000, 1),
                "client": None if principal is None else principal.client,
            }
            _log.log(_level(connection["path"], status), "request", extra={"fields": fields})


def _level(path: str, status: int) -> int:
    if status >= 500:
        return logging.ERROR
    return logging.DEBUG if path == "/healthz" else logging.INFO

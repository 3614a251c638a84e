"""Structured logs: one JSON object per line, without secrets and without texts."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from starlette.types import Scope as Connection

__all__ = ["JsonFormatter", "configure_logging", "log_request"]

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


def log_request(connection: Connection, status: int, seconds: float) -> None:
    """Log method, path, status, duration and client of a request.

    The query string is left out: it can hold a login code or a question.
    """
    level = _level(connection["path"], status)
    if not _log.isEnabledFor(level):
        return
    principal = connection.get("state", {}).get("principal")
    fields = {
        "method": connection["method"],
        "path": connection["path"],
        "status": status,
        "ms": round(seconds * 1000, 1),
        "client": None if principal is None else principal.client,
    }
    _log.log(level, "request", extra={"fields": fields})


def _level(path: str, status: int) -> int:
    if status >= 500:
        return logging.ERROR
    return logging.DEBUG if path == "/healthz" else logging.INFO

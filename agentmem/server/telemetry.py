"""Spans of OpenTelemetry for searches and writes, by the conventions for generative AI.

Spans exist only if the program has configured a provider (with `opentelemetry-instrument`, for
example). What was asked and what was found is recorded only with
`OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["memory_span"]

_CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@contextmanager
def memory_span(operation: str, *, content: str = "", **attributes: Any) -> Iterator[None]:
    """Record an operation on memories as a span.

    Args:
        operation: such as `search_memory`, the value of `gen_ai.operation.name`.
        content: what was asked or said; recorded only if that was opted into.
        attributes: further attributes, with `_` for the dots of their names.
    """
    tracer = _tracer()
    if tracer is None:
        yield
        return
    named = {f"agentmem.{name}": value for name, value in attributes.items() if value is not None}
    with tracer.start_as_current_span(operation, attributes=_attributes(operation, content, named)):
        yield


def _attributes(operation: str, content: str, more: Mapping[str, Any]) -> dict[str, Any]:
    base = {"gen_ai.operation.name": operation, "gen_ai.provider.name": "agentmem"}
    captured = os.environ.get(_CAPTURE, "").lower() == "true"
    query = {"gen_ai.memory.query.text": content} if content and captured else {}
    return {**base, **query, **more}


@cache
def _tracer() -> Any:
    """The tracer of the global provider; None where OpenTelemetry is not installed."""
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    return trace.get_tracer("agentmem")

"""Values of a LangGraph store: as exact JSON, and as text to search."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agentmem.arguments import refusal
from agentmem_stores import InvalidInputError, InvalidScopeError, Scope

__all__ = ["check_memory", "to_json", "to_text"]


def check_memory(memory: Any, scope: Any) -> None:
    """Check the arguments that the middleware, the store and the tools have in common.

    Raises:
        InvalidInputError: `memory` is not a controller.
        InvalidScopeError: `scope` is neither a scope nor None.
    """
    if not hasattr(memory, "services"):
        raise refusal("memory", memory, "a MemoryController")
    if scope is not None and not isinstance(scope, Scope):
        raise InvalidScopeError(f"scope={scope!r} must be a Scope or None")


def to_json(value: Mapping[str, Any]) -> str:
    """Return a value as JSON that reads back as the same value.

    Raises:
        InvalidInputError: JSON cannot represent the value, or would change it.
    """
    try:
        _require_json(value, "value")
        return json.dumps(dict(value))
    except RecursionError:
        raise InvalidInputError("value is nested too deeply, or contains itself") from None


def _require_json(value: Any, path: str) -> None:
    if isinstance(value, dict) or (path == "value" and isinstance(value, Mapping)):
        for key, element in value.items():
            if not isinstance(key, str):
                raise InvalidInputError(f"{path} has the key {key!r}; keys must be strings")
            _require_json(element, f"{path}[{key!r}]")
    elif isinstance(value, list):
        for position, element in enumerate(value):
            _require_json(element, f"{path}[{position}]")
    elif not (value is None or isinstance(value, str | int | float)):
        raise InvalidInputError(
            f"{path} is a {type(value).__name__}, which JSON would change; use strings, numbers, "
            "booleans, None, lists and dicts"
        )


def to_text(value: Mapping[str, Any]) -> str:
    """Return a value as a person would note it: one line per field.

    >>> to_text({"breed": "beagle", "tricks": ["sit", "roll"]})
    'breed: beagle\\ntricks: sit\\ntricks: roll'
    >>> to_text({"content": "Ada likes tea"})
    'Ada likes tea'
    """
    fields = list(_fields(value, ""))
    if len(fields) == 1:
        return fields[0][1]
    return "\n".join(f"{name}: {text}" for name, text in fields)


def _fields(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, element in value.items():
            yield from _fields(element, key)
    elif isinstance(value, list):
        for element in value:
            yield from _fields(element, name)
    elif value is not None and str(value).strip():
        yield name, str(value)

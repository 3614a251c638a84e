"""Values of a LangGraph store: as JSON that brings them back, as text, and under a filter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentmem_stores import InvalidInputError

__all__ = ["check_filter", "matches", "readable", "to_json"]


def to_json(value: Mapping[str, Any]) -> str:
    """Return a value as JSON that reads back as the same value.

    Raises:
        InvalidInputError: JSON cannot hold it, or would change it.
    """
    try:
        _require_json(value, "value")
        return json.dumps(dict(value))
    except RecursionError:
        raise InvalidInputError("value is nested too deeply, or holds itself") from None


def _require_json(value: Any, path: str) -> None:
    if isinstance(value, dict) or (path == "value" and isinstance(value, Mapping)):
        for key, held in value.items():
            if not isinstance(key, str):
                raise InvalidInputError(f"{path} has the key {key!r}; keys must be strings")
            _require_json(held, f"{path}[{key!r}]")
    elif isinstance(value, list):
        for place, held in enumerate(value):
            _require_json(held, f"{path}[{place}]")
    elif not (value is None or isinstance(value, str | int | float)):
        raise InvalidInputError(
            f"{path} is a {type(value).__name__}, which would not come back from JSON as it is; "
            "use strings, numbers, booleans, None, lists and dicts"
        )


def readable(value: Mapping[str, Any]) -> str:
    """Return a value as a person would note it: a line for each thing that it says."""
    lines = list(_lines(value, ""))
    if len(lines) == 1:
        return lines[0][1]
    return "\n".join(f"{name}: {text}" for name, text in lines)


def _lines(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, held in value.items():
            yield from _lines(held, key)
    elif isinstance(value, list):
        for held in value:
            yield from _lines(held, name)
    elif value is not None and str(value).strip():
        yield name, str(value)


def check_filter(wanted: Mapping[str, Any] | None) -> None:
    """Refuse operators that do not exist, whether or not there is anything to filter.

    Raises:
        InvalidInputError: an operator is unknown.
    """
    for value in (wanted or {}).values():
        if isinstance(value, Mapping):
            operators = [key for key in value if str(key).startswith("$")]
            unknown = sorted(set(map(str, value)) - set(_OPERATORS)) if operators else []
            if unknown:
                raise InvalidInputError(
                    f"unknown operators {unknown} in a filter; there are {sorted(_OPERATORS)}"
                )
            if not operators:
                check_filter(value)


def matches(value: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    """Whether a value has every field of a filter."""
    return all(_agrees(value.get(key), condition) for key, condition in (wanted or {}).items())


def _agrees(held: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if any(str(key).startswith("$") for key in wanted):
            return all(_OPERATORS[operator](held, other) for operator, other in wanted.items())
        return isinstance(held, Mapping) and matches(held, wanted)
    if isinstance(wanted, list | tuple):
        return (
            isinstance(held, list | tuple)
            and len(held) == len(wanted)
            and all(_agrees(one, other) for one, other in zip(held, wanted, strict=True))
        )
    return bool(held == wanted)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(held: Any, other: Any) -> bool:
        try:
            return compare(float(held), float(other))
        except (TypeError, ValueError, OverflowError):
            # Dates and versions as text have an order too; what has none matches nothing.
            return isinstance(held, str) and isinstance(other, str) and compare(held, other)

    return holds


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda held, other: bool(held == other),
    "$ne": lambda held, other: bool(held != other),
    "$gt": _ordered(lambda a, b: bool(a > b)),
    "$gte": _ordered(lambda a, b: bool(a >= b)),
    "$lt": _ordered(lambda a, b: bool(a < b)),
    "$lte": _ordered(lambda a, b: bool(a <= b)),
}

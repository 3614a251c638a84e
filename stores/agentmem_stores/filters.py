"""The filter language: which memories a search, a recall or a listing may return.

`parse_filter` checks a filter over metadata once and returns a `Condition`; `evaluate` applies it
to whatever answers for one field: one mapping (`matches`), or a column of many memories at once
(`agentmem_retrievers.index.attributes`). So the operators mean the same everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_, or_
from typing import Any, TypeAlias

import numpy as np

from agentmem_stores.errors import InvalidInputError
from agentmem_stores.records import Memory, is_unicode

__all__ = [
    "OPERATORS",
    "All",
    "Any_",
    "Condition",
    "Field",
    "MemoryFilter",
    "Not",
    "as_number",
    "evaluate",
    "matches",
    "parse_filter",
    "value_at",
]

# Far more than a person writes by hand, and few enough that a hostile filter costs little.
MAX_DEPTH = 8
MAX_CONDITIONS = 256
MAX_VALUES = 1000
MAX_TEXT = 10_000

_LOGICAL = ("$and", "$or", "$not")


@dataclass(frozen=True)
class Field:
    """A test of one field.

    Attributes:
        path: the key in the metadata; dots lead into nested objects.
        operator: one of `OPERATORS`.
        operand: what the value is compared with.
    """

    path: str
    operator: str
    operand: Any

    def test(self, value: Any) -> bool:
        """Return whether a value passes; None stands for a missing one."""
        return _TESTS[self.operator](value, self.operand)


@dataclass(frozen=True)
class All:
    """Every part must hold; at least one part."""

    parts: Sequence[Condition]


@dataclass(frozen=True)
class Any_:  # noqa: N801 - "Any" is taken
    """At least one part must hold; at least one part."""

    parts: Sequence[Condition]


@dataclass(frozen=True)
class Not:
    """The part must not hold."""

    part: Condition


Condition: TypeAlias = Field | All | Any_ | Not


def evaluate(condition: Condition, test: Callable[[Field], Any]) -> Any:
    """Evaluate a condition.

    Args:
        test: returns what a field's test gives: `numpy.bool_`, or a boolean array of one shape for
            all fields.

    Returns:
        The same type.
    """
    if isinstance(condition, Field):
        return test(condition)
    if isinstance(condition, Not):
        return ~evaluate(condition.part, test)
    combine = and_ if isinstance(condition, All) else or_
    return reduce(combine, [evaluate(part, test) for part in condition.parts])


def matches(condition: Condition | None, metadata: Mapping[str, Any]) -> bool:
    """Return whether one mapping meets a condition; None is met by all.

    >>> matches(parse_filter({"stars": {"$gte": 3}, "repo.owner": "ada"}),
    ...         {"stars": 4, "repo": {"owner": "ada"}})
    True
    """
    if condition is None:
        return True
    return bool(
        evaluate(condition, lambda field: np.bool_(field.test(value_at(metadata, field.path))))
    )


def value_at(metadata: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path, None without one. Keys may have dots themselves.

    >>> value_at({"a": {"b": 1}}, "a.b"), value_at({"a.b": 2}, "a.b"), value_at({}, "a.b")
    (1, 2, None)
    """
    if path in metadata or "." not in path:
        return metadata.get(path)
    end = path.rfind(".")
    while end > 0:
        inner = metadata.get(path[:end])
        if isinstance(inner, Mapping):
            return value_at(inner, path[end + 1 :])
        end = path.rfind(".", 0, end)
    return None


def parse_filter(filter: Any, name: str = "filter") -> Condition | None:  # noqa: A002
    """Check a filter over metadata.

    Args:
        filter: `{path: value}` for equality, `{path: {operator: operand}}`, or `{"$and": [...]}`,
            `{"$or": [...]}`, `{"$not": {...}}` with filters inside. Several keys must all hold.
            An object without operators as the value is a filter over the nested object. None and
            {} filter nothing.
        name: what error messages call it.

    Raises:
        InvalidInputError: an operator is unknown, a value is not JSON, or the filter is nested
            deeper than 8 or has more than 256 conditions.

    >>> parse_filter({"stars": {"$gte": 3}})
    Field(path='stars', operator='$gte', operand=3)
    >>> parse_filter({"$where": "sleep(1000)"})
    Traceback (most recent call last):
    ...
    agentmem_stores.errors.InvalidInputError: filter has the unknown operator '$where'; use $and, \
$or or $not, or the name of a field
    """
    if filter is None or (isinstance(filter, Mapping) and not filter):
        return None
    return _Parser(name).conditions(filter, (), 1)


class _Parser:
    """Parses one filter, and counts its conditions."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0

    def conditions(self, filter: Any, path: tuple[str, ...], depth: int) -> Condition:  # noqa: A002
        """Parse an object whose keys are fields or logical operators."""
        self._check_depth(depth)
        if not isinstance(filter, Mapping) or not filter:
            raise InvalidInputError(
                f"{self._at(path)} must be a non-empty dict of conditions, not {_repr(filter)}"
            )
        parts = [self._entry(key, value, path, depth) for key, value in filter.items()]
        return parts[0] if len(parts) == 1 else All(parts)

    def _entry(self, key: Any, value: Any, path: tuple[str, ...], depth: int) -> Condition:
        if not isinstance(key, str) or not key or len(key) > MAX_TEXT or not is_unicode(key):
            raise InvalidInputError(f"{self._at(path)} has the key {_repr(key)}; keys are names")
        if not key.startswith("$"):
            return self._field((*path, key), value, depth)
        if key not in _LOGICAL:
            raise InvalidInputError(
                f"{self._at(path)} has the unknown operator {_repr(key)}; use $and, $or or $not, "
                "or the name of a field"
            )
        if key == "$not":
            return Not(self.conditions(value, path, depth + 1))
        if not isinstance(value, list | tuple) or not value:
            raise InvalidInputError(
                f"{self._at(path)}: {key} must be a non-empty list of filters, not {_repr(value)}"
            )
        self._check_depth(depth + 1)
        parts = [self.conditions(part, path, depth + 1) for part in value]
        return All(parts) if key == "$and" else Any_(parts)

    def _field(self, path: tuple[str, ...], value: Any, depth: int) -> Condition:
        """Parse the condition on one field: operators, a nested filter, or a value."""
        dotted = ".".join(path)
        if not isinstance(value, Mapping):
            return self._leaf(dotted, "$eq", value)
        if not any(isinstance(key, str) and key.startswith("$") for key in value):
            parts: list[Condition] = [self._leaf(dotted, "$object", True)]
            if value:
                parts.append(self.conditions(value, path, depth + 1))
            return All(parts)
        self._check_depth(depth + 1)
        tests = [self._operator(path, key, operand, depth) for key, operand in value.items()]
        return tests[0] if len(tests) == 1 else All(tests)

    def _operator(self, path: tuple[str, ...], key: Any, operand: Any, depth: int) -> Condition:
        if key == "$not":
            if not isinstance(operand, Mapping) or not operand:
                raise InvalidInputError(
                    f"{self._at(path)}: $not must be a dict of operators, not {_repr(operand)}"
                )
            return Not(self._field(path, operand, depth + 1))
        if key not in OPERATORS:
            raise InvalidInputError(
                f"{self._at(path)} has the unknown operator {_repr(key)}; use "
                f"{', '.join(OPERATORS)} or $not"
            )
        if key in ("$in", "$nin") and not isinstance(operand, list | tuple | set | frozenset):
            raise InvalidInputError(
                f"{self._at(path)}: {key} must be a list of values, not {_repr(operand)}"
            )
        return self._leaf(".".join(path), key, operand)

    def _leaf(self, path: str, operator: str, operand: Any) -> Field:
        self.count += 1
        if self.count > MAX_CONDITIONS:
            raise InvalidInputError(f"{self.name} has more than {MAX_CONDITIONS} conditions")
        if isinstance(operand, set | frozenset):
            operand = list(operand)
        self._check_value(path, operand, 1)
        return Field(path, operator, operand)

    def _check_value(self, path: str, value: Any, depth: int) -> None:
        """Require a JSON value of reasonable size."""
        self._check_depth(depth)
        if isinstance(value, list | tuple | Mapping):
            if len(value) > MAX_VALUES:
                raise InvalidInputError(
                    f"{self.name}: {path!r} is compared with {len(value)} values; at most "
                    f"{MAX_VALUES} are allowed"
                )
            if isinstance(value, Mapping):
                if not all(isinstance(key, str) for key in value):
                    raise InvalidInputError(f"{self.name}: {path!r} has keys that are not strings")
                value = list(value.values())
            for element in value:
                self._check_value(path, element, depth + 1)
            return
        is_text = isinstance(value, str) and len(value) <= MAX_TEXT and is_unicode(value)
        is_number = isinstance(value, int | float) and math.isfinite(_to_float(value))
        if not (value is None or is_text or is_number):
            raise InvalidInputError(
                f"{self.name}: {path!r} is compared with {_repr(value)}; use strings of at most "
                f"{MAX_TEXT} characters, finite numbers, booleans, None, lists and dicts"
            )

    def _check_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise InvalidInputError(f"{self.name} is nested deeper than {MAX_DEPTH}")

    def _at(self, path: tuple[str, ...]) -> str:
        return f"{self.name}[{'.'.join(path)!r:.80}]" if path else self.name


def _to_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        # JSON integers have any length.
        return math.inf


def _repr(value: object) -> str:
    try:
        text = repr(value)
    except Exception:
        # `repr` of a caller's object may raise anything.
        text = f"a {type(value).__name__}"
    text = text if is_unicode(text) else text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 80 else f"{text[:80]}…"


def as_number(value: Any) -> float:
    """Return a value as a number for comparison, NaN if it is not a number.

    Numbers written as text count, as in LangGraph's stores.

    >>> as_number("3.5"), as_number(True), as_number("v2")
    (3.5, 1.0, nan)
    """
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _equal(value: Any, operand: Any) -> bool:
    """Compare lists element by element, so that a tuple equals a list."""
    if isinstance(operand, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(operand)
            and all(map(_equal, value, operand))
        )
    return bool(value == operand)


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(value: Any, operand: Any) -> bool:
        one, other = as_number(value), as_number(operand)
        if not (math.isnan(one) or math.isnan(other)):
            return compare(one, other)
        # Dates and versions written as text have an order too; what has none never matches.
        return isinstance(value, str) and isinstance(operand, str) and compare(value, operand)

    return test


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": _equal,
    "$ne": lambda value, operand: not _equal(value, operand),
    "$gt": _ordering(lambda a, b: bool(a > b)),
    "$gte": _ordering(lambda a, b: bool(a >= b)),
    "$lt": _ordering(lambda a, b: bool(a < b)),
    "$lte": _ordering(lambda a, b: bool(a <= b)),
    "$in": lambda value, operand: any(_equal(value, each) for each in operand),
    "$nin": lambda value, operand: not any(_equal(value, each) for each in operand),
    "$object": lambda value, operand: isinstance(value, Mapping),
}

# What may be written; `$object` is what an object without operators is parsed to.
OPERATORS = tuple(name for name in _TESTS if name != "$object")


@dataclass(frozen=True)
class MemoryFilter:
    """Which memories of a scope may be returned; every field that is given must hold.

    Attributes:
        session_id: the conversation.
        role: who said it: `user`, `assistant`, ...
        speaker: the speaker's name, exactly.
        since: said at this time or later, aware.
        until: said before this time, aware.
        metadata: a condition on the metadata, from `parse_filter`.
    """

    session_id: str | None = None
    role: str | None = None
    speaker: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    metadata: Condition | None = None

    def matches(self, memory: Memory) -> bool:
        """Return whether a memory meets the filter."""
        return (
            self.session_id in (None, memory.session_id)
            and self.role in (None, memory.role)
            and self.speaker in (None, memory.speaker)
            and (self.since is None or memory.said_at >= self.since)
            and (self.until is None or memory.said_at < self.until)
            and matches(self.metadata, memory.metadata)
        )

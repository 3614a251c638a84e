"""Arguments of public calls: converted if they have one sensible meaning, else refused.

Every function takes the name of the argument and its value. It returns the value in the type that
the rest of agentmem works with, or raises an `InvalidInputError` that names the argument, shows
the value and says what is accepted.
"""

from __future__ import annotations

import numbers
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from os import PathLike, fspath
from threading import TIMEOUT_MAX
from typing import Any, Literal, Protocol, TypeVar, overload

import numpy as np

from agentmem.roles import ROLE_OF_MESSAGE_TYPE, ROLES
from agentmem_stores import (
    EmptyTextError,
    InvalidInputError,
    InvalidScopeError,
    Scope,
    require_aware,
)
from agentmem_stores.filters import MemoryFilter, parse_filter
from agentmem_stores.records import clean_text, is_unicode

__all__ = [
    "choice",
    "flag",
    "function",
    "instance",
    "integer",
    "is_role",
    "items",
    "memory_filter",
    "memory_id",
    "metadata_value",
    "moment",
    "number",
    "owner",
    "path_like",
    "refusal",
    "role_name",
    "seconds",
    "string",
    "strings",
    "text",
    "to_builtin",
]

C = TypeVar("C", bound=StrEnum)
T = TypeVar("T")

_ROLE = re.compile(r"x-[a-z0-9][a-z0-9_.-]{0,62}")
# The most characters of a wrong value in an error message.
_MAX_SHOWN = 80
# More than there can be of anything; larger numbers mean the same, and overflow elsewhere.
_MAX_INTEGER = 2**31 - 1


class _HasScope(Protocol):
    """The services of a controller, as far as `owner` reads them."""

    @property
    def scope(self) -> Scope | None: ...

    @property
    def closed(self) -> bool: ...

    def require_open(self) -> None: ...


def owner(services: _HasScope, scope: Scope | None) -> Scope:
    """Return the scope that a call means: its own argument, else the controller's.

    Raises:
        ClosedError: the controller is closed.
        InvalidScopeError: neither names a scope.
    """
    if services.closed:
        services.require_open()
    meant = services.scope if scope is None else scope
    if not isinstance(meant, Scope):
        raise InvalidScopeError(
            f"scope={meant!r} must be a Scope; pass scope=Scope(user_id=...) to this "
            "call or to the controller"
        )
    return meant


def refusal(name: str, value: object, accepted: str) -> InvalidInputError:
    """Return the error for an argument that has no sensible meaning.

    >>> print(refusal("k", "two", "an integer >= 1"))
    k='two' must be an integer >= 1
    """
    try:
        text = repr(value)
    except Exception:
        # `repr` of a caller's object may raise anything.
        text = f"a {type(value).__name__}"
    if len(text) > _MAX_SHOWN:
        text = f"{text[:_MAX_SHOWN]}…"
    return InvalidInputError(f"{name}={_printable(text)} must be {accepted}")


def _printable(text: str) -> str:
    """Return a text in which lone surrogates are escaped, so that it can be printed."""
    return text if is_unicode(text) else text.encode("utf-8", "backslashreplace").decode()


def text(name: str, value: Any) -> str:
    """Return words to search or to store, without what cannot be stored.

    Raises:
        EmptyTextError: the text is empty.

    >>> text("query", "tea \\ud83d")
    'tea \ufffd'
    """
    if not isinstance(value, str):
        raise refusal(name, value, "a string")
    if not value.strip():
        raise EmptyTextError(f"{name} must not be empty")
    # A subclass of str may do anything when it is compared or encoded.
    return clean_text(str.__str__(value))[0]


def string(
    name: str,
    value: Any,
    *,
    max_length: int | None = None,
    allow_empty: bool = False,
    allow_blank: bool = False,
) -> str:
    """Return a name or an id; integers and UUIDs are converted.

    >>> string("session_id", 17)
    '17'
    """
    if isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_):
        value = str(int(value))
    elif isinstance(value, uuid.UUID):
        value = str(value)
    limit = "" if max_length is None else f" of 1 to {max_length} characters"
    if not isinstance(value, str) or not is_unicode(value):
        raise refusal(name, value, f"a string{limit} without lone surrogates, an integer or a UUID")
    content = value if allow_blank else value.strip()
    if not (allow_empty or content) or len(value) > (max_length or len(value)):
        raise refusal(name, value, f"a non-empty string{limit}")
    return str.__str__(value)


def memory_id(name: str, value: Any) -> str:
    """Return the id of a memory.

    >>> memory_id("memory_id", 17)
    '17'
    """
    return string(name, value, allow_blank=True)


def strings(name: str, value: Any) -> list[str]:
    """Return a list of ids; a single string is refused, because it is almost certainly a mistake.

    >>> strings("cited", ("a", 1))
    ['a', '1']
    """
    return [string(name, item, allow_blank=True) for item in items(name, value)]


def items(name: str, value: Any, accepted: str = "a list of strings") -> list[Any]:
    """Return the items of a list, a tuple, a set or another iterable but a string or a dict."""
    refused = isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable)
    if refused or (isinstance(value, np.ndarray) and not value.ndim):
        raise refusal(name, value, accepted)
    return list(value)


@overload
def integer(name: str, value: Any, *, low: int, optional: Literal[False] = False) -> int: ...
@overload
def integer(name: str, value: Any, *, low: int, optional: bool) -> int | None: ...
def integer(name: str, value: Any, *, low: int, optional: bool = False) -> int | None:
    """Return a whole number >= `low`; numpy's numbers and floats such as 2.0 are converted.

    >>> integer("k", 2.0, low=1)
    2
    """
    if value is None and optional:
        return None
    accepted = f"an integer >= {low}" + (" or None" if optional else "")
    converted = _real(value)
    if isinstance(converted, float):
        converted = int(converted) if converted.is_integer() else None
    if converted is None:
        raise refusal(name, value, accepted)
    if converted < low:
        raise refusal(name, value, accepted.removeprefix("an integer "))
    return min(converted, _MAX_INTEGER)


@overload
def number(
    name: str, value: Any, *, low: float, high: float, optional: Literal[False] = False
) -> float: ...
@overload
def number(name: str, value: Any, *, low: float, high: float, optional: bool) -> float | None: ...
def number(
    name: str, value: Any, *, low: float, high: float, optional: bool = False
) -> float | None:
    """Return a finite number in [`low`, `high`]; numpy's numbers and decimals are converted.

    >>> number("importance", Decimal("0.5"), low=0, high=1)
    0.5
    """
    if value is None and optional:
        return None
    converted = _real(value)
    if converted is None or not low <= converted <= high:
        raise refusal(name, value, f"a number in [{low:g}, {high:g}]")
    return float(converted)


def seconds(name: str, value: Any) -> float | None:
    """Return a duration > 0, or None for no limit.

    >>> seconds("timeout", 5)
    5.0
    """
    if value is None:
        return None
    converted = _real(value)
    if converted is None or not 0 < converted <= TIMEOUT_MAX:
        raise refusal(name, value, "> 0 seconds, or None")
    return float(converted)


def _real(value: Any) -> float | int | None:
    """Return a real number as a builtin; None if the value is not a real number."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real | Decimal):
        try:
            return float(value)
        except (OverflowError, ValueError):
            return None
    return None


def flag(name: str, value: Any) -> bool:
    """Return True or False.

    >>> flag("explain", np.True_)
    True
    """
    if not isinstance(value, bool | np.bool_):
        raise refusal(name, value, "True or False")
    return bool(value)


def instance(
    name: str, value: Any, kind: type[T], accepted: str, *, optional: bool = False
) -> T | None:
    """Return a value that is an instance of a class, or None where that is accepted.

    >>> instance("tags", ["a"], list, "a list")
    ['a']
    """
    if value is None and optional:
        return None
    if not isinstance(value, kind):
        raise refusal(name, value, accepted)
    return value


def function(name: str, value: Any, *, optional: bool = False) -> Any:
    """Return a function, or None where that is accepted; a class is taken for a mistake.

    >>> function("clock", len)
    <built-in function len>
    """
    if value is None and optional:
        return None
    if not callable(value) or isinstance(value, type):
        raise refusal(name, value, "a function" + (" or None" if optional else ""))
    return value


def moment(name: str, value: Any) -> datetime:
    """Return a point in time, with its own offset: that decides which day it is for the speaker.

    Accepted are aware datetimes (pandas's and numpy's are not aware), ISO 8601 strings with a time
    zone, and dates, in strings too, which mean their start in UTC.

    Raises:
        NaiveDatetimeError: a datetime has no time zone.

    >>> moment("timestamp", "2026-01-05T12:00:00+02:00").isoformat()
    '2026-01-05T12:00:00+02:00'
    >>> moment("timestamp", date(2026, 1, 5)).isoformat()
    '2026-01-05T00:00:00+00:00'
    """
    parsed = value
    if isinstance(value, str):
        parsed = _parse_moment(value)
    if isinstance(parsed, date) and not isinstance(parsed, datetime):
        parsed = datetime.combine(parsed, time(), UTC)
    if not isinstance(parsed, datetime):
        raise refusal(name, value, "an aware datetime, a date or an ISO 8601 string")
    try:
        require_aware(parsed, name)
    except OverflowError as error:
        raise refusal(name, value, "a time of the years 1 to 9999 in UTC") from error
    return parsed


def _parse_moment(value: str) -> date | None:
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def choice(name: str, value: Any, kind: type[C]) -> C:
    """Return a member of an enumeration, given as itself or by its value.

    >>> from agentmem_stores import Granularity
    >>> choice("granularity", "turn", Granularity)
    <Granularity.TURN: 'turn'>
    """
    try:
        return kind(value)
    except ValueError:
        accepted = ", ".join(member.value for member in kind)
        raise refusal(name, value, f"one of {accepted}") from None


def is_role(value: Any) -> bool:
    """Return whether `role_name` accepts a value.

    >>> is_role("Human"), is_role("I like tea.")
    (True, False)
    """
    try:
        role_name(value)
    except InvalidInputError:
        return False
    return True


def role_name(value: Any) -> str:
    """Return a role: one of `ROLES`, a name that other libraries give to it, or `x-` and a name.

    Case makes no difference.

    >>> role_name("human"), role_name("developer"), role_name("x-narrator")
    ('user', 'system', 'x-narrator')
    """
    role = value.lower() if isinstance(value, str) else value
    role = ROLE_OF_MESSAGE_TYPE.get(role, role) if isinstance(role, str) else role
    if not isinstance(role, str) or not (role in ROLES or _ROLE.fullmatch(role)):
        raise refusal(
            "role", value, f"one of {', '.join(ROLES)}, or a name of your own such as x-narrator"
        )
    return role


def memory_filter(
    *,
    session_id: Any = None,
    role: Any = None,
    speaker: Any = None,
    since: Any = None,
    until: Any = None,
    filter: Any = None,  # noqa: A002
) -> MemoryFilter | None:
    """Return the filter that the arguments of a search, a recall or a listing make, if any.

    >>> memory_filter(role="human", filter={"stars": 3}).role
    'user'
    >>> memory_filter(filter={}) is None
    True
    """
    where = MemoryFilter(
        session_id=None if session_id is None else string("session_id", session_id),
        role=None if role is None else role_name(role),
        speaker=None if speaker is None else string("speaker", speaker),
        since=None if since is None else moment("since", since),
        until=None if until is None else moment("until", until),
        metadata=None if filter is None else parse_filter(to_builtin(filter)),
    )
    return None if where == MemoryFilter() else where


def metadata_value(name: str, value: Any) -> dict[str, Any]:
    """Return metadata as a dict, with numpy's numbers as Python's.

    Raises:
        InvalidInputError: it is not a mapping. What JSON cannot hold is found later.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise refusal(name, value, "a dict")
    return {key: to_builtin(item) for key, item in value.items()}


def to_builtin(value: Any) -> Any:
    """Return a value with numpy's numbers as Python's, also those in lists and dicts.

    >>> to_builtin({"score": np.float32(0.5), "counts": [np.int64(2)]})
    {'score': 0.5, 'counts': [2]}
    """
    try:
        return _plain(value)
    except RecursionError:
        # Whoever reads it next says that it is nested too deeply, or contains itself.
        return value


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items()}
    if type(value) is list:
        return [_plain(item) for item in value]
    return value


def path_like(name: str, value: Any) -> str:
    """Return a path as a string."""
    if not isinstance(value, str | PathLike):
        raise refusal(name, value, "a path")
    path = fspath(value)
    if not isinstance(path, str) or not path or "\0" in path or not is_unicode(path):
        raise refusal(name, value, "a path")
    return path

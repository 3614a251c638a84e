"""Reading an export as what it may be: a file that somebody made to do harm."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from agentmem.writing.messages import LONGEST_ID, as_json
from agentmem_stores import (
    DataFormatError,
    Edge,
    Granularity,
    InvalidInputError,
    Memory,
    Scope,
    State,
    StoreUnavailableError,
    require_aware,
)
from agentmem_stores.records import is_unicode

__all__ = ["FORMAT", "PLAIN", "TIMES", "read_export"]

FORMAT = 1
# More than a memory of any use, and less than harms a process that reads it.
MAX_LINE = 16 * 1024 * 1024
MAX_VERSION = 10_000
_LARGE = 2**31 - 1


def _string(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("expected a string that is not empty")
    if not is_unicode(value):
        raise ValueError("expected text without lone surrogates")
    return value


def _number(lowest: float, highest: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        known = isinstance(value, int | float) and not isinstance(value, bool)
        if not known or not lowest <= value <= highest:
            raise ValueError(f"expected a number from {lowest:g} to {highest:g}")
        return float(value)

    return check


def _whole(lowest: int, highest: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        known = isinstance(value, int) and not isinstance(value, bool)
        if not known or not lowest <= value <= highest:
            raise ValueError(f"expected a whole number from {lowest} to {highest}")
        return int(value)

    return check


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_string(value))
    try:
        return require_aware(moment, "it")
    except OverflowError:
        raise ValueError("expected a time within the years 1 to 9999 in UTC") from None


def _optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else check(value)


def _sources(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("expected a list of ids")
    return tuple(map(_string, value))


def _edges(value: Any) -> tuple[Edge, ...]:
    weight = _number(math.ulp(0.0), 1.0)
    if not isinstance(value, list) or not all(isinstance(e, list) and len(e) == 2 for e in value):
        raise ValueError("expected a list of pairs of an id and a weight")
    return tuple(Edge(_string(target), weight(found)) for target, found in value)


def _metadata(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("expected an object")
    return as_json(value)


# What is written as it stands, and what each may be.
PLAIN: dict[str, Callable[[Any], Any]] = {
    "id": _string,
    "text": _string,
    "session_id": _string,
    "role": _string,
    "speaker": _optional(_string),
    "position": _whole(0, _LARGE),
    "strength": _number(1e-9, 1e9),
    "recall_count": _whole(0, _LARGE),
    "version": _whole(1, MAX_VERSION),
    "version_of": _optional(_string),
}
TIMES: dict[str, Callable[[Any], Any]] = {
    "said_at": _moment,
    "written_at": _moment,
    "last_recalled_at": _optional(_moment),
    "state_changed_at": _optional(_moment),
    "expires_at": _optional(_moment),
}
_FIELDS: dict[str, Callable[[Any], Any]] = {
    **PLAIN,
    **TIMES,
    "granularity": Granularity,
    "state": State,
    "sources": _sources,
    "edges": _edges,
    "metadata": _metadata,
}
# Exports of before there was a time to live have none.
_LATER = {"expires_at": None}


def read_export(
    path: Path,
    scope: Scope,
    held: Callable[[str], Granularity | None],
    check: Callable[[Memory], None],
) -> Iterator[Memory]:
    """Yield the memories of a file of `export`, as memories of a scope.

    Args:
        held: the granularity of what the scope holds under an id, None where it holds nothing.
        check: raises ValueError for a record that cannot be what it claims to be.

    Raises:
        StoreUnavailableError: the file cannot be read.
        DataFormatError: a line is not what `export` writes; it names the line and the field.
    """
    seen: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        if number == 1:
            _check_header(path, line)
            continue
        try:
            memory = _memory(_object(line), scope)
            check(memory)
            _check_id(memory, seen.setdefault(memory.id, number), number, held(memory.id))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            reason = f"no {error}" if type(error) is KeyError else str(error)
            raise DataFormatError(
                f"{path}, line {number}: {reason}; nothing was imported, mend or remove the line"
            ) from error
        yield memory


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file, of which at least one; never more of it than a line in memory."""
    try:
        with path.open("rb") as file:
            number = 1
            while (line := file.readline(MAX_LINE + 1)) or number == 1:
                if len(line) > MAX_LINE:
                    raise DataFormatError(
                        f"{path}, line {number}: longer than {MAX_LINE} bytes; nothing was "
                        "imported, shorten or remove the line"
                    )
                # Only line feeds end a line: a text may hold other separators of Unicode.
                yield line.decode("utf-8").removesuffix("\n")
                number += 1
    except (OSError, UnicodeDecodeError) as error:
        raise StoreUnavailableError(f"cannot read {path}: {error}") from error


def _object(line: str) -> dict[str, Any]:
    found = json.loads(line, parse_constant=_no_number)
    if not isinstance(found, dict):
        raise TypeError("expected an object")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _memory(record: Mapping[str, Any], scope: Scope) -> Memory:
    unknown = sorted(set(record) - set(_FIELDS))
    if unknown:
        raise ValueError(f"field {ascii(unknown[0])[:60]}: there is no such field")
    fields: dict[str, Any] = {}
    for name, check in _FIELDS.items():
        value = record[name] if name not in _LATER else record.get(name, _LATER[name])
        try:
            fields[name] = check(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"field {name}: {error}") from error
    return Memory(scope=scope, **fields)


def _check_id(memory: Memory, first: int, here: int, held: Granularity | None) -> None:
    """Refuse ids that would stand for two things."""
    if first != here:
        raise ValueError(f"field id: {ascii(memory.id)[:60]} is on line {first} already")
    if held not in (None, memory.granularity):
        raise ValueError(f"field id: {ascii(memory.id)[:60]} is the id of a {held} here")
    if len(memory.version_of or memory.id) > LONGEST_ID:
        raise ValueError(f"field id: longer than {LONGEST_ID} characters")
    own = memory.id if memory.version_of is None else f"{memory.version_of}@{memory.version}"
    if own != memory.id or ("@" in memory.id) != (memory.version_of is not None):
        raise ValueError('field id: only a former version has "@" and its number in the id')


def _check_header(path: Path, line: str) -> None:
    try:
        version = _object(line)["agentmem"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataFormatError(
            f"{path} was not written by `agentmem export`: its first line has no header"
        ) from None
    if not isinstance(version, int) or not 1 <= version <= FORMAT:
        raise InvalidInputError(
            f"{path} has format {ascii(version)[:60]}, this agentmem reads up to {FORMAT}; "
            "upgrade agentmem"
        )

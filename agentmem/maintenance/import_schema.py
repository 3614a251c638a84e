"""Validate the lines of an export. The file may be hostile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic import ValidationError as PydanticError

from agentmem.formats.schema import Text, expected, first_error
from agentmem.writing.messages import MAX_ID, as_json
from agentmem_stores import (
    DataFormatError,
    Edge,
    Granularity,
    InvalidInputError,
    Memory,
    RecallEvent,
    Scope,
    State,
    StoreUnavailableError,
    require_aware,
)
from agentmem_stores.records import MAX_RECALLS

__all__ = ["EXPORT_FORMAT", "ExportedMemory", "read_export"]

# The version of the format, in the header of every export.
EXPORT_FORMAT = 1
# Bytes. No memory of any use is longer, and a line of this size is parsed without harm.
MAX_LINE = 16 * 1024 * 1024
# Positions, recall counts and the like fit into 32 bits, as databases store them.
_MAX_COUNT = 2**31 - 1
# Versions are listed by history(), one record each.
_MAX_VERSION = 10_000


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise expected("a time in ISO 8601")
    moment = datetime.fromisoformat(value)
    try:
        return require_aware(moment, "time")
    except OverflowError:
        raise expected("a time within the years 1 to 9999 in UTC") from None


_String = Annotated[Text, Field(min_length=1)]
_Moment = Annotated[datetime, BeforeValidator(_moment)]
_Count = Annotated[int, Field(ge=0, le=_MAX_COUNT)]
_Strength = Annotated[float, Field(ge=1e-9, le=1e9)]
_Weight = Annotated[float, Field(gt=0, le=1)]


class ExportedMemory(BaseModel):
    """One line of an export: every field of a memory but its scope.

    The order of the fields is their order in the file.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    id: _String
    text: _String
    session_id: _String
    role: _String
    speaker: _String | None
    position: _Count
    strength: _Strength
    recall_count: _Count
    version: Annotated[int, Field(ge=1, le=_MAX_VERSION)]
    version_of: _String | None
    said_at: _Moment
    written_at: _Moment
    last_recalled_at: _Moment | None
    state_changed_at: _Moment | None
    # Exports made before memories could expire, or kept their recalls, do not have these fields.
    expires_at: _Moment | None = None
    recalls: Annotated[
        list[Annotated[tuple[_Moment, _Strength], Field(strict=False)]],
        Field(max_length=MAX_RECALLS),
    ] = []
    granularity: Annotated[Granularity, Field(strict=False)]
    state: Annotated[State, Field(strict=False)]
    sources: list[_String]
    edges: list[Annotated[tuple[_String, _Weight], Field(strict=False)]]
    metadata: Annotated[dict[str, Any], AfterValidator(as_json)]

    def to_memory(self, scope: Scope) -> Memory:
        """Return the memory, as one of a scope.

        Raises:
            ValueError: the fields contradict each other.
        """
        edges = tuple(Edge(target, weight) for target, weight in self.edges)
        recalls = tuple(RecallEvent(at, strength) for at, strength in self.recalls)
        sources = tuple(self.sources)
        fields = dict(self) | {"sources": sources, "edges": edges, "recalls": recalls}
        return Memory(scope=scope, **fields)


def read_export(
    path: Path,
    scope: Scope,
    granularity_of: Callable[[str], Granularity | None],
    check: Callable[[Memory], None],
) -> Iterator[Memory]:
    """Yield the memories of an export, as memories of a scope.

    Args:
        granularity_of: returns the granularity of the record that the scope has under an id, or
            None if it has none.
        check: raises KeyError, TypeError or ValueError for a record that cannot be what it claims.

    Raises:
        StoreUnavailableError: the file cannot be read.
        DataFormatError: a line is not what `export` writes; the message names line and field.
        InvalidInputError: a newer version of agentmem wrote the file.
    """
    first_lines: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        if number == 1:
            _check_header(path, line)
            continue
        try:
            memory = ExportedMemory.model_validate(_parse_object(line)).to_memory(scope)
            check(memory)
            first = first_lines.setdefault(memory.id, number)
            _check_id(memory, first if first != number else None, granularity_of(memory.id))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise DataFormatError(
                f"{path}, line {number}: {_reason(error)}; nothing was imported, "
                "fix or remove the line"
            ) from error
        yield memory


def _reason(error: Exception) -> str:
    if isinstance(error, PydanticError):
        return "field {}: {}".format(*first_error(error))
    return f"no {error}" if type(error) is KeyError else str(error)


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file, at least one; never read more than one line into memory."""
    try:
        with path.open("rb") as file:
            number = 1
            while (line := file.readline(MAX_LINE + 1)) or number == 1:
                if len(line) > MAX_LINE:
                    raise DataFormatError(
                        f"{path}, line {number}: longer than {MAX_LINE} bytes; nothing was "
                        "imported, shorten or remove the line"
                    )
                # Only line feeds end a line: a text may hold other line separators of Unicode.
                yield line.decode("utf-8").removesuffix("\n")
                number += 1
    except (OSError, UnicodeDecodeError) as error:
        raise StoreUnavailableError(f"cannot read {path}: {error}") from error


def _parse_object(line: str) -> dict[str, Any]:
    # Not pydantic's own JSON parser: for a lone surrogate it names a column, but no field.
    value = json.loads(line, parse_constant=_reject_constant)
    if not isinstance(value, dict):
        raise TypeError("expected an object")
    return value


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _check_id(memory: Memory, earlier_line: int | None, existing: Granularity | None) -> None:
    """Reject an id that would stand for two records."""
    if earlier_line is not None:
        raise ValueError(f"field id: {ascii(memory.id)[:60]} is on line {earlier_line} already")
    if existing not in (None, memory.granularity):
        raise ValueError(f"field id: the scope has a {existing} of the id {ascii(memory.id)[:60]}")
    if len(memory.version_of or memory.id) > MAX_ID:
        raise ValueError(f"field id: longer than {MAX_ID} characters")
    own = memory.id if memory.version_of is None else f"{memory.version_of}@{memory.version}"
    if own != memory.id or ("@" in memory.id) != (memory.version_of is not None):
        raise ValueError('field id: only the id of a former version ends in "@" and its number')


def _check_header(path: Path, line: str) -> None:
    try:
        version = _parse_object(line)["agentmem"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataFormatError(
            f"{path} was not written by `agentmem export`: its first line is not a header"
        ) from None
    if not isinstance(version, int) or not 1 <= version <= EXPORT_FORMAT:
        raise InvalidInputError(
            f"{path} has format {ascii(version)[:60]}, and this version of agentmem reads up to "
            f"{EXPORT_FORMAT}; upgrade agentmem"
        )

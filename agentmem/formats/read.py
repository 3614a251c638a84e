"""Which format a file has, and its dialogues."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from os import PathLike

from agentmem.formats.json import entries, first_line, lines, members
from agentmem.formats.jsonl import read_jsonl
from agentmem.formats.locomo import read_locomo
from agentmem.formats.longmemeval import read_longmemeval
from agentmem.formats.memorybank import read_memorybank
from agentmem.formats.node import Node
from agentmem.formats.records import Dialogue
from agentmem_stores import DataFormatError, InvalidInputError

__all__ = ["FORMATS", "detect", "read"]

_READERS: Mapping[str, Callable[[str | PathLike[str]], Iterator[Dialogue]]] = {
    "jsonl": read_jsonl,
    "locomo": read_locomo,
    "longmemeval": read_longmemeval,
    "memorybank": read_memorybank,
}

FORMATS = tuple(_READERS)

_FIELDS = {"session_id", "role", "content"}
_LINE = re.compile(r'\s*\{\s*"(session_id|role|content|timestamp|speaker|user_id|metadata)"')


def read(path: str | PathLike[str], format: str | None = None) -> Iterator[Dialogue]:  # noqa: A002
    """Yield the dialogues of a file, each as soon as it has been read and checked.

    Args:
        path: the file.
        format: one of `FORMATS`; by default it is found out.

    Raises:
        DataFormatError: the file cannot be read, or something in it is not what its format
            says; the message names the entry and the field. What comes before it has been
            yielded by then, and not much more than it has been read.
        InvalidInputError: there is no such format.
    """
    name = format or detect(path)
    if name not in _READERS:
        raise InvalidInputError(f"format={name!r} is none of {', '.join(FORMATS)}")
    return _READERS[name](path)


def detect(path: str | PathLike[str]) -> str:
    """Return the format of a file, one of `FORMATS`, judged by its first entry.

    Raises:
        DataFormatError: the file cannot be read, is no JSON, or is none of the formats.
    """
    start = first_line(path).lstrip()
    found = None
    if start.startswith("["):
        found = _list_format(next(entries(path), None))
    elif start.startswith("{"):
        found = _object_format(path)
    if found is None:
        what = "is none of the formats known" if start else "is empty"
        raise DataFormatError(
            f"{path}: {what}; expected LoCoMo, LongMemEval, MemoryBank, or JSON lines of "
            "{session_id, role, content}"
        )
    return found


def _list_format(first: Node | None) -> str | None:
    keys = set(first or ())
    if keys & {"conversation", "sample_id"}:
        return "locomo"
    return "longmemeval" if keys & {"haystack_sessions", "question_id"} else None


def _object_format(path: str | PathLike[str]) -> str | None:
    fault: DataFormatError | None = None
    try:
        first = next(members(path), None)
        if first is not None and "history" in first[1]:
            return "memorybank"
    except DataFormatError as error:
        fault = error
    try:
        line = next(lines(path))
    except DataFormatError as error:
        # Neither one object nor an object a line: tell of what it looks more like.
        raise error if fault is None or _LINE.match(first_line(path)) else fault from None
    return "jsonl" if _FIELDS & set(line) else None

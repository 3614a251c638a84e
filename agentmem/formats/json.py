"""Reading large JSON files entry by entry, so that a fault is met no later than it stands.

The standard library's decoder does the work on a window of the file; a dependency on a streaming
parser would gain nothing, because every entry is wanted whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, TextIO

from agentmem.formats.node import Node
from agentmem_stores import DataFormatError

__all__ = ["entries", "first_line", "lines", "members"]

_CHUNK = 1 << 16
# The decoder reports a literal or escape that the window cuts off at its beginning.
_LONGEST_LITERAL = 12


def entries(path: str | PathLike[str]) -> Iterator[Node]:
    """Yield the objects of a file that is one JSON list."""
    with _opened(path) as file:
        window = _Window(file, str(path))
        window.take("[")
        index = 0
        while window.peek() != "]":
            if index:
                window.take(",")
            entry = f"entry [{index}]"
            yield Node(window.object(entry), str(path), entry)
            index += 1
        window.take("]")
        window.end()


def members(path: str | PathLike[str]) -> Iterator[tuple[str, Node]]:
    """Yield the keys and values of a file that is one JSON object of objects."""
    with _opened(path) as file:
        window = _Window(file, str(path))
        window.take("{")
        first = True
        while window.peek() != "}":
            if not first:
                window.take(",")
            first = False
            key = window.key()
            window.take(":")
            entry = f"entry {key!r}"
            yield key, Node(window.object(entry), str(path), entry)
        window.take("}")
        window.end()


def lines(path: str | PathLike[str]) -> Iterator[Node]:
    """Yield the objects of a file that has one on every line; blank lines are passed over."""
    with _opened(path) as file:
        for number, line in enumerate(_readable(file, str(path)), start=1):
            if line.strip():
                yield Node(_object_of(line, str(path), number), str(path), f"line {number}")


def first_line(path: str | PathLike[str]) -> str:
    """Return the beginning of the file's first line that is not blank; "" where there is none."""
    with _opened(path) as file:
        while line := _read(file, str(path), _CHUNK, lines=True):
            if line.strip():
                return line
    return ""


@contextmanager
def _opened(path: str | PathLike[str]) -> Iterator[TextIO]:
    try:
        file = Path(path).open(encoding="utf-8-sig")  # noqa: SIM115
    except OSError as error:
        raise DataFormatError(
            f"{path}: cannot be read ({error.strerror}); check the path"
        ) from error
    with file:
        yield file


def _readable(file: TextIO, name: str) -> Iterator[str]:
    while line := _read(file, name, lines=True):
        yield line


def _read(file: TextIO, name: str, size: int = -1, *, lines: bool = False) -> str:
    try:
        return file.readline(size) if lines else file.read(size)
    except UnicodeDecodeError as error:
        raise DataFormatError(f"{name}: is not UTF-8 text ({error}); convert it") from error
    except OSError as error:
        raise DataFormatError(f"{name}: cannot be read ({error.strerror})") from error


def _object_of(line: str, name: str, number: int) -> dict[str, Any]:
    where = f"{name}, line {number}"
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataFormatError(
            f"{where}: is no JSON, or cut off, at column {error.colno}: {error.msg}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataFormatError(f"{where}: cannot be taken: {error}") from error
    if not isinstance(value, dict):
        raise Node(value, name, f"line {number}").error("an object")
    return value


class _Window:
    """The part of a file that is being decoded."""

    def __init__(self, file: TextIO, name: str) -> None:
        self._file = file
        self._name = name
        self._text = ""
        self._at = 0
        self._lines_before = 0
        self._column_before = 0

    def peek(self) -> str:
        """Return the next character that is not white space, without taking it; "" at the end."""
        while True:
            while self._at < len(self._text):
                if not self._text[self._at].isspace():
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def take(self, mark: str) -> None:
        """Take one character that must be there."""
        if self.peek() != mark:
            raise self._missing(f"expected {mark!r}")
        self._at += 1

    def end(self) -> None:
        """Make sure that nothing follows."""
        if self.peek():
            raise self._missing("expected the end of the file")

    def key(self) -> str:
        """Take a string."""
        if self.peek() != '"':
            raise self._missing("expected a key in quotes")
        return str(self._value("a key"))

    def object(self, entry: str) -> dict[str, Any]:
        """Take an object; `entry` is what to call it where it is none."""
        if self.peek() != "{":
            raise self._missing(f"{entry}: expected an object")
        found: dict[str, Any] = self._value(entry)
        return found

    def _value(self, entry: str) -> Any:
        decoder = json.JSONDecoder()
        while True:
            try:
                value, self._at = decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not (self._may_go_on(error) and self._more()):
                    raise self._undecodable(entry, error) from error
            except (ValueError, RecursionError) as error:
                raise self._fault(
                    "holds what cannot be read", self._at, f"{entry}: {error}"
                ) from error
            else:
                return value

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        near_the_end = error.pos >= len(self._text) - _LONGEST_LITERAL
        return near_the_end or error.msg.startswith("Unterminated string")

    def _undecodable(self, entry: str, error: json.JSONDecodeError) -> DataFormatError:
        at_the_end = not self._text[error.pos :].strip()
        if at_the_end or error.msg.startswith("Unterminated string"):
            return self._fault("is cut off", len(self._text), f"the end of {entry} is missing")
        return self._fault("is malformed", error.pos, f"{entry}: {error.msg}")

    def _missing(self, what: str) -> DataFormatError:
        return self._fault("is malformed" if self.peek() else "is cut off", self._at, what)

    def _more(self) -> bool:
        """Read on, as much again as is undecided, so that retries cost no more than reading."""
        chunk = _read(self._file, self._name, max(_CHUNK, len(self._text) - self._at))
        if chunk:
            self._lines_before, self._column_before = self._position(self._at)
            self._text = self._text[self._at :] + chunk
            self._at = 0
        return bool(chunk)

    def _position(self, at: int) -> tuple[int, int]:
        """How many lines, and then how many characters, come before a place in the window."""
        breaks = self._text.count("\n", 0, at)
        if breaks:
            return self._lines_before + breaks, at - self._text.rfind("\n", 0, at) - 1
        return self._lines_before, self._column_before + at

    def _fault(self, kind: str, at: int, what: str) -> DataFormatError:
        line, column = self._position(at)
        return DataFormatError(
            f"{self._name}: {kind} at line {line + 1}, column {column + 1}: {what}"
        )

"""Read large JSON files entry by entry, and report an error where it stands in the file.

The decoder of the standard library works on a window of the file. ijson 3.6 was tried in its
place and is faster (0.10 s instead of 0.15 s for 26 MB of LongMemEval), but it replaces lone
surrogates by "?" without a word, rejects integers of more than 64 bits, and its errors name
neither line nor column.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, TextIO

from agentmem.formats.schema import FileEntry
from agentmem_stores import DataFormatError

__all__ = ["first_line", "read_lines", "read_list", "read_object"]

# Characters per read. An entry that is larger is decoded again with every read, so this is larger
# than most entries: one of LongMemEval has about half a million characters.
CHUNK_SIZE = 1 << 20
# The decoder reports a literal or escape that the window cuts off at its beginning, at most this
# many characters before the end of the window ("-Infinity" and "\\ud83d\\ude00" are the longest).
_MAX_LITERAL = 12


def read_list(path: str | PathLike[str], *, chunk_size: int = CHUNK_SIZE) -> Iterator[FileEntry]:
    """Yield the objects of a file that is one JSON list of objects.

    Args:
        path: the file, in UTF-8.
        chunk_size: how many characters are read at once.

    Raises:
        DataFormatError: the file cannot be read or is malformed; the message has line and column.
    """
    with _open(path) as file:
        window = _Window(file, str(path), chunk_size)
        window.take("[")
        index = 0
        while window.peek() != "]":
            if index:
                window.take(",")
            label = f"entry [{index}]"
            yield FileEntry(window.take_object(label), str(path), label)
            index += 1
        window.take("]")
        window.require_end()


def read_object(
    path: str | PathLike[str], *, chunk_size: int = CHUNK_SIZE
) -> Iterator[tuple[str, FileEntry]]:
    """Yield the keys and values of a file that is one JSON object of objects; see `read_list`."""
    with _open(path) as file:
        window = _Window(file, str(path), chunk_size)
        window.take("{")
        is_first = True
        while window.peek() != "}":
            if not is_first:
                window.take(",")
            is_first = False
            key = window.take_key()
            window.take(":")
            label = f"entry {key!r}"
            yield key, FileEntry(window.take_object(label), str(path), label)
        window.take("}")
        window.require_end()


def read_lines(path: str | PathLike[str]) -> Iterator[FileEntry]:
    """Yield the objects of a file that has one per line; blank lines are skipped.

    Raises:
        DataFormatError: the file cannot be read, or a line is not a JSON object.
    """
    with _open(path) as file:
        number = 0
        while line := _read(file, str(path), lines=True):
            number += 1
            if line.strip():
                yield FileEntry(_parse_line(line, str(path), number), str(path), f"line {number}")


def first_line(path: str | PathLike[str]) -> str:
    """Return the beginning of the first line that is not blank; "" if there is none."""
    with _open(path) as file:
        while line := _read(file, str(path), CHUNK_SIZE, lines=True):
            if line.strip():
                return line
    return ""


@contextmanager
def _open(path: str | PathLike[str]) -> Iterator[TextIO]:
    try:
        # A data set is often published compressed.
        if str(path).endswith(".gz"):
            file: TextIO = gzip.open(path, "rt", encoding="utf-8-sig")  # noqa: SIM115
        else:
            file = Path(path).open(encoding="utf-8-sig")  # noqa: SIM115
    except OSError as error:
        raise DataFormatError(
            f"{path}: cannot be read ({error.strerror}); check the path"
        ) from error
    with file:
        yield file


def _read(file: TextIO, name: str, size: int = -1, *, lines: bool = False) -> str:
    try:
        return file.readline(size) if lines else file.read(size)
    except UnicodeDecodeError as error:
        raise DataFormatError(f"{name}: is not UTF-8 text ({error}); convert it") from error
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataFormatError(f"{name}: cannot be read ({reason})") from error


def _parse_line(line: str, name: str, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataFormatError(
            f"{name}, line {number}: is not JSON, or cut off, at column {error.colno}: {error.msg}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataFormatError(f"{name}, line {number}: cannot be parsed: {error}") from error
    if not isinstance(value, dict):
        raise FileEntry({}, name, f"line {number}").error("", "an object", value)
    return value


class _Window:
    """The part of a file that is being decoded."""

    def __init__(self, file: TextIO, name: str, chunk_size: int) -> None:
        self._file = file
        self._name = name
        self._chunk_size = chunk_size
        self._text = ""
        self._at = 0
        # Lines before the window, and characters before it on its first line.
        self._lines_before = 0
        self._column_before = 0

    def peek(self) -> str:
        """Return the next character that is not white space without taking it; "" at the end."""
        while True:
            while self._at < len(self._text):
                if not self._text[self._at].isspace():
                    return self._text[self._at]
                self._at += 1
            if not self._read_more():
                return ""

    def take(self, mark: str) -> None:
        """Take a character that must come next."""
        if self.peek() != mark:
            raise self._unexpected(f"expected {mark!r}")
        self._at += 1

    def take_key(self) -> str:
        """Take a string."""
        if self.peek() != '"':
            raise self._unexpected("expected a key in quotes")
        return str(self._decode("a key"))

    def take_object(self, label: str) -> dict[str, Any]:
        """Take an object; errors call it by the label."""
        if self.peek() != "{":
            raise self._unexpected(f"{label}: expected an object")
        value: dict[str, Any] = self._decode(label)
        return value

    def require_end(self) -> None:
        """Check that nothing but white space is left."""
        if self.peek():
            raise self._unexpected("expected the end of the file")

    def _decode(self, label: str) -> Any:
        decoder = json.JSONDecoder()
        while True:
            try:
                value, self._at = decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                is_unterminated = error.msg.startswith("Unterminated string")
                is_near_end = error.pos >= len(self._text) - _MAX_LITERAL
                if (is_unterminated or is_near_end) and self._read_more():
                    continue
                if is_unterminated or not self._text[error.pos :].strip():
                    end = len(self._text)
                    raise self._error(
                        "is cut off", end, f"the end of {label} is missing"
                    ) from error
                raise self._error("is malformed", error.pos, f"{label}: {error.msg}") from error
            except (ValueError, RecursionError) as error:
                raise self._error("cannot be parsed", self._at, f"{label}: {error}") from error
            else:
                return value

    def _read_more(self) -> bool:
        """Read at least as much again as the window has left, so that retries cost O(n) in all."""
        chunk = _read(self._file, self._name, max(self._chunk_size, len(self._text) - self._at))
        if chunk:
            self._lines_before, self._column_before = self._position(self._at)
            self._text = self._text[self._at :] + chunk
            self._at = 0
        return bool(chunk)

    def _position(self, at: int) -> tuple[int, int]:
        """Return how many lines, and characters of the line, come before a place in the window."""
        breaks = self._text.count("\n", 0, at)
        if breaks:
            return self._lines_before + breaks, at - self._text.rfind("\n", 0, at) - 1
        return self._lines_before, self._column_before + at

    def _unexpected(self, what: str) -> DataFormatError:
        return self._error("is malformed" if self.peek() else "is cut off", self._at, what)

    def _error(self, kind: str, at: int, what: str) -> DataFormatError:
        line, column = self._position(at)
        return DataFormatError(
            f"{self._name}: {kind} at line {line + 1}, column {column + 1}: {what}"
        )

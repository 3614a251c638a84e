"""A value in a data file that knows where it stands, so that every complaint can say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from agentmem_stores import DataFormatError

__all__ = ["Node"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Node:
    """Part of an entry of a file.

    Attributes:
        value: what JSON holds there.
        file: the file's path.
        entry: which entry of the file, such as `entry [2] (conv-42)` or `line 7`.
        field: the path within the entry, such as `conversation.session_3[4].text`.
    """

    value: Any
    file: str
    entry: str
    field: str = ""

    def error(self, expected: str) -> DataFormatError:
        """Return the error that says what should stand here, and what does."""
        field = f", field {self.field}" if self.field else ""
        return DataFormatError(
            f"{self.file}, {self.entry}{field}: expected {expected}, found {_shown(self.value)}"
        )

    def named(self, name: str) -> Node:
        """Return this node with the entry's own name beside its number."""
        return replace(self, entry=f"{self.entry} ({name})")

    def __getitem__(self, key: str) -> Node:
        """Return a field that must be there."""
        if key not in self._object():
            raise self._at(key, None).error("this field")
        return self._at(key, self.value[key])

    def get(self, key: str) -> Node | None:
        """Return a field, or None where it is missing or null."""
        value = self._object().get(key)
        return None if value is None else self._at(key, value)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the fields' names, in the file's order."""
        return iter(self._object())

    def __contains__(self, key: str) -> bool:
        return key in self._object()

    def items(self) -> Iterator[Node]:
        """Yield the elements of what must be a list."""
        if not isinstance(self.value, list):
            raise self.error("a list")
        for i, value in enumerate(self.value):
            yield replace(self, value=value, field=f"{self.field}[{i}]")

    def object(self) -> dict[str, Any]:
        """Return what must be an object, as it stands."""
        return dict(self._object())

    def text(self) -> str:
        """Return what must be a string, blank or not."""
        if not isinstance(self.value, str):
            raise self.error("a string")
        if not self.value.isascii() and any(0xD800 <= ord(c) <= 0xDFFF for c in self.value):
            raise self.error("text without lone surrogates")
        return self.value

    def name(self) -> str:
        """Return what must be a string that is not blank, exactly as it stands."""
        if not self.text().strip():
            raise self.error("a string that is not blank")
        return self.text()

    def answer(self) -> str:
        """Return a string or a number as text."""
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            return str(self.value)
        if not isinstance(self.value, str):
            raise self.error("a string or a number")
        return self.text()

    def parsed(self, parse: Callable[[str], _T], expected: str) -> _T:
        """Return what `parse` makes of the text; its ValueError means something else was there."""
        try:
            return parse(self.text())
        except (ValueError, OverflowError) as error:
            raise self.error(expected) from error

    def _object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.error("an object")
        return self.value

    def _at(self, key: str, value: Any) -> Node:
        return replace(self, value=value, field=f"{self.field}.{key}" if self.field else key)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    shown = ascii(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."

"""The texts and other fields of turns, so that hits need not be read from the store.

As the stored fields of Lucene. Rows read from a file stay there, mapped into memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["StoredFields"]


class StoredFields:
    """Two strings for each row: a text, and its other fields.

    Args:
        content: of the first rows, UTF-8, one after the other.
        ends: where the text and the fields of each of these rows end, shape (rows, 2).
    """

    def __init__(
        self, content: NDArray[np.uint8] | None = None, ends: NDArray[np.int64] | None = None
    ) -> None:
        self._content = np.zeros(0, dtype=np.uint8) if content is None else content
        self._ends = np.zeros((0, 2), dtype=np.int64) if ends is None else ends
        # Rows that are not in the file, or differ from it.
        self._changed: dict[int, tuple[bytes, bytes]] = {}

    def put(self, row: int, text: str) -> None:
        """Set the text of a row, which then has no fields."""
        self._changed[row] = text.encode(), b""

    def patch(self, row: int, fields: str) -> None:
        """Set the fields of a row; its text stays."""
        text, _ = self._row(row)
        self._changed[row] = text, fields.encode()

    def get(self, row: int) -> tuple[str, bytes]:
        """Return text and fields of a row; empty for a cleared or unknown one."""
        text, fields = self._row(row)
        return text.decode(), fields

    def _row(self, row: int) -> tuple[bytes, bytes]:
        changed = self._changed.get(row)
        if changed is not None:
            return changed
        if row >= len(self._ends):
            return b"", b""
        begin, middle, end = self._span(row)
        content = self._content[begin:end].tobytes()
        return content[: middle - begin], content[middle - begin :]

    def _span(self, row: int) -> tuple[int, int, int]:
        middle, end = self._ends[row].tolist()
        return int(self._ends[row - 1, 1]) if row else 0, middle, end

    def clear(self, row: int) -> None:
        """Remove what a row has, from the mapped file too."""
        if row < len(self._ends):
            begin, _, end = self._span(row)
            self._content[begin:end] = 0
        self._changed[row] = b"", b""

    def to_arrays(self, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return the content and the ends of the first `count` rows."""
        rows = [self._row(row) for row in range(count)]
        sizes = np.array([(len(text), len(fields)) for text, fields in rows], dtype=np.int64)
        content = bytearray().join([part for row in rows for part in row])
        ends = np.cumsum(sizes.reshape(-1)).reshape(-1, 2)
        return np.frombuffer(content, dtype=np.uint8), ends

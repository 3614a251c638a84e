"""Rows with those around them in their sessions, each of them looked at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NONE", "ContextWindow", "Rows"]

Rows = NDArray[np.intp]

# In place of a row number, where there is no such row.
NONE = -1


@dataclass(frozen=True, eq=False)
class ContextWindow:
    """What stands at some offsets in the session from some rows.

    Rows that are close to each other share their surroundings.

    Attributes:
        rows: all of them, each once; NONE after the others, where there is any.
        places: for each offset, 0 for the rows themselves, where in `rows` they are.
    """

    rows: Rows
    places: Mapping[int, Rows]

    @classmethod
    def of(cls, offsets: Mapping[int, Rows], size: int) -> ContextWindow:
        """Take the rows at each offset.

        Args:
            size: how many rows there are in all.
        """
        # Marking them is many times as fast as sorting them; NONE marks what is behind the last.
        marked = np.zeros(size + 1, dtype=np.bool_)
        for rows in offsets.values():
            marked[rows] = True
        found = np.flatnonzero(marked)
        place = np.empty(size + 1, dtype=np.intp)
        place[found] = np.arange(len(found))
        found[found == size] = NONE
        return cls(found, {offset: place[rows] for offset, rows in offsets.items()})

    def __getitem__(self, offset: int) -> Rows:
        """The rows at an offset."""
        return self.rows[self.places[offset]]

    def within(self, offsets: Iterable[int]) -> ContextWindow:
        """Only what stands at some of the offsets."""
        narrow = ContextWindow.of(
            {offset: self.places[offset] for offset in offsets}, len(self.rows)
        )
        return ContextWindow(self.rows[narrow.rows], narrow.places)

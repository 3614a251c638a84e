"""Which memories a search may find."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.table import Rows, Table

__all__ = ["VisibilityMask"]


@dataclass(frozen=True)
class VisibilityMask:
    """Which rows of a table a search may find; computed for the rows that are looked at.

    Attributes:
        table: whose rows.
        as_of: the memory as it stood then; None for now.
        include_archived: whether archived memories are visible.
        now: leave out what has expired by then; None for nothing.
    """

    table: Table
    as_of: datetime | None
    include_archived: bool = False
    now: datetime | None = None

    def at(self, rows: Rows | None = None) -> NDArray[np.bool_]:
        """Return whether each row may be found, shape (rows,); by default of all rows."""
        return self.table.visible(
            self.as_of, include_archived=self.include_archived, now=self.now, rows=rows
        )

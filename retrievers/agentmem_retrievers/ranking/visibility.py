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
    """Which rows of a table a search may find; looked up row by row, for tables are long.

    Attributes:
        as_of, include_archived: as in `Table.visible`.
        now: leave out what is past the time it was kept for; None for nothing.
    """

    table: Table
    as_of: datetime | None
    include_archived: bool = False
    now: datetime | None = None

    def at(self, rows: Rows | slice) -> NDArray[np.bool_]:
        """Whether each of the rows may be found, of their shape."""
        shown = self.table.visible(self.as_of, include_archived=self.include_archived, rows=rows)
        if self.now is not None:
            shown = shown & ~self.table.expired(self.now, rows)
        return shown

    def all(self) -> NDArray[np.bool_]:
        """The same for all rows of the table, shape (rows,)."""
        return self.at(slice(None))

"""The memories of one granularity in columns, a row each: what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import State, Vectors

from ._around import NONE, Around, Rows
from ._lexical import InvertedIndex
from ._rounded import Rounded
from ._signs import Signs
from ._vocabulary import Vocabulary

__all__ = ["COLUMNS", "STATES", "Columns"]

STATES = {state: code for code, state in enumerate(State)}
# Each an array of its own: of one that is scanned, nothing else is read.
COLUMNS: dict[str, Any] = {
    "session": np.int32,
    "position": np.int32,
    "previous": np.int32,
    "speaker": np.int32,
    "next": np.int32,
    "said": np.float64,
    "recalled": np.float64,
    "changed": np.float64,
    "expires": np.float64,
    "strength": np.float32,
    "state": np.int8,
    "span": np.int32,
    "alive": np.bool_,
    "timed": np.bool_,
    "about_from": np.float64,
    "about_until": np.float64,
    "asks": np.bool_,
    "ends_asking": np.bool_,
}


class Columns:
    """The reading half of `Table`."""

    def __init__(self, dimension: int = 0) -> None:
        self.ids: list[str] = []
        self.row_of: dict[str, int] = {}
        self.words = InvertedIndex()
        self.vocabulary = Vocabulary(dimension)
        self._columns = {name: np.zeros(64, dtype) for name, dtype in COLUMNS.items()}
        self._session_words = np.zeros(64)
        self._vectors = Rounded(dimension)
        self.signs = Signs(dimension)
        self._untold: set[int] = set()
        # Of each session, its last row and how many terms it has.
        self._last = np.full(64, NONE, dtype=np.int32)
        # The stems of the name of whoever has spoken; first nobody's, as of what is deleted.
        self._names: list[frozenset[str]] = [frozenset()]
        self._named: dict[frozenset[str], int] = {frozenset(): 0}

    def __len__(self) -> int:
        return len(self.row_of)

    @property
    def tells_words(self) -> bool:
        """Whether the signs of words are there for every text that has words."""
        return not self._untold

    def last_of(self, session: int) -> int:
        """The last row of a session, or NONE; the others are before it."""
        return int(self._last[session]) if 0 <= session < len(self._last) else NONE

    def in_session(self, session: int) -> list[int]:
        """The rows of a session in order of position, without former versions."""
        found, row = [], self.last_of(session)
        previous = self._columns["previous"]
        while row != NONE:
            found.append(row)
            row = int(previous[row])
        return found[::-1]

    def column(self, name: str) -> NDArray[Any]:
        """One column of all rows, a view of shape (rows,)."""
        return self._columns[name][: len(self.ids)]

    def session_words(self, sessions: int) -> NDArray[np.float64]:
        """The number of terms of each of the first so many sessions, shape (sessions,)."""
        found = np.zeros(sessions)
        held = self._session_words[:sessions]
        found[: len(held)] = held
        return found

    def flags(self, rows: Rows, name: str) -> NDArray[np.float64]:
        """A column of truth values at rows as 0 and 1; 0 where NONE."""
        return np.where(rows == NONE, 0.0, self._columns[name][rows].astype(np.float64))

    def spoken_by(self, rows: Rows, named: frozenset[str]) -> NDArray[np.float64]:
        """1 for each of the rows whose speaker's name has one of the stems, else 0; (rows,)."""
        meant = np.array([float(bool(name & named)) for name in self._names])
        return meant[self._columns["speaker"][rows]]

    def speaker_terms(self) -> frozenset[str]:
        """The stems of the names of all who speak."""
        return frozenset(term for name in self._names for term in name)

    def vectors(self, rows: Rows) -> Vectors:
        """Embeddings of rows, float32 of shape (len(rows), dimension); zeros where NONE."""
        return self._vectors.at(rows)

    def similar(
        self, around: Around, weights: Mapping[int, float], vector: Vectors
    ) -> tuple[Vectors, Vectors]:
        """The cosines of a vector to rows, and to the weighed sums of those around them.

        Args:
            weights: of the rows at each offset in the session, 0 for the row itself.
            vector: of unit length, shape (dimension,).

        Returns:
            Both of shape (rows,).
        """
        around = around.within(weights)
        vectors = self.vectors(around.rows)
        alike = vectors @ vector
        near = sum(w * alike[around.places[o]] for o, w in weights.items())
        total = _summed(vectors, around, weights)
        lengths = np.maximum(np.sqrt(np.einsum("ij,ij->i", total, total)), 1e-9)
        return alike[around.places[0]], np.asarray(near / lengths, dtype=np.float32)

    def neighbours(self, rows: Rows, offset: int) -> Rows:
        """The rows `offset` turns later (or earlier) in the session, or NONE, shape of `rows`."""
        step = self._columns["next" if offset > 0 else "previous"]
        for _ in range(abs(offset)):
            rows = np.where(rows == NONE, NONE, step[rows])
        return rows.astype(np.intp)

    def around(self, rows: Rows, offsets: Iterable[int]) -> Around:
        """What stands at some offsets in the session from rows."""
        return Around.of({o: self.neighbours(rows, o) for o in offsets}, len(self.ids))

    def visible(
        self,
        as_of: datetime | None,
        *,
        include_archived: bool = False,
        rows: Rows | slice = slice(None),
    ) -> NDArray[np.bool_]:
        """Which rows an ordinary search may find, or could have found at `as_of`; (rows,)."""
        state = self.column("state")[rows]
        shown = state == STATES[State.ACTIVE]
        if include_archived:
            shown = shown | (state == STATES[State.ARCHIVED])
        if as_of is not None:
            shown = shown | (self.column("changed")[rows] > as_of.timestamp())
            shown = shown & (self.column("said")[rows] <= as_of.timestamp())
        return np.asarray(shown & self.column("alive")[rows], dtype=np.bool_)

    def about(self, row: int) -> tuple[datetime, datetime] | None:
        """The time that a row's text names, as its first moment and the first after it; UTC."""
        start, end = self._columns["about_from"][row], self._columns["about_until"][row]
        if np.isnan(start):
            return None
        return datetime.fromtimestamp(float(start), UTC), datetime.fromtimestamp(float(end), UTC)

    def expired(self, now: datetime, rows: Rows | slice = slice(None)) -> NDArray[np.bool_]:
        """Which rows are past the time they were kept for; (rows,)."""
        return np.asarray(self.column("expires")[rows] <= now.timestamp(), dtype=np.bool_)

    def retention(self, now: datetime, rows: Rows | slice = slice(None)) -> NDArray[np.float64]:
        """R = exp(-t/S) of rows at `now`, shape (rows,); see `ForgettingCurve.retention`."""
        moment = now.timestamp()
        said, recalled = self.column("said")[rows], self.column("recalled")[rows]
        since = np.where((recalled > said) & (recalled <= moment), recalled, said)
        days = np.maximum(moment - since, 0.0) / 86_400.0
        return np.asarray(np.exp(-days / self.column("strength")[rows]), dtype=np.float64)


def _summed(vectors: Vectors, around: Around, weights: Mapping[int, float]) -> Vectors:
    """The weighed sums of the vectors around rows, shape (rows, dimension)."""
    total = np.zeros((len(around.places[0]), vectors.shape[1]), dtype=np.float32)
    one = np.empty_like(total)
    for offset, weight in weights.items():
        # Where all places exist, nothing needs to be checked before it is copied.
        np.take(vectors, around.places[offset], axis=0, out=one, mode="clip")
        one *= np.float32(weight)
        total += one
    return total

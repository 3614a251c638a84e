"""The memories of one granularity in columns, a row each: what they say.

The memories of one granularity in columns, a row each: how they come, change and go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.array_file import ArrayFile
from agentmem_retrievers.index.context import NONE, ContextWindow, Rows
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.index.quantized import QuantizedVectors
from agentmem_retrievers.index.token_codes import TokenCodes
from agentmem_retrievers.index.vocabulary import Vocabulary
from agentmem_retrievers.text.dates import spans_in
from agentmem_retrievers.text.question import ends_asking, speaks_of_time
from agentmem_retrievers.text.tokenize import stems_of, tokenize, words_in
from agentmem_stores import Memory, State, Vectors

__all__ = ["COLUMNS", "NONE", "STATES", "Columns", "Rows", "Table"]

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
        self._vectors = QuantizedVectors(dimension)
        self.signs = TokenCodes(dimension)
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
        self, around: ContextWindow, weights: Mapping[int, float], vector: Vectors
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

    def neighbors(self, rows: Rows, offset: int) -> Rows:
        """The rows `offset` turns later (or earlier) in the session, or NONE, shape of `rows`."""
        step = self._columns["next" if offset > 0 else "previous"]
        for _ in range(abs(offset)):
            rows = np.where(rows == NONE, NONE, step[rows])
        return rows.astype(np.intp)

    def around(self, rows: Rows, offsets: Iterable[int]) -> ContextWindow:
        """What stands at some offsets in the session from rows."""
        return ContextWindow.of({o: self.neighbors(rows, o) for o in offsets}, len(self.ids))

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


def _summed(vectors: Vectors, around: ContextWindow, weights: Mapping[int, float]) -> Vectors:
    """The weighed sums of the vectors around rows, shape (rows, dimension)."""
    total = np.zeros((len(around.places[0]), vectors.shape[1]), dtype=np.float32)
    one = np.empty_like(total)
    for offset, weight in weights.items():
        # Where all places exist, nothing needs to be checked before it is copied.
        np.take(vectors, around.places[offset], axis=0, out=one, mode="clip")
        one *= np.float32(weight)
        total += one
    return total


def _doubled(held: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([held, np.zeros(max(len(held), 64), held.dtype)])


def _seconds(moment: datetime | None) -> float:
    return np.nan if moment is None else moment.timestamp()


class Table(Columns):
    """Rows are only appended: a replaced memory's row dies, and its number is not used again.

    Turns are chained to their neighbours in the session, so that what surrounds a row is found
    without looking at any other. Vectors are kept in 16 bits a number, where a memory's were given.
    What is deleted leaves nothing in its row.
    """

    def put(self, memory: Memory, session: int, vector: Vectors | None, words: bytes = b"") -> None:
        """Insert a memory of the numbered session, or replace the one with its id.

        Args:
            vector, words: as in `Entry`; of a table, all memories have vectors or none has.
        """
        old = self.row_of.get(memory.id)
        row = self._append(memory, session, vector)
        if vector is not None:
            self.signs.add(words)
            if not words and memory.state is State.ACTIVE and words_in(memory.text):
                self._untold.add(row)
        if old is not None:
            self._kill(old)
        if memory.version_of is None:
            self._chain(row)

    def patch(self, memory: Memory) -> None:
        """Take over everything that can change while the text stays."""
        columns = self._columns
        row = self.row_of[memory.id]
        columns["span"][row] = len(memory.sources)
        columns["position"][row] = memory.position
        columns["said"][row] = memory.said_at.timestamp()
        columns["strength"][row] = memory.strength
        columns["recalled"][row] = _seconds(memory.last_recalled_at)
        columns["state"][row] = STATES[memory.state]
        columns["changed"][row] = _seconds(memory.state_changed_at)
        columns["expires"][row] = _seconds(memory.expires_at)

    def remove(self, memory_id: str) -> None:
        """Forget a memory; an unknown id is passed over."""
        row = self.row_of.pop(memory_id, None)
        if row is not None:
            self._kill(row)

    def _append(self, memory: Memory, session: int, vector: Vectors | None) -> int:
        speaker = tokenize(memory.speaker) if memory.speaker else []
        # Of what is derived from turns, nobody looks at the words.
        words = words_in(memory.text) if vector is not None else []
        stems = stems_of(words)
        row = self.words.add([*speaker, *stems])
        if row >= len(self._columns["alive"]):
            self._columns = {name: _doubled(held) for name, held in self._columns.items()}
        while session >= len(self._session_words):
            self._session_words = _doubled(self._session_words)
            self._last = np.concatenate([self._last, np.full_like(self._last, NONE)])
        self._session_words[session] += self.words.lengths()[row]
        self.ids.append(memory.id)
        self.row_of[memory.id] = row
        columns = self._columns
        columns["alive"][row] = True
        columns["session"][row] = session
        columns["speaker"][row] = self._number_of(frozenset(speaker))
        columns["previous"][row] = columns["next"][row] = NONE
        columns["timed"][row] = speaks_of_time(memory.text)
        columns["asks"][row] = "?" in memory.text
        columns["ends_asking"][row] = ends_asking(memory.text)
        columns["about_from"][row] = columns["about_until"][row] = np.nan
        if vector is not None:
            self._vectors.put(row, vector)
            self._date(row, memory)
            self.vocabulary.note(stems, words, self.words.holding)
        self.patch(memory)
        return row

    def _number_of(self, speaker: frozenset[str]) -> int:
        number = self._named.setdefault(speaker, len(self._names))
        if number == len(self._names):
            self._names.append(speaker)
        return number

    def _date(self, row: int, memory: Memory) -> None:
        """Note the first time that a text names: what is told today may be of yesterday."""
        for span in islice(spans_in(memory.text, memory.said_at), 1):
            self._columns["about_from"][row] = span.start.timestamp()
            self._columns["about_until"][row] = span.end.timestamp()

    def _chain(self, row: int) -> None:
        """Put a row between those that come before and after it in its session."""
        session = int(self._columns["session"][row])
        position = self._columns["position"]
        before, after = int(self._last[session]), NONE
        while before != NONE and position[before] > position[row]:
            before, after = int(self._columns["previous"][before]), before
        self._join(before, row)
        self._join(row, after)
        if after == NONE:
            self._last[session] = row

    def _join(self, before: int, after: int) -> None:
        if before != NONE:
            self._columns["next"][before] = after
        if after != NONE:
            self._columns["previous"][after] = before

    def _kill(self, row: int) -> None:
        before, after = int(self._columns["previous"][row]), int(self._columns["next"][row])
        session = int(self._columns["session"][row])
        self._join(before, after)
        if self._last[session] == row:
            self._last[session] = before
        self._columns["alive"][row] = False
        self._session_words[session] -= self.words.lengths()[row]
        # Nothing of what is deleted is to be left, wherever this is written down.
        self._vectors.put(row, np.zeros(1, dtype=np.float32))
        if row < len(self.signs):
            self.signs.clear(row)
            self._untold.discard(row)
        self.ids[row], self._columns["speaker"][row] = "", 0
        self.words.remove(row)

    def to_arrays(self, into: ArrayFile, name: str) -> None:
        """Write down everything that lives."""
        into.strings[f"{name}.ids"] = self.ids
        # Not the names of those of whom everything is deleted.
        used = set(self.column("speaker").tolist())
        names = [held if n in used else () for n, held in enumerate(self._names)]
        into.strings[f"{name}.names"] = [" ".join(sorted(held)) for held in names]
        into.arrays |= {f"{name}.{column}": self.column(column) for column in COLUMNS}
        into.arrays[f"{name}.last"] = self._last
        into.arrays[f"{name}.session_words"] = self._session_words
        into.arrays[f"{name}.vectors"] = self._vectors.all(len(self.ids))
        into.arrays[f"{name}.signs"], into.arrays[f"{name}.sign_ends"] = self.signs.all()
        into.arrays[f"{name}.untold"] = np.array(sorted(self._untold), dtype=np.int64)
        into.large |= {f"{name}.vectors", f"{name}.signs"}
        self.words.to_arrays(into, f"{name}.words")
        self.vocabulary.prune(self.words.holding)
        self.vocabulary.to_arrays(into, f"{name}.vocabulary")

    @classmethod
    def from_arrays(cls, frozen: ArrayFile, name: str, dimension: int) -> Table:
        """Take over what was written down."""
        table, arrays = cls(dimension), frozen.arrays
        table.ids = frozen.strings[f"{name}.ids"]
        table.row_of = {i: row for row, i in enumerate(table.ids) if i}
        table._names = [frozenset(held.split()) for held in frozen.strings[f"{name}.names"]]
        table._named = {held: n for n, held in enumerate(table._names) if held or not n}
        # Copied, but for the vectors and signs, which are many times as large.
        table._columns = {column: np.array(arrays[f"{name}.{column}"]) for column in COLUMNS}
        table._last = np.array(arrays[f"{name}.last"])
        table._session_words = np.array(arrays[f"{name}.session_words"])
        table._vectors = QuantizedVectors(dimension, arrays[f"{name}.vectors"])
        ends = np.array(arrays[f"{name}.sign_ends"])
        table.signs = TokenCodes(dimension, arrays[f"{name}.signs"], ends)
        table._untold = set(arrays[f"{name}.untold"].tolist())
        table.words = InvertedIndex.from_arrays(frozen, f"{name}.words", alive=len(table.row_of))
        table.vocabulary = Vocabulary.from_arrays(frozen, f"{name}.vocabulary", dimension)
        return table

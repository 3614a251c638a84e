"""The memories of one granularity in columns, a row each: how they come, change and go."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Memory, State, Vectors

from ._around import NONE, Rows
from ._calendar import spans_in
from ._columns import COLUMNS, STATES, Columns
from ._frozen import Frozen
from ._lexical import InvertedIndex
from ._question import ends_asking, speaks_of_time
from ._rounded import Rounded
from ._signs import Signs
from ._vocabulary import Vocabulary
from ._words import stems_of, tokenize, words_in

__all__ = ["NONE", "Rows", "Table"]


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

    def freeze(self, into: Frozen, name: str) -> None:
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
        self.words.freeze(into, f"{name}.words")
        self.vocabulary.prune(self.words.holding)
        self.vocabulary.freeze(into, f"{name}.vocabulary")

    @classmethod
    def thaw(cls, frozen: Frozen, name: str, dimension: int) -> Table:
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
        table._vectors = Rounded(dimension, arrays[f"{name}.vectors"])
        ends = np.array(arrays[f"{name}.sign_ends"])
        table.signs = Signs(dimension, arrays[f"{name}.signs"], ends)
        table._untold = set(arrays[f"{name}.untold"].tolist())
        table.words = InvertedIndex.thaw(frozen, f"{name}.words", alive=len(table.row_of))
        table.vocabulary = Vocabulary.thaw(frozen, f"{name}.vocabulary", dimension)
        return table

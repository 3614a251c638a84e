"""The memories of one granularity as columns, a row each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.forgetting import elapsed_days, is_pinned, retention
from agentmem_retrievers.index.array_file import ArrayFile
from agentmem_retrievers.index.attributes import Attributes
from agentmem_retrievers.index.inverted_index import InvertedIndex, Vocabulary
from agentmem_retrievers.index.quantized import QuantizedVectors, SignCodes, TokenCodes
from agentmem_retrievers.index.stored_fields import StoredFields
from agentmem_retrievers.text.dates import TIME_WORDS, find_time_spans, mentions_time
from agentmem_retrievers.text.question import (
    FIRST_PERSON,
    NEGATION,
    ends_with_question,
    is_question,
)
from agentmem_retrievers.text.tokenize import (
    content_words,
    literals_in,
    stems_of,
    text_key,
    tokenize,
    words_in,
)
from agentmem_stores import Granularity, Memory, Scope, State, Vectors
from agentmem_stores.serialization import from_json, to_json

__all__ = ["NEAR", "NONE", "STATES", "ContextWindow", "Rows", "Table", "VisibilityMask"]

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]

# In place of a row number where there is no such row.
NONE = -1
# Weight of a neighbor in the context of a turn, by offset in the session. What came before weighs
# more, since an answer is understood from its question.
NEAR = {0: 1.0, -1: 0.7, 1: 0.5, -2: 0.35, 2: 0.25}
STATES = {state: code for code, state in enumerate(State)}
# Rows whose contexts are summed at a time.
_BLOCK = 4096
_ACTIVE, _ARCHIVED = STATES[State.ACTIVE], STATES[State.ARCHIVED]
# One array per column, so that a scan of one column reads nothing else. Times are seconds since
# 1970, NaN where unknown; "speaker" and "session" are numbers.
_COLUMNS: dict[str, Any] = {
    "session": np.int32,
    "position": np.int32,
    "previous": np.int32,
    "next": np.int32,
    "speaker": np.int32,
    "said_at": np.float64,
    "written_at": np.float64,
    "recalled_at": np.float64,
    "state_changed_at": np.float64,
    "expires_at": np.float64,
    "strength": np.float32,
    "state": np.int8,
    "n_links": np.int32,
    "alive": np.bool_,
    "former": np.bool_,
    "pinned": np.bool_,
    "mentions_time": np.bool_,
    "about_start": np.float64,
    "about_end": np.float64,
    "has_question": np.bool_,
    "ends_with_question": np.bool_,
    "is_question": np.bool_,
    "negated": np.bool_,
    "first_person": np.bool_,
    "from_user": np.bool_,
    "from_assistant": np.bool_,
    "is_document": np.bool_,
    "text_key": np.uint64,
}


@dataclass(frozen=True, eq=False)
class ContextWindow:
    """Rows and their neighbors in the session, each row once.

    Attributes:
        at: for each offset in the session, the rows there; NONE where the session ends. Offset 0
            are the rows themselves.
        rows: all of them, ascending, without repetition; NONE is last.
        places: for each offset, where in `rows` the rows of `at` are.
    """

    at: Mapping[int, Rows]
    rows: Rows
    places: Mapping[int, Rows]

    @classmethod
    def of(cls, at: Mapping[int, Rows], n_rows: int) -> ContextWindow:
        """Merge the rows at each offset.

        Args:
            n_rows: how many rows the table has.
        """
        # Marking is many times as fast as sorting; the last place stands for NONE.
        marked = np.zeros(n_rows + 1, dtype=np.bool_)
        for rows in at.values():
            marked[rows] = True
        merged = np.flatnonzero(marked)
        place = np.empty(n_rows + 1, dtype=np.intp)
        place[merged] = np.arange(len(merged))
        places = {offset: place[rows] for offset, rows in at.items()}
        merged[merged == n_rows] = NONE
        return cls(at, merged, places)

    def within(self, radius: int) -> ContextWindow:
        """Return the window narrowed to offsets from -radius to radius."""
        narrow = {offset: p for offset, p in self.places.items() if abs(offset) <= radius}
        merged = ContextWindow.of(narrow, len(self.rows))
        at = {offset: self.at[offset] for offset in narrow}
        return ContextWindow(at, self.rows[merged.rows], merged.places)


@dataclass(frozen=True, eq=False)
class _StateSummary:
    """What the states of all rows amount to.

    Attributes:
        active: which rows are active, shape (rows,); read-only.
        earliest_expiry: when the first of them expires, in seconds since 1970.
        has_archived: whether any row is archived.
    """

    active: NDArray[np.bool_]
    earliest_expiry: float
    has_archived: bool


class Table:
    """Rows are appended: the row of a replaced memory dies, and its number is not used again.

    Turns are linked to their neighbors in the session, so that context needs no search. Vectors
    are kept where memories are put with one. Nothing of a deleted memory stays in its row.

    Args:
        dimension: of the vectors; 0 for a table without any.

    Attributes:
        ids: the id of each row, "" for dead ones.
        row_of: the row of each id.
        columns: arrays by name, longer than the table; see `column`.
        words: the inverted index of the rows' stems, speakers' names included.
        literals: the inverted index of the rows' literals; see `literals_in`.
        vocabulary: the words, with embeddings.
        token_codes: sign codes of the token embeddings.
        attributes: what filters ask for.
        stored_fields: the texts and other fields; None in a table without vectors.
    """

    def __init__(self, dimension: int = 0) -> None:
        self.ids: list[str] = []
        self.row_of: dict[str, int] = {}
        self.columns = {name: np.zeros(64, dtype) for name, dtype in _COLUMNS.items()}
        self.words = InvertedIndex()
        self.literals = InvertedIndex()
        self.vocabulary = Vocabulary(dimension)
        self.token_codes = TokenCodes(dimension)
        self.attributes = Attributes()
        self.stored_fields = StoredFields() if dimension else None
        # Rows whose text has words but that came without token codes.
        self.without_codes: set[int] = set()
        self._vectors = QuantizedVectors(dimension)
        # The length of the weighted sum of each row's context; NaN until it is needed.
        self._context_lengths = np.full(64, np.nan, dtype=np.float32)
        # By session number: how many terms a session has, and its last row.
        self._session_lengths = np.zeros(64)
        self._last = np.full(64, NONE, dtype=np.int32)
        # Rows that are spoken by somebody with a name.
        self._n_named = 0
        # Computed when the rows had changed so many times.
        self._n_changes = 0
        self._state_summary: tuple[int, _StateSummary] | None = None
        # By speaker number: the stems of the name. Number 0 has no name, nor have dead rows.
        self._speakers: list[frozenset[str]] = [frozenset()]
        self._speaker_numbers: dict[frozenset[str], int] = {frozenset(): 0}

    def __len__(self) -> int:
        return len(self.row_of)

    def column(self, name: str) -> NDArray[Any]:
        """Return one column of all rows, a view of shape (rows,)."""
        return self.columns[name][: len(self.ids)]

    def put(
        self, memory: Memory, session: int, vector: Vectors | None, token_codes: bytes = b""
    ) -> None:
        """Insert a memory of a session, given by number, or replace the one with its id.

        Args:
            vector, token_codes: as in `Entry`; either all memories of a table have vectors or none.
        """
        replaced = self.row_of.get(memory.id)
        row = self._append(memory, session, vector)
        if vector is not None:
            self.token_codes.add(token_codes)
            if not token_codes and memory.state is State.ACTIVE and words_in(memory.text):
                self.without_codes.add(row)
        if replaced is not None:
            self._kill(replaced)
        if memory.version_of is None:
            self._link(row)

    def patch(self, memory: Memory) -> None:
        """Update whatever can change while the text stays."""
        columns, row = self.columns, self.row_of[memory.id]
        if self.stored_fields is not None:
            self.stored_fields.patch(row, to_json(memory))
        columns["n_links"][row] = len(memory.edges) + len(memory.sources)
        columns["position"][row] = memory.position
        columns["said_at"][row] = memory.said_at.timestamp()
        columns["written_at"][row] = memory.written_at.timestamp()
        columns["strength"][row] = memory.strength
        columns["pinned"][row] = is_pinned(memory)
        self.attributes.put(row, memory)
        columns["state"][row] = STATES[memory.state]
        for name, moment in (
            ("recalled_at", memory.last_recalled_at),
            ("state_changed_at", memory.state_changed_at),
            ("expires_at", memory.expires_at),
        ):
            columns[name][row] = np.nan if moment is None else moment.timestamp()
        self._n_changes += 1

    def remove(self, memory_id: str) -> None:
        """Remove a memory; unknown ids are ignored."""
        row = self.row_of.pop(memory_id, None)
        if row is not None:
            self._kill(row)

    def _append(self, memory: Memory, session: int, vector: Vectors | None) -> int:
        speaker = tokenize(memory.speaker) if memory.speaker else []
        # Only turns are searched by words.
        words, language = content_words(memory.text if vector is not None else "")
        stems = stems_of(words, language)
        row = self.words.add([*speaker, *stems])
        self.literals.add(literals_in(memory.text) if vector is not None else ())
        self._grow(row, session)
        self.ids.append(memory.id)
        self.row_of[memory.id] = row
        self._session_lengths[session] += len(speaker) + len(stems)
        columns = self.columns
        columns["alive"][row] = True
        columns["former"][row] = memory.version_of is not None
        columns["session"][row] = session
        columns["speaker"][row] = self._speaker_number(frozenset(speaker))
        self._n_named += bool(speaker)
        columns["previous"][row] = columns["next"][row] = NONE
        columns["about_start"][row] = columns["about_end"][row] = np.nan
        columns["from_user"][row] = memory.role == "user"
        columns["from_assistant"][row] = memory.role == "assistant"
        columns["is_document"][row] = memory.role == "document"
        if vector is not None:
            self._read_text(row, memory)
            self._vectors.put(row, vector)
            if self.stored_fields is not None:
                self.stored_fields.put(row, memory.text)
            self.vocabulary.add(stems, words, self.words.document_frequency)
        self.patch(memory)
        return row

    def _read_text(self, row: int, memory: Memory) -> None:
        """Set the columns that follow from the text of a turn."""
        columns, text = self.columns, memory.text
        columns["text_key"][row] = text_key(text)
        columns["negated"][row] = NEGATION.search(text) is not None
        columns["first_person"][row] = FIRST_PERSON.search(text) is not None
        columns["has_question"][row] = has_question = "?" in text
        columns["ends_with_question"][row] = has_question and ends_with_question(text)
        columns["is_question"][row] = has_question and is_question(text)
        if TIME_WORDS.search(text) is None:
            return
        columns["mentions_time"][row] = mentions_time(text)
        # What is told today may be about yesterday: note the first time that it mentions.
        spans = find_time_spans(text, memory.said_at_local, day_first=memory.day_first)
        span = next(spans, None)
        if span is not None:
            columns["about_start"][row] = span.start.timestamp()
            columns["about_end"][row] = span.end.timestamp()

    def _grow(self, row: int, session: int) -> None:
        if row >= len(self.columns["alive"]):
            self.columns = {name: _grown(values, 0) for name, values in self.columns.items()}
            self._context_lengths = _grown(self._context_lengths, np.nan)
        while session >= len(self._session_lengths):
            self._session_lengths = _grown(self._session_lengths, 0)
            self._last = _grown(self._last, NONE)

    def _speaker_number(self, speaker: frozenset[str]) -> int:
        number = self._speaker_numbers.setdefault(speaker, len(self._speakers))
        if number == len(self._speakers):
            self._speakers.append(speaker)
        return number

    def _link(self, row: int) -> None:
        """Link a row to those before and after it in its session."""
        session, position = int(self.columns["session"][row]), self.columns["position"]
        before, after = int(self._last[session]), NONE
        while before != NONE and position[before] > position[row]:
            before, after = int(self.columns["previous"][before]), before
        self._join(before, row)
        self._join(row, after)
        if after == NONE:
            self._last[session] = row

    def _join(self, before: int, after: int) -> None:
        """Let one row follow another; either may be NONE."""
        following, preceding = self.columns["next"], self.columns["previous"]
        if before != NONE:
            following[before] = after
            # The contexts of these rows, and of those beside them, have changed.
            self._context_lengths[[before, preceding[before]]] = np.nan
        if after != NONE:
            preceding[after] = before
            self._context_lengths[[after, following[after]]] = np.nan

    def _kill(self, row: int) -> None:
        columns = self.columns
        before, after = int(columns["previous"][row]), int(columns["next"][row])
        session = int(columns["session"][row])
        self._join(before, after)
        if self._last[session] == row:
            self._last[session] = before
        columns["alive"][row] = False
        self._session_lengths[session] -= self.words.lengths()[row]
        # Deleted content must not survive here, or `to_arrays` would write it to a file.
        self._vectors.clear(row)
        if self.stored_fields is not None:
            self.stored_fields.clear(row)
        if row < len(self.token_codes):
            self.token_codes.clear(row)
            self.without_codes.discard(row)
        self._context_lengths[row] = np.nan
        self._n_named -= int(columns["speaker"][row] > 0)
        self.ids[row], columns["speaker"][row], columns["text_key"][row] = "", 0, 0
        self.words.remove(row)
        self.literals.remove(row)
        self.attributes.clear(row)
        self._n_changes += 1

    def last_of(self, session: int) -> int:
        """Return the last row of a session by position, or NONE."""
        return int(self._last[session]) if 0 <= session < len(self._last) else NONE

    def in_session(self, session: int) -> list[int]:
        """Return the rows of a session in order of position, without former versions."""
        rows, row = [], self.last_of(session)
        previous = self.columns["previous"]
        while row != NONE:
            rows.append(row)
            row = int(previous[row])
        return rows[::-1]

    def session_lengths(self, n_sessions: int) -> Floats:
        """Return the number of terms of each of the first sessions, shape (n_sessions,)."""
        lengths = np.zeros(n_sessions)
        known = self._session_lengths[:n_sessions]
        lengths[: len(known)] = known
        return lengths

    def spoken_by(self, rows: Rows, names: frozenset[str]) -> Floats:
        """Return 1 where the speaker's name has one of the stems, else 0; shape of `rows`."""
        matches = np.array([float(not names.isdisjoint(name)) for name in self._speakers])
        return matches[self.columns["speaker"][rows]]

    def has_speakers(self) -> bool:
        """Return whether at least half of the rows are spoken by somebody with a name."""
        return 2 * self._n_named >= max(len(self), 1)

    def speaker_terms(self) -> frozenset[str]:
        """Return the stems of all speakers' names."""
        return frozenset().union(*self._speakers)

    def vectors(self, rows: Rows) -> Vectors:
        """Return embeddings of rows, float32 of shape (len(rows), dimension); zeros for NONE."""
        return self._vectors.at(rows)

    def text(self, row: int) -> str:
        """Return the text of a turn."""
        return "" if self.stored_fields is None else self.stored_fields.get(row)[0]

    def turns(self, scope: Scope, rows: Iterable[int]) -> list[Memory]:
        """Return the turns at rows, as the store has them."""
        if self.stored_fields is None:
            return []
        get, turn = self.stored_fields.get, Granularity.TURN
        return [from_json(scope, turn, self.ids[row], *get(row)) for row in rows]

    def near(self, vector: Vectors, n: int, mask: NDArray[np.bool_]) -> Rows:
        """Return the rows with the `n` sign codes nearest to a vector's, and as near, ascending.

        Of many rows, some of the nearest may be missing; see `SignCodes.near`.

        Args:
            vector: shape (dimension,).
            mask: which rows count, shape (rows,).
        """
        [near] = self._vectors.codes.near(vector[np.newaxis], n, mask, coarse=True)
        return near

    def cosines(self, rows: Rows, vector: Vectors) -> Vectors:
        """Return the cosines of rows to a vector, shape (len(rows),); 0 for NONE.

        Args:
            vector: unit length, float32 of shape (dimension,).
        """
        return self._vectors.cosines(rows, vector)

    def context_cosines(self, context: ContextWindow, vector: Vectors) -> tuple[Vectors, Vectors]:
        """Compare a vector with rows, and with the sum of each row's context weighted by `NEAR`.

        Args:
            context: the rows, with a context of radius 2.
            vector: unit length, shape (dimension,).

        Returns:
            Both cosines, each of shape (rows,).
        """
        cosines = self._vectors.cosines(context.rows, vector)
        places, rows = context.places, context.at[0]
        near = np.zeros(len(rows), dtype=np.float32)
        for offset, weight in NEAR.items():
            near += np.float32(weight) * cosines[places[offset]]
        lengths = self._lengths_of_contexts(rows)
        return cosines[places[0]], np.asarray(near / lengths, dtype=np.float32)

    def _lengths_of_contexts(self, rows: Rows) -> Vectors:
        """Return the lengths of the sums of the contexts of rows, weighted by `NEAR`."""
        unknown = rows[np.isnan(self._context_lengths[rows])]
        for start in range(0, len(unknown), _BLOCK):
            block = unknown[start : start + _BLOCK]
            context = self.context(block, 2)
            vectors = self._vectors.at(context.rows)
            self._context_lengths[block] = _context_lengths(vectors, context.places)
        return self._context_lengths[rows]

    def neighbors(self, rows: Rows, offset: int) -> Rows:
        """Return the rows `offset` turns later (or earlier) in the session, or NONE."""
        step = self.columns["next" if offset > 0 else "previous"]
        for _ in range(abs(offset)):
            rows = np.where(rows == NONE, NONE, step[rows])
        return rows.astype(np.intp)

    def context(self, rows: Rows, radius: int) -> ContextWindow:
        """Return rows with their neighbors at offsets from -radius to radius."""
        at = {0: rows}
        for sign, step in ((-1, self.columns["previous"]), (1, self.columns["next"])):
            near = rows
            for distance in range(1, radius + 1):
                near = np.where(near == NONE, NONE, step[near]).astype(np.intp)
                at[sign * distance] = near
        return ContextWindow.of(at, len(self.ids))

    def visible(
        self,
        as_of: datetime | None,
        *,
        include_archived: bool = False,
        now: datetime | None = None,
        rows: Rows | None = None,
    ) -> NDArray[np.bool_]:
        """Return which rows a search can find, or could have found at `as_of`.

        Args:
            now: leave out what has expired by then.
            rows: by default all.

        Returns:
            Shape (rows,); shared and read-only where `rows`, `as_of` and `include_archived` have
            their defaults and nothing has expired.
        """
        if rows is None and as_of is None and not include_archived:
            states = self._states()
            if now is None or now.timestamp() < states.earliest_expiry:
                return states.active
        columns, where = self.columns, slice(len(self.ids)) if rows is None else rows
        state = columns["state"][where]
        mask = state == _ACTIVE
        if include_archived:
            mask = mask | (state == _ARCHIVED)
        if as_of is not None:
            mask = mask | (columns["state_changed_at"][where] > as_of.timestamp())
            mask = mask & (columns["said_at"][where] <= as_of.timestamp())
        if now is not None:
            mask = mask & ~(columns["expires_at"][where] <= now.timestamp())
        return np.asarray(mask & columns["alive"][where], dtype=np.bool_)

    def _states(self) -> _StateSummary:
        """Return what the states of all rows amount to."""
        cached, n_changes = self._state_summary, self._n_changes
        if cached is None or cached[0] != n_changes:
            state = self.column("state")
            active = (state == _ACTIVE) & self.column("alive")
            active.flags.writeable = False
            expires_at = self.column("expires_at")[active]
            summary = _StateSummary(
                active=active,
                earliest_expiry=float(np.nanmin(expires_at, initial=np.inf)),
                has_archived=bool((state == _ARCHIVED).any()),
            )
            # A summary computed during a write is out of date when the write ends, because the
            # write counts as a change.
            self._state_summary = cached = n_changes, summary
        return cached[1]

    def has_archived(self) -> bool:
        """Return whether any row is archived."""
        return self._states().has_archived

    def earliest_expiry(self) -> float:
        """Return when the next memory expires, in seconds since 1970; infinity if none does."""
        moments = self.column("expires_at")[self.column("alive") & ~self.column("former")]
        return float(np.nanmin(moments, initial=np.inf))

    def expired(self, now: datetime) -> NDArray[np.bool_]:
        """Return which rows have expired by `now`, shape (rows,)."""
        return np.asarray(self.column("expires_at") <= now.timestamp(), dtype=np.bool_)

    def about(self, row: int) -> tuple[datetime, datetime] | None:
        """Return start and end of the time that a row's text mentions, UTC; None without any."""
        start, end = self.columns["about_start"][row], self.columns["about_end"][row]
        if np.isnan(start):
            return None
        return datetime.fromtimestamp(float(start), UTC), datetime.fromtimestamp(float(end), UTC)

    def retention(self, now: datetime, rows: Rows | None = None) -> Floats:
        """Return the retention of rows at `now`, by default of all; see `forgetting.retention`."""
        columns, where = self.columns, slice(len(self.ids)) if rows is None else rows
        said_at, recalled_at = columns["said_at"][where], columns["recalled_at"][where]
        elapsed = elapsed_days(said_at, recalled_at, now.timestamp())
        faded = retention(elapsed, columns["strength"][where])
        return np.where(columns["pinned"][where], 1.0, faded)

    def to_arrays(self, into: ArrayFile, name: str) -> None:
        """Add the table to a file."""
        into.strings[f"{name}.ids"] = self.ids
        # Names of speakers whose memories were all deleted are not written.
        used = set(self.column("speaker").tolist())
        speakers = [stems if n in used else () for n, stems in enumerate(self._speakers)]
        into.strings[f"{name}.speakers"] = [" ".join(sorted(stems)) for stems in speakers]
        into.arrays |= {f"{name}.{column}": self.column(column) for column in _COLUMNS}
        into.arrays[f"{name}.last"] = self._last
        if self.stored_fields is not None:
            # All of them, so that no search has to read vectors for it.
            self._lengths_of_contexts(np.flatnonzero(self.column("alive")))
            into.arrays[f"{name}.context_lengths"] = self._context_lengths[: len(self.ids)]
        into.arrays[f"{name}.session_lengths"] = self._session_lengths
        vectors, scales = self._vectors.all(len(self.ids))
        into.arrays[f"{name}.vectors"], into.arrays[f"{name}.vector_scales"] = vectors, scales
        heads, tails = self._vectors.codes.all()
        into.arrays[f"{name}.code_heads"], into.arrays[f"{name}.code_tails"] = heads, tails
        codes, ends = self.token_codes.all()
        into.arrays[f"{name}.token_codes"], into.arrays[f"{name}.token_ends"] = codes, ends
        without_codes = np.array(sorted(self.without_codes), dtype=np.int64)
        into.arrays[f"{name}.without_codes"] = without_codes
        into.strings[f"{name}.attributes"] = self.attributes.to_strings()
        into.arrays[f"{name}.attribute_codes"] = self.attributes.codes(len(self.ids))
        if self.stored_fields is not None:
            content, field_ends = self.stored_fields.to_arrays(len(self.ids))
            into.arrays[f"{name}.fields"], into.arrays[f"{name}.field_ends"] = content, field_ends
        # Damaged vectors cost a little quality; damaged texts would be shown.
        unchecked = ("vectors", "code_heads", "code_tails", "token_codes")
        into.unchecked |= {f"{name}.{each}" for each in unchecked}
        self.words.to_arrays(into, f"{name}.words")
        self.literals.to_arrays(into, f"{name}.literals")
        self.vocabulary.prune(self.words.document_frequency)
        self.vocabulary.to_arrays(into, f"{name}.vocabulary")

    @classmethod
    def from_arrays(cls, file: ArrayFile, name: str, dimension: int) -> Table:
        """Return the table that `to_arrays` was called on."""
        table, arrays = cls(dimension), file.arrays
        table.ids = file.strings[f"{name}.ids"]
        table.row_of = {i: row for row, i in enumerate(table.ids) if i}
        table._speakers = [frozenset(stems.split()) for stems in file.strings[f"{name}.speakers"]]
        table._speaker_numbers = {s: n for n, s in enumerate(table._speakers) if s or not n}
        # Copied, except for vectors, codes and texts, which are many times as large.
        table.columns = {column: np.array(arrays[f"{name}.{column}"]) for column in _COLUMNS}
        table._n_named = int(np.count_nonzero(table.columns["speaker"]))
        if dimension:
            table._context_lengths = np.array(arrays[f"{name}.context_lengths"])
        else:
            table._context_lengths = np.full(len(table.ids), np.nan, dtype=np.float32)
        table._last = np.array(arrays[f"{name}.last"])
        table._session_lengths = np.array(arrays[f"{name}.session_lengths"])
        heads, tails = arrays[f"{name}.code_heads"], arrays[f"{name}.code_tails"]
        vectors = arrays[f"{name}.vectors"], arrays[f"{name}.vector_scales"]
        table._vectors = QuantizedVectors(dimension, vectors, SignCodes(dimension, (heads, tails)))
        codes, ends = arrays[f"{name}.token_codes"], np.array(arrays[f"{name}.token_ends"])
        table.token_codes = TokenCodes(dimension, codes, ends)
        if dimension:
            ends = arrays[f"{name}.field_ends"]
            table.stored_fields = StoredFields(arrays[f"{name}.fields"], ends)
        table.without_codes = set(arrays[f"{name}.without_codes"].tolist())
        table.attributes = Attributes.from_strings(
            file.strings[f"{name}.attributes"], arrays[f"{name}.attribute_codes"]
        )
        table.words = InvertedIndex.from_arrays(file, f"{name}.words", len(table.row_of))
        table.literals = InvertedIndex.from_arrays(file, f"{name}.literals", len(table.row_of))
        table.vocabulary = Vocabulary.from_arrays(file, f"{name}.vocabulary", dimension)
        return table


def _grown(values: NDArray[Any], filler: float) -> NDArray[Any]:
    """Return an array of twice the length, so that appending does not copy it each time."""
    return np.concatenate([values, np.full(max(len(values), 64), filler, values.dtype)])


def _context_lengths(vectors: Vectors, places: Mapping[int, Rows]) -> Vectors:
    """Return the lengths of the sums of vectors at each offset, weighted by `NEAR`."""
    total = np.zeros((len(places[0]), vectors.shape[1]), dtype=np.float32)
    row = np.empty_like(total)
    for offset, weight in NEAR.items():
        # "clip" skips the bounds check; all places exist.
        np.take(vectors, places[offset], axis=0, out=row, mode="clip")
        row *= np.float32(weight)
        total += row
    lengths: Vectors = np.sqrt(np.einsum("ij,ij->i", total, total))
    lengths[lengths < 1e-9] = 1e-9
    return lengths


@dataclass(frozen=True)
class VisibilityMask:
    """Which rows of a table a search may find; computed for the rows that are looked at.

    Attributes:
        table: whose rows.
        as_of: the memory as it stood then; None for now.
        include_archived: whether archived memories are visible.
        now: leave out what has expired by then; None for nothing.
        allowed: which rows a filter allows, shape (rows,); None for all.
    """

    table: Table
    as_of: datetime | None
    include_archived: bool = False
    now: datetime | None = None
    allowed: NDArray[np.bool_] | None = None

    def at(self, rows: Rows | None = None) -> NDArray[np.bool_]:
        """Return whether each row may be found, shape (rows,); by default of all rows."""
        visible = self.table.visible(
            self.as_of, include_archived=self.include_archived, now=self.now, rows=rows
        )
        if self.allowed is None:
            return visible
        return visible & (self.allowed if rows is None else self.allowed[rows])

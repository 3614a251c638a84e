"""Changes to an embedded store since a sequence number, read from Chroma's database.

Chroma numbers its writes, and stores with each row the number of the last write that changed it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from agentmem_stores.chroma.rows import memory_id
from agentmem_stores.records import Granularity, Scope
from agentmem_stores.store import Changes

__all__ = ["changes_since", "count", "last_sequence", "with_unapplied_writes"]

_LAST_SEQUENCE = """
SELECT coalesce(max(m.seq_id), 0) FROM max_seq_id m JOIN segments s ON s.id = m.segment_id
JOIN collections c ON c.id = s.collection WHERE s.scope = 'METADATA' AND c.name = ?
"""
_SEGMENTS = """
SELECT s.id FROM segments s JOIN collections c ON c.id = s.collection
WHERE s.scope = 'METADATA' AND c.name = ?
"""
# CROSS JOIN fixes the order of the join: the log is read from the collection's number on.
_UNAPPLIED = """
SELECT EXISTS (
    SELECT 1 FROM collections c
    JOIN segments s ON s.collection = c.id AND s.scope = 'METADATA'
    LEFT JOIN max_seq_id m ON m.segment_id = s.id
    CROSS JOIN embeddings_queue q
    WHERE c.name = ? AND q.seq_id > coalesce(m.seq_id, 0) AND q.topic LIKE '%' || c.id
)
"""
_ROWS_OF_SCOPE = "FROM embeddings WHERE segment_id = ? AND embedding_id >= ? AND embedding_id < ?"

# The name of the collection of each granularity.
Collections = Mapping[Granularity, str]


def last_sequence(database: Path, collections: Collections) -> int:
    """Return the number of the last write to any of the collections."""
    with _connect(database) as db:
        return max(_last_sequence_of(db, name) for name in collections.values())


def with_unapplied_writes(database: Path, collections: Iterable[str]) -> list[str]:
    """Return the collections of which the log has writes that their rows do not show yet.

    Only a killed process leaves any: Chroma applies a write before it returns.
    """
    with _connect(database) as db:
        return [name for name in collections if db.execute(_UNAPPLIED, (name,)).fetchone()[0]]


def count(database: Path, scope: Scope, collection: str) -> int:
    """Return how many memories of a scope are in a collection."""
    with _connect(database) as db:
        segments = db.execute(_SEGMENTS, (collection,)).fetchall()
        return sum(_count_rows(db, scope, segment) for (segment,) in segments)


def changes_since(
    database: Path, scope: Scope, collections: Collections, sequence: int
) -> Changes | None:
    """Return what changed in a scope after the write with a number.

    None if there is no write with that number yet, as in a database restored from a backup.
    """
    if last_sequence(database, collections) < sequence:
        return None
    written: list[tuple[Granularity, str]] = []
    n_memories = 0
    with _connect(database) as db:
        for granularity, name in collections.items():
            for (segment,) in db.execute(_SEGMENTS, (name,)).fetchall():
                n_memories += _count_rows(db, scope, segment)
                if _last_sequence_of(db, name) > sequence:
                    query = f"SELECT embedding_id {_ROWS_OF_SCOPE} AND seq_id > ?"
                    rows = db.execute(query, (segment, *_row_range(scope), sequence))
                    written += [(granularity, memory_id(row)) for (row,) in rows]
    return Changes(tuple(written), n_memories)


def _connect(database: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True))


def _last_sequence_of(db: sqlite3.Connection, collection: str) -> int:
    return int(db.execute(_LAST_SEQUENCE, (collection,)).fetchone()[0])


def _count_rows(db: sqlite3.Connection, scope: Scope, segment: str) -> int:
    query = f"SELECT count(*) {_ROWS_OF_SCOPE}"
    return int(db.execute(query, (segment, *_row_range(scope))).fetchone()[0])


def _row_range(scope: Scope) -> tuple[str, str]:
    # Row ids of a scope are "key/id", and "0" is the character after "/".
    return f"{scope.key}/", f"{scope.key}0"

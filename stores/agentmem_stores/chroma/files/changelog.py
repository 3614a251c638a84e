"""What was written to an embedded store since a moment, as Chroma's database tells it.

Chroma numbers its writes, and keeps with every record the number of the last one that touched it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from agentmem_stores.chroma.codec import memory_id
from agentmem_stores.records import Granularity, Scope
from agentmem_stores.store import Changes

__all__ = ["changes_since", "count", "last_write"]

_LAST = """
SELECT coalesce(max(m.seq_id), 0) FROM max_seq_id m JOIN segments s ON s.id = m.segment_id
JOIN collections c ON c.id = s.collection WHERE s.scope = 'METADATA' AND c.name = ?
"""
_SEGMENT = """
SELECT s.id FROM segments s JOIN collections c ON c.id = s.collection
WHERE s.scope = 'METADATA' AND c.name = ?
"""
_MINE = "FROM embeddings WHERE segment_id = ? AND embedding_id >= ? AND embedding_id < ?"

# The collection that holds a scope's memories of each granularity.
Collections = Mapping[Granularity, str]


def _opened(database: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True))


def last_write(database: Path, collections: Collections) -> int:
    """The number of the last write to any of the collections."""
    with _opened(database) as db:
        return max(int(db.execute(_LAST, (name,)).fetchone()[0]) for name in collections.values())


def count(database: Path, scope: Scope, collection: str) -> int:
    """How many memories of a scope are in a collection; Chroma itself takes much longer."""
    with _opened(database) as db:
        segments = db.execute(_SEGMENT, (collection,)).fetchall()
        return sum(_held(db, scope, segment) for (segment,) in segments)


def _own(scope: Scope) -> tuple[str, str]:
    # Rows of a scope are named key/id, and "0" comes after "/".
    return f"{scope.key}/", f"{scope.key}0"


def _held(db: sqlite3.Connection, scope: Scope, segment: str) -> int:
    return int(db.execute(f"SELECT count(*) {_MINE}", (segment, *_own(scope))).fetchone()[0])


def changes_since(
    database: Path, scope: Scope, collections: Collections, number: int
) -> Changes | None:
    """What was written to a scope after the write of a number, and how much it holds now.

    None where there is no write of that number yet, as in a database that was put back.
    """
    if last_write(database, collections) < number:
        return None
    written: list[tuple[Granularity, str]] = []
    held = 0
    with _opened(database) as db:
        for granularity, name in collections.items():
            for (segment,) in db.execute(_SEGMENT, (name,)).fetchall():
                held += _held(db, scope, segment)
                if int(db.execute(_LAST, (name,)).fetchone()[0]) > number:
                    query = f"SELECT embedding_id {_MINE} AND seq_id > ?"
                    rows = db.execute(query, (segment, *_own(scope), number))
                    written += [(granularity, memory_id(row)) for (row,) in rows]
    return Changes(tuple(written), held)

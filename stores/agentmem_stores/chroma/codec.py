"""Between memories and Chroma's rows.

A row is an id, a document (the text), a vector and metadata values: the scope's key, to
filter by, and everything else of the memory as one JSON object; beside them the signs of its
words, which stay as they are where only the record is replaced. One value instead of one per
field because Chroma stores and reads metadata value by value (10,000 records read in 0.4 s
instead of 6.7 s), and because its updates merge, so that a field set to None would stay.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agentmem_stores.errors import InvalidInputError, StoreFormatError
from agentmem_stores.records import MOMENTS, Edge, Granularity, Memory, Scope, State

__all__ = ["SCOPE", "decode", "decode_words", "encode", "encode_words", "memory_id", "row_id"]

SCOPE = "scope"
RECORD = "record"
WORDS = "words"

_PLAIN = (
    "session_id",
    "role",
    "speaker",
    "position",
    "strength",
    "recall_count",
    "version",
    "version_of",
)


def row_id(scope: Scope, memory_id: str) -> str:
    """Return the id of a memory's row, which no memory of another scope can have."""
    return f"{scope.key}/{memory_id}"


def memory_id(row: str) -> str:
    """Return the memory's id of a row's id."""
    return row.partition("/")[2]


def encode(memory: Memory) -> dict[str, str]:
    """Return a memory's metadata; its text and vector travel beside it.

    Raises:
        InvalidInputError: JSON cannot hold the metadata, or would change it.
    """
    record: dict[str, Any] = {name: getattr(memory, name) for name in _PLAIN}
    for name in MOMENTS:
        moment = getattr(memory, name)
        record[name] = moment and moment.isoformat()
    record["state"] = memory.state.value
    record["sources"] = memory.sources
    record["edges"] = [(edge.target, edge.weight) for edge in memory.edges]
    record["metadata"] = _checked(memory)
    return {SCOPE: memory.scope.key, RECORD: json.dumps(record, separators=(",", ":"))}


def encode_words(words: bytes) -> dict[str, str]:
    """Return what is kept of an entry's words; of none too, for Chroma merges metadata."""
    return {WORDS: b64encode(words).decode()}


def decode_words(metadata: Mapping[str, Any]) -> bytes:
    """Return an entry's words; rows of before they were kept have none."""
    try:
        return b64decode(metadata.get(WORDS, ""), validate=True)
    except (TypeError, ValueError) as error:
        raise StoreFormatError(f"a row's words cannot be read ({error!r})") from error


def decode(
    scope: Scope, granularity: Granularity, row: str, text: str, metadata: Mapping[str, Any]
) -> Memory:
    """Return the memory of a row.

    Raises:
        StoreFormatError: the row was not written by agentmem, or was damaged.
    """
    try:
        # Rows of before there was `expires_at` are kept for ever, as they were then.
        record = {"expires_at": None, **json.loads(metadata[RECORD])}
        fields: dict[str, Any] = {name: record[name] for name in _PLAIN}
        for name in MOMENTS:
            fields[name] = record[name] and datetime.fromisoformat(record[name])
        return Memory(
            id=memory_id(row),
            scope=scope,
            granularity=granularity,
            text=text,
            state=State(record["state"]),
            sources=tuple(record["sources"]),
            edges=tuple(Edge(target, weight) for target, weight in record["edges"]),
            metadata=record["metadata"],
            **fields,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreFormatError(
            f"row {row!r} cannot be read ({error!r}); restore the store from an export"
        ) from error


def _checked(memory: Memory) -> dict[str, Any]:
    metadata = dict(memory.metadata)
    try:
        same = json.loads(json.dumps(metadata, allow_nan=False)) == metadata
    except (TypeError, ValueError, RecursionError):
        same = False
    if not same:
        raise InvalidInputError(
            f"metadata of {memory.id!r} is not what JSON can hold; use only strings, finite "
            "numbers, booleans, None, lists and dicts with string keys"
        )
    return metadata

"""Conversion between memories and Chroma rows.

A row has an id, a document (the text), a vector and three metadata values: the scope's key to
filter by, all other fields of the memory as one JSON object, and the token codes. Fields share
one value because Chroma stores and reads metadata value by value (10,000 records are read in
0.4 s instead of 6.7 s), and because an update merges metadata, so a field set to None would
remain. Token codes have their own value, so that an update of the record leaves them as they are.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from itertools import starmap
from operator import attrgetter
from typing import Any

from agentmem_stores.errors import StoreFormatError
from agentmem_stores.records import Edge, Granularity, Memory, Scope, State

__all__ = ["SCOPE", "decode", "decode_token_codes", "encode", "memory_id"]

# Keys of a row's metadata. "words" is the name of the token codes in stores of format 1.
SCOPE = "scope"
RECORD = "record"
TOKEN_CODES = "words"

_edge_fields = attrgetter("target", "weight")
# `json.dumps` with separators would create an encoder for each memory.
_to_json = json.JSONEncoder(separators=(",", ":")).encode


def memory_id(row: str) -> str:
    """Return the memory id in a row id, which is `scope key/memory id`."""
    return row.partition("/")[2]


def encode(memory: Memory, token_codes: bytes | None = None) -> dict[str, str]:
    """Return a memory's metadata for Chroma; its text and vector are stored beside it.

    Args:
        memory: what to encode.
        token_codes: the token codes of a new row, also if empty, because an upsert merges
            metadata. None leaves those of an existing row.
    """
    record = {
        "session_id": memory.session_id,
        "role": memory.role,
        "speaker": memory.speaker,
        "position": memory.position,
        "strength": memory.strength,
        "recall_count": memory.recall_count,
        "version": memory.version,
        "version_of": memory.version_of,
        "said_at": memory.said_at.isoformat(),
        "written_at": memory.written_at.isoformat(),
        "last_recalled_at": memory.last_recalled_at and memory.last_recalled_at.isoformat(),
        "state_changed_at": memory.state_changed_at and memory.state_changed_at.isoformat(),
        "expires_at": memory.expires_at and memory.expires_at.isoformat(),
        "state": memory.state.value,
        "sources": memory.sources,
        "edges": list(map(_edge_fields, memory.edges)),
        "metadata": dict(memory.metadata),
    }
    row = {SCOPE: memory.scope.key, RECORD: _to_json(record)}
    if token_codes is not None:
        row[TOKEN_CODES] = b64encode(token_codes).decode()
    return row


def decode(
    scope: Scope, granularity: Granularity, row: str, text: str, metadata: Mapping[str, Any]
) -> Memory:
    """Return the memory of a row.

    Raises:
        StoreFormatError: agentmem did not write the row, or the row is damaged.
    """
    try:
        record = json.loads(metadata[RECORD])
        last_recalled_at, state_changed_at = record["last_recalled_at"], record["state_changed_at"]
        # By hand, because a TypeAdapter of pydantic takes as long (41 and 42 microseconds per row)
        # and needs a second declaration of all fields. Rows of before `expires_at` never expire.
        expires_at = record.get("expires_at")
        return Memory(
            id=row.partition("/")[2],
            scope=scope,
            granularity=granularity,
            text=text,
            session_id=record["session_id"],
            said_at=datetime.fromisoformat(record["said_at"]),
            written_at=datetime.fromisoformat(record["written_at"]),
            role=record["role"],
            speaker=record["speaker"],
            position=record["position"],
            strength=record["strength"],
            last_recalled_at=last_recalled_at and datetime.fromisoformat(last_recalled_at),
            recall_count=record["recall_count"],
            state=State(record["state"]),
            state_changed_at=state_changed_at and datetime.fromisoformat(state_changed_at),
            expires_at=expires_at and datetime.fromisoformat(expires_at),
            version=record["version"],
            version_of=record["version_of"],
            sources=tuple(record["sources"]),
            edges=tuple(starmap(Edge, record["edges"])),
            metadata=record["metadata"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreFormatError(
            f"row {row!r} cannot be read ({error!r}); restore the store from an export"
        ) from error


def decode_token_codes(row: str, metadata: Mapping[str, Any]) -> bytes:
    """Return the token codes of a row; empty for rows written before there were any.

    Raises:
        StoreFormatError: the row is damaged.
    """
    try:
        return b64decode(metadata.get(TOKEN_CODES, ""), validate=True)
    except (TypeError, ValueError) as error:
        raise StoreFormatError(f"token codes of row {row!r} cannot be read ({error!r})") from error

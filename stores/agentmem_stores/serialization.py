"""Memories as JSON: all fields but the text, and what says where the memory is stored."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import starmap
from operator import attrgetter

from agentmem_stores.records import Edge, Granularity, Memory, RecallEvent, Scope, State

__all__ = ["from_json", "to_json"]

_edge_fields = attrgetter("target", "weight")
# `json.dumps` with separators would create an encoder for each memory.
_encode = json.JSONEncoder(separators=(",", ":")).encode


def to_json(memory: Memory) -> str:
    """Return a memory's fields as JSON, without id, scope, granularity and text."""
    return _encode(
        {
            "session_id": memory.session_id,
            "role": memory.role,
            "speaker": memory.speaker,
            "position": memory.position,
            "strength": memory.strength,
            "recall_count": memory.recall_count,
            "recalls": [(recall.at.isoformat(), recall.strength) for recall in memory.recalls],
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
    )


def from_json(
    scope: Scope, granularity: Granularity, memory_id: str, text: str, fields: str | bytes
) -> Memory:
    """Return the memory that `to_json` was called on.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: `fields` are not those of a memory.
    """
    record = json.loads(fields)
    last_recalled_at, state_changed_at = record["last_recalled_at"], record["state_changed_at"]
    # By hand, because a TypeAdapter of pydantic takes as long (41 and 42 microseconds per memory)
    # and needs a second declaration of all fields. Memories of before `expires_at` never expire,
    # and those of before `recalls` have none.
    expires_at = record.get("expires_at")
    return Memory(
        id=memory_id,
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
        recalls=tuple(
            RecallEvent(datetime.fromisoformat(at), strength)
            for at, strength in record.get("recalls", ())
        ),
        state=State(record["state"]),
        state_changed_at=state_changed_at and datetime.fromisoformat(state_changed_at),
        expires_at=expires_at and datetime.fromisoformat(expires_at),
        version=record["version"],
        version_of=record["version_of"],
        sources=tuple(record["sources"]),
        edges=tuple(starmap(Edge, record["edges"])),
        metadata=record["metadata"],
    )

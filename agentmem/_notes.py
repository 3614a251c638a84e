"""Notes: things remembered one by one, outside of any conversation."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agentmem_stores import Scope

from ._sessions import SHELF

if TYPE_CHECKING:
    from .controller import MemoryController

__all__ = ["write_note"]


def write_note(
    memory: MemoryController,
    text: str,
    *,
    scope: Scope | None = None,
    role: str = "assistant",
    memory_id: str | None = None,
    timestamp: datetime | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> str | None:
    """Write a note, in a session of its own, so that nothing stands before or after it.

    Args:
        memory_id: its id; nothing is written when the scope holds that already. By default a new
            one.

    Returns:
        The id of the note, or None when it was there.
    """
    name = memory_id or uuid.UUID(int=memory._writer.rng.getrandbits(128), version=4).hex
    written = memory.add(
        {"role": role, "content": text, "id": name},
        session_id=f"{SHELF}note/{name}",
        scope=scope,
        timestamp=timestamp,
        metadata=metadata,
    )
    return name if written else None

"""The portrait of a user as it goes into a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentmem_stores import Scope

if TYPE_CHECKING:
    from ..controller import MemoryController

__all__ = ["portrait_line"]

# The best remembered lines of a portrait; the prompt cuts what they take up beyond its room.
_LINES = 12


def portrait_line(memory: MemoryController, scope: Scope) -> str | None:
    """Return the best remembered lines of a user's portrait as one; None where there are none."""
    lines = memory.profile(limit=_LINES, scope=scope)
    return "; ".join(line.text for line in lines) or None

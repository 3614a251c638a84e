"""The portrait of a user as it goes into a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentmem_stores import Scope

if TYPE_CHECKING:
    from agentmem.controller.controller import MemoryController

__all__ = ["portrait_line"]

# The best remembered lines of a portrait, and so many of what is talked about; the prompt cuts
# what they take up beyond its room.
_LINES, _TOPICS = 12, 3


def portrait_line(memory: MemoryController, scope: Scope) -> str | None:
    """Return the best remembered lines of a user's portrait as one; None where there are none."""
    lines = memory.profile(scope=scope)
    best = sorted(lines, key=lambda line: -line.retention)
    topics = [line for line in best if line.section == "topics"][:_TOPICS]
    facts = [line for line in best if line.section != "topics"][: _LINES - len(topics)]
    kept = [line.text for line in lines if line in facts or line in topics]
    return "; ".join(kept) or None

"""Get what a prompt shows from a memory; the agent and the middleware ask it here only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from agentmem_retrievers import SearchResult
from agentmem_stores import Scope

if TYPE_CHECKING:
    from agentmem.controller.controller import MemoryController

__all__ = ["profile_line", "search_memories"]

# A profile shares the prompt with memories that answer the question, so it gets its best lines;
# the builder drops it where it would fill more than half of the room.
_MAX_PROFILE_LINES = 12
_MAX_PROFILE_TOPICS = 3


def search_memories(
    memory: MemoryController,
    query: str,
    *,
    k: int,
    scope: Scope,
    exclude: Collection[str] = (),
    explain: bool = False,
) -> SearchResult:
    """Find up to k memories to show for a query, without strengthening any.

    What a model does not see must not be strengthened, so call `memory.reinforce(result,
    shown=...)` with the ids that the prompt holds.

    Args:
        memory: the controller to search.
        query: what the user says.
        k: the most memories to return.
        scope: whose memories.
        exclude: ids that the conversation shows already.
        explain: fill in `contributions` of the hits.
    """
    result = memory.search(query, k=k + len(exclude), scope=scope, explain=explain, reinforce=False)
    hits = [hit for hit in result if hit.memory.id not in exclude]
    return replace(result, hits=tuple(hits[:k]))


def profile_line(memory: MemoryController, scope: Scope) -> str | None:
    """Return the best remembered lines of a user's profile as one; None if there are none."""
    profile = memory.profile(scope=scope)
    best = sorted(profile, key=lambda line: -line.retention)
    topics = [line for line in best if line.section == "topics"][:_MAX_PROFILE_TOPICS]
    facts = [line for line in best if line.section != "topics"]
    chosen = [*topics, *facts[: _MAX_PROFILE_LINES - len(topics)]]
    return "; ".join(line.text for line in profile if line in chosen) or None

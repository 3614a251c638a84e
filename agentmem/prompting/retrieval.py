"""Recall the memories that a prompt shows; used by the agent and the middleware."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agentmem.prompting.questions import wants_answer
from agentmem.writing.messages import MessageLike, to_drafts
from agentmem_retrievers import RecalledMemory
from agentmem_stores import Scope

if TYPE_CHECKING:
    from agentmem.client import Client
    from agentmem.controller.controller import MemoryController
    from agentmem.recall.context import Context

__all__ = ["MAX_BEFORE", "profile_line", "recall_memories"]

# More turns before a message are not what it is about; `recall` reads no more.
MAX_BEFORE = 8

# A profile shares the prompt with memories that answer the question, so it gets its best lines;
# the builder drops it where it would fill more than half of the room.
_MAX_PROFILE_LINES = 12
_MAX_PROFILE_TOPICS = 3


def recall_memories(
    memory: MemoryController | Client,
    query: str,
    *,
    before: Sequence[MessageLike] = (),
    k: int,
    chars: int,
    scope: Scope,
    exclude: Collection[str] = (),
    explain: bool = False,
) -> Context:
    """Recall what to show for what the user says, without strengthening any of it.

    A question is searched for as it is, any other message together with the turns before it, for
    proactive recall.

    What a model does not see must not be strengthened, so call `memory.reinforce(context.hits,
    shown=...)` with the ids that the prompt holds.

    Args:
        memory: the controller to recall from.
        query: what the user says.
        before: the turns before it, in order, which the prompt shows. Where the user asks nothing,
            memories that repeat one of them are left out.
        k: the most memories to show; the router may choose fewer.
        chars: the most characters of each, of which four are about a token.
        scope: whose memories.
        exclude: ids that the conversation shows already.
        explain: fill in `contributions` of the hits.

    Returns:
        The context; its items and `hits` are the first k, pinned memories and overviews first.
    """
    asks = wants_answer(query)
    drafts = to_drafts(list(before[-MAX_BEFORE:]), allow_empty=True) if before and not asks else []
    turns: list[MessageLike] = [
        {"role": draft.role, "speaker": draft.speaker, "content": draft.text}
        for draft in drafts
        if draft.text
    ]
    cue = query if asks else [*turns, {"role": "user", "content": query}]
    context = memory.recall(
        cue,
        max_tokens=max(k * chars // 4, 1),
        scope=scope,
        exclude=exclude,
        explain=explain,
        reinforce=False,
    )
    hit_of = {hit.memory.id: hit for hit in context.hits}
    known = {draft.text.strip() for draft in drafts}
    unsaid = [item for item in context.items if item.memory.text.strip() not in known]
    items = sorted(unsaid, key=lambda item: (_place(item.form), -item.score))[:k]
    now = memory.clock()
    hits = [
        hit_of.get(item.memory.id)
        or RecalledMemory(item.memory, item.score, memory.curve.retention_of(item.memory, now))
        for item in items
    ]
    return replace(context, items=items, hits=replace(context.hits, hits=tuple(hits)))


def _place(form: str) -> int:
    """Pinned memories come first, then overviews, then turns."""
    return {"pinned": 0, "topic": 1, "day": 1, "summary": 1}.get(form, 2)


def profile_line(memory: MemoryController | Client, scope: Scope) -> str | None:
    """Return the best remembered lines of a user's profile as one; None if there are none."""
    profile = memory.profile(scope=scope)
    best = sorted(profile, key=lambda line: -line.retention)
    topics = [line for line in best if line.section == "topics"][:_MAX_PROFILE_TOPICS]
    facts = [line for line in best if line.section != "topics"]
    chosen = [*topics, *facts[: _MAX_PROFILE_LINES - len(topics)]]
    return "; ".join(line.text for line in profile if line in chosen) or None

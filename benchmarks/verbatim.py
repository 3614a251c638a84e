"""Ask for stored turns word for word."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentmem.evaluation.tasks import FixedClock, end_of
from agentmem_stores import InMemoryStore, Scope

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem.formats.dialogue import Dialogue

__all__ = ["not_first"]


def not_first(
    dialogues: Sequence[Dialogue], embeddings: Embeddings, *, turns: int, seed: int = 0
) -> tuple[int, list[tuple[str, str]]]:
    """Ask for a sample of the turns of conversations, each in its own conversation.

    Turns that differ in white space only are the same.

    Returns:
        How many were asked for, and those that were not first, with what was.
    """
    from agentmem.controller.controller import MemoryController
    from agentmem.ingest import ingest

    everything = [
        (place, turn.text)
        for place, dialogue in enumerate(dialogues)
        for session in dialogue.sessions
        for turn in session.turns
        if turn.text.strip()
    ]
    chosen = random.Random(seed).sample(everything, min(turns, len(everything)))
    missed = []
    for place in sorted({place for place, _ in chosen}):
        dialogue = dialogues[place]
        clock, scope = FixedClock(end_of(dialogue)), Scope(dialogue.owner or "user")
        memory = MemoryController(InMemoryStore(), scope=scope, embeddings=embeddings, clock=clock)
        with memory:
            ingest(memory, dialogue, scope=scope)
            for text in (text for at, text in chosen if at == place):
                hits = memory.search(text, k=1, reinforce=False)
                first = hits[0].memory.text if hits else ""
                if first.split() != text.split():
                    missed.append((text, first))
    return len(chosen), missed

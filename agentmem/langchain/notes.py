"""Notes: things remembered one by one, outside of any conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agentmem.writing.messages import Draft
from agentmem.writing.sessions import ITEM_PREFIX
from agentmem_stores import Batch, Scope

if TYPE_CHECKING:
    from agentmem.controller.controller import MemoryController

__all__ = ["write_notes"]

_TOGETHER = 256


def write_notes(
    memory: MemoryController, notes: Sequence[Draft], *, scope: Scope | None = None
) -> list[str]:
    """Write notes, each in a session of its own, so that nothing stands before or after it.

    Returns:
        The ids of those written; a note whose id the scope holds already is left out, and so is
        one that `before_write` keeps out.

    Raises:
        EmbeddingError: the embedder failed; what was written before stays.
    """
    owner = memory.services.owner(scope)
    written: list[str] = []
    for start in range(0, len(notes), _TOGETHER):
        written += _write(memory, owner, notes[start : start + _TOGETHER])
    return written


def _write(memory: MemoryController, scope: Scope, notes: Sequence[Draft]) -> list[str]:
    writer = memory.services.writer
    drafts = [replace(note, id=note.id or writer.new_id()) for note in notes]
    new = [drafts[row] for row in writer.without_duplicates(scope, drafts)]
    drafts = memory.services.admission.drafts(new)
    embedded = memory.services.embedder.turns([draft.text for draft in drafts])
    with memory.services.lock:
        memory.services.reinforcement.flush()
        rows = writer.without_duplicates(scope, drafts)
        if not rows:
            return []
        made = writer.drafted_turns(scope, ITEM_PREFIX, [drafts[row] for row in rows])
        alone = [replace(m, session_id=f"{ITEM_PREFIX}note/{m.id}", position=0) for m in made]
        entries = writer.link(alone, embedded.at(rows))
        memory.services.memories.write(Batch(scope, put=entries))
    return [m.id for m in alone]

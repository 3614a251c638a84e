"""Notes: memories written one by one, outside any conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agentmem import arguments
from agentmem.writing.messages import Draft
from agentmem.writing.sessions import ITEM_PREFIX
from agentmem_stores import Scope

if TYPE_CHECKING:
    from agentmem.controller.services import Services

__all__ = ["write_notes"]

# Bounds how long one batch holds the scope's lock while thousands of notes are imported.
_BATCH_SIZE = 256


def write_notes(services: Services, scope: Scope, notes: Sequence[Draft]) -> list[str]:
    """Write notes, each in a session of its own, so that no turn comes before or after it.

    Args:
        services: the parts of a controller.
        scope: whose notes they are.
        notes: drafts; one without an id gets a new one.

    Returns:
        The ids of the notes written. A note whose id the scope contains already is left out, and
        so is one that `before_write` rejects.

    Raises:
        ClosedError: the controller is closed.
        EmbeddingError: the embedder failed; earlier batches of 256 notes stay written.
    """
    owner = arguments.owner(services, scope)
    ids: list[str] = []
    for start in range(0, len(notes), _BATCH_SIZE):
        ids += _write_batch(services, owner, notes[start : start + _BATCH_SIZE])
    return ids


def _write_batch(services: Services, scope: Scope, notes: Sequence[Draft]) -> list[str]:
    drafts = [replace(note, id=note.id or services.writer.new_id()) for note in notes]
    drafts = services.admission.drafts(services.writer.without_duplicates(scope, drafts))
    embedded = services.embedder.turns([draft.text for draft in drafts])
    with services.locks.hold(scope):
        services.reinforcement.flush(scope)
        sessions = {f"{ITEM_PREFIX}note/{draft.id}": [draft] for draft in drafts}
        written = services.writer.write_sessions(scope, sessions, embedded)
    return [note.id for note in written]

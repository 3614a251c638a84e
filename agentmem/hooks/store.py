"""Answer a hook with an open memory: where no server runs, and where a transcript is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agentmem.folders import expand_home
from agentmem.formats.secrets import redact_secrets
from agentmem.formats.transcripts import read_claude_code
from agentmem.hooks.events import Event, answer, context_block
from agentmem.ingest import ingest
from agentmem.prompting.quoting import quote
from agentmem.provenance import provenance

if TYPE_CHECKING:
    from agentmem.client import Client
    from agentmem.controller.controller import MemoryController

__all__ = ["recall_answer", "store_event"]

# What an editor gets with every prompt: little, because its context is limited.
_MAX_TOKENS = 600
_PROFILE_LINES = 12


def recall_answer(memory: MemoryController | Client, event: Event) -> str:
    """Return the answer to the start of a session or to a prompt."""
    profile = []
    if event.name == "SessionStart":
        profile = [quote(line.text, 300) for line in memory.profile(limit=_PROFILE_LINES)]
    recalled = memory.recall(event.query, max_tokens=_MAX_TOKENS)
    return answer(event, context_block(profile, recalled.text))


def store_event(memory: MemoryController | Client, event: Event) -> int:
    """Store what was said since the last time; return how many turns.

    The transcript is read as a whole, and turns that are there already are left out.
    """
    if event.messages:
        messages = [
            m | {"content": redact_secrets(m["content"]), "metadata": provenance("hook", "codex")}
            for m in event.messages
        ]
        return len(memory.add(messages, session_id=f"codex-{event.session_id}"))
    if not event.transcript or not expand_home(Path(event.transcript)).is_file():
        return 0
    written = 0
    for dialogue in read_claude_code(event.transcript):
        written += ingest(memory, dialogue, scope=memory.scope).written
    return written

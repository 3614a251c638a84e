"""The origin of memories, and how far they can be trusted.

Documents, transcripts, tools and clients write into what later becomes a prompt. Every prompt line
says where its words come from, and `recall(min_trust=)` leaves out what is trusted less.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from agentmem_stores import Memory

__all__ = ["PROVENANCE", "Trust", "client_of", "derived_provenance", "provenance", "trust_of"]

# Key in metadata; absent for what a program stores through `MemoryController` itself.
PROVENANCE = "provenance"


class Trust(StrEnum):
    """How far the words of a memory can be trusted, from least to most.

    `EXTERNAL`: documents, web pages, tool output, which anybody may have written. `CLIENT`:
    what a program says that the user or a model said: an MCP client, a transcript, an import.
    `ASSISTANT`: what the assistant said here. `USER`: what the user said here.
    """

    EXTERNAL = "external"
    CLIENT = "client"
    ASSISTANT = "assistant"
    USER = "user"

    @property
    def level(self) -> int:
        """The place in this order, from 0."""
        return _ORDER[self]


_ORDER = {trust: level for level, trust in enumerate(Trust)}

# How far a way into the store can be trusted at most; a user's own client speaks for the user.
_WAYS = {
    "api": Trust.USER,
    "mcp": Trust.CLIENT,
    "hook": Trust.CLIENT,
    "transcript": Trust.CLIENT,
    "import": Trust.CLIENT,
    "document": Trust.EXTERNAL,
    "tool": Trust.EXTERNAL,
    "web": Trust.EXTERNAL,
}
_ROLES = {"user": Trust.USER, "assistant": Trust.ASSISTANT, "system": Trust.ASSISTANT}


def provenance(way: str, client: str = "") -> dict[str, Any]:
    """Return metadata that say how a memory came into the store.

    Args:
        way: `api`, `mcp`, `hook`, `transcript`, `import`, `document`, `tool` or `web`.
        client: the program that wrote it.

    >>> provenance("mcp", "claude-code")
    {'provenance': {'way': 'mcp', 'client': 'claude-code'}}
    """
    return {PROVENANCE: {"way": way} | ({"client": client} if client else {})}


def trust_of(memory: Memory) -> Trust:
    """Return how far a memory can be trusted, by who said it and how it came here.

    >>> from datetime import UTC, datetime
    >>> from agentmem_stores import Granularity, Scope
    >>> now = datetime(2026, 1, 5, tzinfo=UTC)
    >>> page = Memory("m1", Scope("ada"), Granularity.TURN, "Hi.", "s1", now, now, role="tool")
    >>> trust_of(page)
    <Trust.EXTERNAL: 'external'>
    """
    by_role = _ROLES.get(memory.role, Trust.EXTERNAL)
    source = memory.metadata.get(PROVENANCE)
    if not isinstance(source, Mapping):
        return by_role
    if source.get("way") == "derived":
        return _named(source.get("trust"))
    return _least([by_role, _WAYS.get(str(source.get("way")), Trust.EXTERNAL)])


def client_of(memory: Memory) -> str:
    """Return how a memory came here, as in `mcp claude-code`; empty for the user's own program."""
    source = memory.metadata.get(PROVENANCE)
    if not isinstance(source, Mapping) or source.get("way") in ("api", "derived"):
        return ""
    names = [str(source[name]) for name in ("way", "client") if source.get(name)]
    return " ".join(dict.fromkeys(names))


def derived_provenance(sources: Iterable[Memory]) -> dict[str, Any]:
    """Return metadata for what is derived from memories: it is trusted like the least of them.

    Empty if all of them are trusted like turns of this program.
    """
    least = _least(trust_of(memory) for memory in sources)
    if least.level >= Trust.ASSISTANT.level:
        return {}
    return {PROVENANCE: {"way": "derived", "trust": least.value}}


def _least(trusts: Iterable[Trust]) -> Trust:
    return min(trusts, key=lambda trust: trust.level, default=Trust.USER)


def _named(name: object) -> Trust:
    return next((trust for trust in Trust if trust == name), Trust.EXTERNAL)

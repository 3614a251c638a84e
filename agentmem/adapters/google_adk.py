"""A memory service for Google's Agent Development Kit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.adk.memory.base_memory_service import BaseMemoryService, SearchMemoryResponse
from google.adk.memory.memory_entry import MemoryEntry
from google.genai import types
from typing_extensions import override

from agentmem_stores import Memory, MemoryNotFoundError, Scope

if TYPE_CHECKING:
    from google.adk.events.event import Event
    from google.adk.sessions.session import Session

    from agentmem.controller.controller import MemoryController

__all__ = ["AgentMemoryService"]


class AgentMemoryService(BaseMemoryService):
    """Keeps the sessions of ADK agents as memories of their users.

    The owner of a memory is the user of the session, and the app is the agent: two users, and two
    apps, never see each other's. Adding a session again writes only its new events.

    Args:
        memory: the controller to write and search.
        k: the most memories that a search returns.

    Example:
        >>> from agentmem.adapters.google_adk import AgentMemoryService
        >>> service = AgentMemoryService(memory)
        >>> found = service.search_memory(app_name="tutor", user_id="ada", query="dog")
        >>> asyncio.run(found).memories
        []
    """

    def __init__(self, memory: MemoryController, *, k: int = 10) -> None:
        self.memory = memory
        self.k = k

    @override
    async def add_session_to_memory(self, session: Session) -> None:
        """Write the events of a session that are not written yet."""
        await self.add_events_to_memory(
            app_name=session.app_name,
            user_id=session.user_id,
            events=session.events,
            session_id=session.id,
        )

    @override
    async def add_events_to_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        events: Sequence[Event],
        session_id: str | None = None,
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Write events that have text; an event is written once, however often it is passed."""
        messages = [
            _to_message(event, session_id, custom_metadata) for event in events if _text_of(event)
        ]
        if messages:
            await self.memory.aadd(
                messages, session_id=session_id, scope=Scope(user_id, agent_id=app_name)
            )

    @override
    async def add_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        memories: Sequence[MemoryEntry],
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Write memories as they are."""
        messages: list[dict[str, Any]] = []
        for entry in memories:
            text = "\n".join(part.text for part in entry.content.parts or () if part.text)
            if text.strip():
                messages.append(
                    {
                        "role": "user" if entry.author in (None, "user") else "assistant",
                        "content": text,
                        "id": entry.id,
                        "timestamp": entry.timestamp,
                        "metadata": {**(custom_metadata or {}), **entry.custom_metadata},
                    }
                )
        if messages:
            await self.memory.aadd(messages, scope=Scope(user_id, agent_id=app_name))

    @override
    async def search_memory(
        self, *, app_name: str, user_id: str, query: str
    ) -> SearchMemoryResponse:
        """Return the memories of a user that answer a query, best first."""
        hits = await self.memory.asearch(query, k=self.k, scope=Scope(user_id, agent_id=app_name))
        return SearchMemoryResponse(memories=[_to_entry(hit.memory) for hit in hits])

    @override
    async def delete_memory(
        self, *, app_name: str, user_id: str, memory_id: str | None = None
    ) -> None:
        """Delete one memory of a user, or all of them without an id; unknown ids are ignored."""
        scope = Scope(user_id, agent_id=app_name)
        if memory_id is None:
            await self.memory.adelete_all(scope=scope)
            return
        try:
            await self.memory.adelete(memory_id, scope=scope)
        except MemoryNotFoundError:
            return


def _text_of(event: Event) -> str:
    parts = event.content.parts if event.content else None
    return "\n".join(p.text for p in parts or () if p.text and not p.thought).strip()


def _to_message(
    event: Event, session_id: str | None, metadata: Mapping[str, object] | None
) -> dict[str, Any]:
    return {
        "role": "user" if event.author == "user" else "assistant",
        "content": _text_of(event),
        "id": f"{session_id or ''}/{event.id}",
        "timestamp": datetime.fromtimestamp(event.timestamp, UTC),
        "metadata": {**(metadata or {}), "author": event.author},
    }


def _to_entry(memory: Memory) -> MemoryEntry:
    role = "user" if memory.role == "user" else "model"
    return MemoryEntry(
        id=memory.id,
        content=types.Content(role=role, parts=[types.Part(text=memory.text)]),
        author=str(memory.metadata.get("author", memory.role)),
        timestamp=memory.said_at.isoformat(),
    )

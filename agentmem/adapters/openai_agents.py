"""A `Session` of the OpenAI Agents SDK whose items are memories."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentmem_stores import Granularity, InvalidInputError, Memory, MemoryNotFoundError, Scope

if TYPE_CHECKING:
    from agents.items import TResponseInputItem
    from agents.memory.session_settings import SessionSettings

    from agentmem.controller.controller import MemoryController

__all__ = ["AgentMemorySession"]

# Metadata of a turn: what of the item its text does not say.
_ITEM = "openai_item"


class AgentMemorySession:
    """The history of one conversation of the OpenAI Agents SDK, kept as memories.

    What is said is stored as turns, which `search` and `recall` find in later conversations. Calls
    of tools and their results are kept as JSON, so that the SDK gets back what it wrote. An item
    whose memory is deleted is gone from the history, and one whose text is updated has the new one.

    Args:
        session_id: names the conversation.
        memory: the controller to write.
        scope: the owner; by default the controller's.

    Example:
        >>> from agentmem.adapters.openai_agents import AgentMemorySession
        >>> session = AgentMemorySession("monday", memory)
        >>> asyncio.run(session.add_items([{"role": "user", "content": "I like tea."}]))
        >>> asyncio.run(session.get_items())
        [{'role': 'user', 'content': 'I like tea.'}]
    """

    session_settings: SessionSettings | None = None

    def __init__(
        self, session_id: str, memory: MemoryController, *, scope: Scope | None = None
    ) -> None:
        self.session_id = session_id
        self.memory = memory
        self.scope = scope

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """Return the items in order; with a limit, the latest."""
        items: Any = [_to_item(turn) for turn in await self._turns()]
        return items if limit is None else items[-limit:] if limit > 0 else []

    async def add_items(self, items: Sequence[TResponseInputItem]) -> None:
        """Append items to the history."""
        messages = [_to_message(dict(item)) for item in items]
        if messages:
            await self.memory.aadd(messages, session_id=self.session_id, scope=self.scope)

    async def pop_item(self) -> TResponseInputItem | None:
        """Remove the latest item and return it; None if there is none."""
        turns = await self._turns()
        if not turns:
            return None
        item: Any = _to_item(turns[-1])
        await self.memory.adelete(turns[-1].id, scope=self.scope)
        return item

    async def clear_session(self) -> None:
        """Delete the conversation, and what was derived from it."""
        try:
            await self.memory.adelete_session(self.session_id, scope=self.scope)
        except MemoryNotFoundError:
            # A history without items has no session in memory.
            return

    async def _turns(self) -> list[Memory]:
        turns = await self.memory.aget_all(
            session_id=self.session_id, granularity=Granularity.TURN, limit=None, scope=self.scope
        )
        return [turn for turn in turns if _ITEM in turn.metadata]


def _to_message(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item as a message with an id, so that none is taken for one sent before."""
    text = _text_of(item)
    rest = {key: value for key, value in item.items() if key != "content"}
    is_parts = not isinstance(item.get("content"), str)
    if text is None:
        # A call is the output of a program, not a statement of a person.
        return {
            "role": "tool",
            "content": json.dumps(item, ensure_ascii=False),
            "metadata": {_ITEM: "json"},
            "id": uuid.uuid4().hex,
        }
    return {
        "role": item["role"],
        "content": text,
        "metadata": {_ITEM: {**rest, "parts": is_parts}},
        "id": uuid.uuid4().hex,
    }


def _text_of(item: Mapping[str, Any]) -> str | None:
    """Return the text of an item that is nothing but a text with a role; otherwise None."""
    content = item.get("content")
    if "role" not in item:
        return None
    if isinstance(content, str):
        return content if content.strip() else None
    if not isinstance(content, list) or len(content) != 1 or "text" not in content[0]:
        return None
    extra = {k for k, v in content[0].items() if v} - {"type", "text"}
    text = content[0]["text"]
    return text if not extra and isinstance(text, str) and text.strip() else None


def _to_item(turn: Memory) -> dict[str, Any]:
    stored = turn.metadata[_ITEM]
    if stored == "json":
        try:
            item: dict[str, Any] = json.loads(turn.text)
        except ValueError:
            raise InvalidInputError(
                f"memory {turn.id} was edited and is no longer the JSON of an item; delete it"
            ) from None
        return item
    rest = {key: value for key, value in stored.items() if key != "parts"}
    if not stored["parts"]:
        return {**rest, "content": turn.text}
    kind = "output_text" if turn.role == "assistant" else "input_text"
    part: dict[str, Any] = {"type": kind, "text": turn.text}
    if kind == "output_text":
        part["annotations"] = []
    return {**rest, "content": [part]}

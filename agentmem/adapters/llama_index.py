"""A memory block for LlamaIndex's `Memory`."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import BaseMemoryBlock
from pydantic import Field

from agentmem_stores import Scope

__all__ = ["AgentMemoryBlock"]

_ROLES = {
    MessageRole.USER: "user",
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}
# The last messages that a question is understood by.
_LAST_TURNS = 4


class AgentMemoryBlock(BaseMemoryBlock[str]):
    """Writes the messages that leave the short-term memory, and recalls what bears on the last.

    Attributes:
        memory: the controller to write and recall from.
        scope: the owner; by default the controller's.
        max_tokens: the most tokens of the block.

    Example:
        >>> from llama_index.core.memory import Memory
        >>> from agentmem.adapters.llama_index import AgentMemoryBlock
        >>> block = AgentMemoryBlock(memory=memory, max_tokens=400)
        >>> short_term = Memory.from_defaults(session_id="monday", memory_blocks=[block])
    """

    name: str = "agentmem"
    memory: Any = Field(exclude=True)
    scope: Scope | None = None
    max_tokens: int = Field(800, ge=1)

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:
        """Return quoted, dated records that bear on the last messages; empty without any."""
        utterances = [
            message
            for message in messages or []
            if message.role in (MessageRole.USER, MessageRole.ASSISTANT) and _text(message)
        ]
        if not utterances:
            return ""
        context = await self.memory.arecall(
            [(_role(message), _text(message)) for message in utterances[-_LAST_TURNS:]],
            max_tokens=self.max_tokens,
            scope=self.scope,
        )
        return str(context.text)

    async def _aput(self, messages: list[ChatMessage]) -> None:
        """Write messages; those of one session stay together."""
        sessions: dict[str | None, list[dict[str, str]]] = {}
        for message in messages:
            if text := _text(message):
                session_id = message.additional_kwargs.get("session_id")
                sessions.setdefault(session_id, []).append(
                    {"role": _role(message), "content": text}
                )
        for session_id, turns in sessions.items():
            await self.memory.aadd(turns, session_id=session_id, scope=self.scope)

    async def atruncate(self, content: str, tokens_to_truncate: int) -> str | None:
        """Drop whole records from the beginning; None if nothing is left."""
        lines = content.splitlines()
        share = min(tokens_to_truncate / max(self.max_tokens, 1), 1.0)
        latest = lines[-int(len(lines) * (1 - share)) :] if share < 1 else []
        return "\n".join(latest) or None


def _text(message: ChatMessage) -> str:
    return (message.content or "").strip()


def _role(message: ChatMessage) -> str:
    return _ROLES.get(message.role, "assistant")

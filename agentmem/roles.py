"""Names of the roles in a conversation."""

from __future__ import annotations

__all__ = ["ROLE_OF_MESSAGE_TYPE"]

# LangChain's message types whose role has another name in chat APIs. Other types are roles.
ROLE_OF_MESSAGE_TYPE = {"human": "user", "ai": "assistant"}

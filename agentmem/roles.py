"""Names of the roles in a conversation."""

from __future__ import annotations

__all__ = ["ROLES", "ROLE_OF_MESSAGE_TYPE"]

ROLES = ("user", "assistant", "system", "tool", "document")

# What LangChain and chat APIs call these roles, in lower case.
ROLE_OF_MESSAGE_TYPE = {
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "chatbot": "assistant",
    "developer": "system",
    "function": "tool",
    "humanmessagechunk": "user",
    "aimessagechunk": "assistant",
    "systemmessagechunk": "system",
    "toolmessagechunk": "tool",
    "functionmessagechunk": "tool",
}

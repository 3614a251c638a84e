"""The frame that keeps what is remembered apart from what is said."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import BaseMessage

__all__ = ["framed", "with_frame"]


def framed(lines: Sequence[str], said: str) -> str:
    """Return what is said, with lines in a frame before it where there are any."""
    if not lines:
        return said
    return "\n".join(["<memories>", *lines, "</memories>", "", said])


def with_frame(message: BaseMessage, lines: Sequence[str]) -> BaseMessage:
    """Return a message with lines in a frame before what it says, or what it shows."""
    if not lines:
        return message
    if isinstance(message.content, str):
        return message.model_copy(update={"content": framed(lines, message.content)})
    frame = {"type": "text", "text": framed(lines, "")}
    return message.model_copy(update={"content": [frame, *message.content]})

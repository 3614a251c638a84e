"""Counting tokens without a tokenizer, and shortening messages that are too long."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import count_tokens_approximately

__all__ = ["count_tokens", "shortened"]

# Below this a message is not shortened further: there would be nothing left to answer.
_LEAST_CHARS = 24
_CUT = " […] "


def count_tokens(messages: Sequence[BaseMessage]) -> int:
    """Estimate the tokens of messages, for scripts that need a token for every character too."""
    if not messages:
        return 0
    dense = sum(1 for m in messages for c in str(m.text) if ord(c) > 0x2E7F)
    return count_tokens_approximately(messages) + dense


def shortened(
    messages: Sequence[BaseMessage], room: int, count: Callable[[Sequence[BaseMessage]], int]
) -> list[BaseMessage]:
    """Return messages that fit into `room` tokens, the longest texts cut in their middle."""
    fitting = list(messages)
    while count(fitting) > room:
        longest = max(range(len(fitting)), key=lambda n: len(_text(fitting[n])))
        text = _text(fitting[longest])
        if len(text) <= _LEAST_CHARS:
            break
        fitting[longest] = fitting[longest].model_copy(update={"content": _without_middle(text)})
    return fitting


def _text(message: BaseMessage) -> str:
    return message.content if isinstance(message.content, str) else ""


def _without_middle(text: str) -> str:
    """About three quarters of a text: its beginning and, half as long, its end."""
    keep = max(_LEAST_CHARS, len(text) * 3 // 4) - len(_CUT)
    head = keep * 2 // 3
    return f"{text[:head]}{_CUT}{text[len(text) - (keep - head) :]}"

"""Estimate tokens without a tokenizer, and shorten messages that exceed a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import count_tokens_approximately

__all__ = ["count_tokens", "truncate_messages"]

# A shorter message has nothing left to answer.
_MIN_CHARS = 24
_ELLIPSIS = " […] "
# From the CJK radicals on, a character is about one token; LangChain's estimate assumes four
# characters per token, which is right for alphabetic scripts only.
_FIRST_DENSE_CODE_POINT = 0x2E80


def count_tokens(messages: Sequence[BaseMessage]) -> int:
    """Estimate the tokens of messages, including those in scripts with a token per character.

    >>> from langchain_core.messages import HumanMessage
    >>> count_tokens([HumanMessage("I adopted a beagle called Biscuit.")])
    13
    >>> count_tokens([])
    0
    """
    if not messages:
        return 0
    dense = sum(ord(c) >= _FIRST_DENSE_CODE_POINT for m in messages for c in str(m.text))
    return count_tokens_approximately(messages) + dense


def truncate_messages(
    messages: Sequence[BaseMessage],
    max_tokens: int,
    count: Callable[[Sequence[BaseMessage]], int] = count_tokens,
) -> list[BaseMessage]:
    """Cut the longest texts in their middle until the messages fit.

    Messages that are already as short as 24 characters stay, whatever the budget.

    Args:
        messages: messages, of which those with text content can be cut.
        max_tokens: the budget for all of them together.
        count: returns the number of tokens of messages.
    """
    fitting = list(messages)
    while count(fitting) > max_tokens:
        texts = [m.content if isinstance(m.content, str) else "" for m in fitting]
        longest = max(range(len(fitting)), key=lambda n: len(texts[n]))
        if len(texts[longest]) <= _MIN_CHARS:
            break
        content = _cut_middle(texts[longest])
        fitting[longest] = fitting[longest].model_copy(update={"content": content})
    return fitting


def _cut_middle(text: str) -> str:
    """About three quarters of a text: two parts of its beginning and one of its end."""
    length = max(_MIN_CHARS, len(text) * 3 // 4) - len(_ELLIPSIS)
    head = length * 2 // 3
    return f"{text[:head]}{_ELLIPSIS}{text[len(text) - (length - head) :]}"

"""Read an agent's input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
    SystemMessage,
    convert_to_messages,
)
from langchain_core.prompt_values import PromptValue

from agentmem.writing.content import read_content
from agentmem_stores import EmptyTextError, InvalidInputError

__all__ = ["AgentInput", "ConversationInput", "has_content", "read_input"]

AgentInput = str | BaseMessage | PromptValue | Mapping[str, Any] | Sequence[Any]


@dataclass(frozen=True)
class ConversationInput:
    """An agent's input.

    Attributes:
        new: what the user says now; it is written to memory.
        context: the conversation before, from callers who keep it; it is not written again.
        system: further instructions of the caller; they are not written.
    """

    new: tuple[HumanMessage, ...]
    context: tuple[BaseMessage, ...] = ()
    system: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """The text to search memories with; empty if the user sends only images and the like."""
        return "\n".join(str(message.text) for message in self.new).strip()


def read_input(value: AgentInput) -> ConversationInput:
    """Read an agent's input.

    Args:
        value: a text, a message, a prompt value, a list of messages in any form that LangChain
            accepts, or a dict with `messages`, with `input`, or with `role` and `content`. The
            user's messages after the last one by anybody else are new.

    Raises:
        EmptyTextError: the user's messages are empty.
        InvalidInputError: the input has another form, or does not end with the user's message.

    >>> read_input([("user", "Hello."), ("assistant", "Hi."), ("user", "How are you?")]).query
    'How are you?'
    """
    messages = _to_messages(value)
    system = tuple(str(m.text) for m in messages if isinstance(m, SystemMessage))
    conversation = [m for m in messages if not isinstance(m, SystemMessage)]
    start = len(conversation)
    while start and isinstance(conversation[start - 1], HumanMessage):
        start -= 1
    new = tuple(m for m in conversation[start:] if isinstance(m, HumanMessage))
    if not new:
        raise InvalidInputError("the last message must be the user's")
    if not any(has_content(m) for m in new):
        raise EmptyTextError("the user's message is empty")
    return ConversationInput(new, tuple(conversation[:start]), system)


def has_content(message: BaseMessage) -> bool:
    """Return whether a message contains words, or an image, a recording or a file."""
    return bool(read_content(message.content).text("").strip())


def _to_messages(value: AgentInput) -> list[BaseMessage]:
    if isinstance(value, PromptValue):
        return value.to_messages()
    if isinstance(value, Mapping):
        key = next((key for key in ("messages", "input") if key in value), None)
        if key is not None:
            return _to_messages(value[key])
    if isinstance(value, str):
        return [HumanMessage(value)]
    if isinstance(value, BaseMessage | Mapping):
        value = [value]
    try:
        return convert_to_messages(value)
    except (ValueError, TypeError, NotImplementedError, KeyError) as error:
        # What LangChain raises depends on the part of the form that it does not know.
        raise InvalidInputError(
            f"cannot read a {type(value).__name__} as agent input: {error}; pass a string, "
            'a message, a list of messages or {"messages": [...]}'
        ) from error

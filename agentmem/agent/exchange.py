"""The state of one exchange: input, search result, tool calls and reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    message_chunk_to_message,
)
from langchain_core.messages.ai import add_ai_message_chunks

from agentmem.agent.input import ConversationInput, has_content
from agentmem.feedback.plans import Plan
from agentmem.prompting.rendering import PLAN_ID, cited_ids
from agentmem.recall.context import Context
from agentmem.writing.identity import UNANSWERED
from agentmem.writing.messages import to_drafts
from agentmem_retrievers import SearchResult
from agentmem_stores import Memory, Scope, State

__all__ = ["Exchange"]

# A cosine weighted by the plan's success rate; see `Plan.fit`. An untried plan that is half as
# near as its own goal still helps, one further away distracts. Set by hand.
_MIN_PLAN_FIT = 0.5
_NO_REPLY = "I could not finish this: it took more steps than I am allowed."


@dataclass
class Exchange:
    """What an agent knows of one exchange while it lasts.

    Attributes:
        agent_input: what the caller passed.
        scope: whose memories.
        session_id: None until the first write if the caller named none.
        context: what was recalled; None before that.
        history: the session's turns before this exchange, in order.
        question_ids: the turns that hold the user's messages, once they are written.
        n_known: how many of the user's messages the session already ends with, without a whole
            reply, because a call with them failed before.
        profile: a line about the user; None if nothing is known.
        tool_messages: the model's tool calls, and their results.
        memory_ids: the memory id for each line id in the prompt, such as m1.
        plan: the plan in the prompt.
        text: the model's current message, as far as it has arrived.
        reply: the message that calls no tools; None until it is complete.
    """

    agent_input: ConversationInput
    scope: Scope
    session_id: str | None
    context: Context | None = None
    history: list[Memory] = field(default_factory=list)
    question_ids: list[str] = field(default_factory=list)
    n_known: int = 0
    profile: str | None = None
    tool_messages: list[BaseMessage] = field(default_factory=list)
    memory_ids: dict[str, str] = field(default_factory=dict)
    plan: Plan | None = None
    text: str = ""
    reply: AIMessage | None = None
    _chunks: list[AIMessage] = field(default_factory=list)

    @property
    def result(self) -> SearchResult | None:
        """The hits to show; None before the recall."""
        return None if self.context is None else self.context.hits

    @property
    def writable(self) -> list[HumanMessage]:
        """The user's messages that a memory can hold; of an image, it holds a note."""
        return [message for message in self.agent_input.new if has_content(message)]

    @property
    def is_retry(self) -> bool:
        """Whether the session already ends with all of the user's messages."""
        return self.n_known == len(to_drafts(self.writable))

    def set_history(self, turns: Sequence[Memory]) -> None:
        """Set the session's turns, without the messages of this exchange that it ends with."""
        active = sorted((t for t in turns if t.state is State.ACTIVE), key=lambda t: t.position)
        if not self.question_ids:
            asked = _without_partial_reply(active)
            self.n_known = _overlap(asked, [draft.text for draft in to_drafts(self.writable)])
            self.question_ids = [turn.id for turn in asked[len(asked) - self.n_known :]]
        self.history = [turn for turn in active if turn.id not in self.question_ids]

    def set_plan(self, plans: Sequence[Plan]) -> None:
        """Take the first plan that fits what the user wants."""
        self.plan = next((plan for plan in plans if plan.fit >= _MIN_PLAN_FIT), None)

    @property
    def citations(self) -> list[str]:
        """The ids of the memories that the reply cites."""
        return cited_ids(self.text, self.memory_ids) if self.reply else []

    @property
    def follows_plan(self) -> bool:
        """Whether the model cites the plan in the prompt."""
        texts = [str(m.text) for m in self.tool_messages if isinstance(m, AIMessage)]
        return bool(cited_ids("\n".join([*texts, self.text]), {PLAN_ID: PLAN_ID}))

    @property
    def succeeded(self) -> bool:
        """Whether there is a reply and no tool failed on the way to it."""
        tools = [m for m in self.tool_messages if isinstance(m, ToolMessage)]
        return self.reply is not None and all(m.status != "error" for m in tools)

    def receive(self, chunk: AIMessage) -> str:
        """Take the next chunk of the model's message; return its text."""
        if not self._chunks:
            self.text = ""
        # Joined once at the end: joining one by one is quadratic in the length of the message.
        self._chunks.append(chunk)
        text = str(chunk.text)
        self.text += text
        return text

    def complete(self) -> AIMessage:
        """Join the chunks to a message, which is the reply if it calls no tools."""
        message, self._chunks = _join(self._chunks), []
        if message.tool_calls or message.invalid_tool_calls:
            self.tool_messages.append(message)
        else:
            self.reply = message
        return message

    def to_message(self) -> AIMessage:
        """Return the reply, with details in `response_metadata["agentmem"]`."""
        reply = self.reply or AIMessage(self.text or _NO_REPLY)
        details: dict[str, Any] = {
            "session_id": self.session_id,
            "confidence": None if self.result is None else self.result.confidence,
            "recalled": [
                {"id": hit.memory.id, "score": hit.score, "retention": hit.retention}
                for hit in self.result or ()
            ],
            "shown": dict(self.memory_ids),
            "cited": self.citations,
            "finished": self.reply is not None,
        }
        metadata = {**reply.response_metadata, "agentmem": details}
        return reply.model_copy(update={"response_metadata": metadata})

    def last_chunk(self) -> AIMessageChunk:
        """Return the chunk that ends a stream: the metadata, and text only if there was none."""
        message = self.to_message()
        return AIMessageChunk(
            content="" if self.reply or self.text else message.content,
            id=message.id,
            usage_metadata=message.usage_metadata,
            response_metadata=message.response_metadata,
            chunk_position="last",
        )


def _without_partial_reply(turns: Sequence[Memory]) -> Sequence[Memory]:
    """Return turns without the part of a reply that had arrived before the call failed."""
    end = len(turns)
    while end and turns[end - 1].role == "assistant":
        end -= 1
    return turns[:end] if end and UNANSWERED in turns[end - 1].metadata else turns


def _overlap(turns: Sequence[Memory], texts: Sequence[str]) -> int:
    """Return with how many of the user's texts, from the first on, a session ends."""
    for n in range(min(len(turns), len(texts)), 0, -1):
        if all(
            turn.role == "user" and turn.text == text
            for turn, text in zip(turns[-n:], texts[:n], strict=True)
        ):
            return n
    return 0


def _join(chunks: Sequence[AIMessage]) -> AIMessage:
    if not chunks:
        return AIMessage("")
    first, *others = chunks
    if not isinstance(first, AIMessageChunk):
        return first
    rest = [chunk for chunk in others if isinstance(chunk, AIMessageChunk)]
    message = message_chunk_to_message(add_ai_message_chunks(first, *rest))
    assert isinstance(message, AIMessage)
    return message

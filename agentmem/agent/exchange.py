"""One exchange of an agent with its user: what was asked, recalled, called and said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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

from agentmem.agent.citations import cited
from agentmem.agent.input import Incoming
from agentmem.feedback.plans import Plan
from agentmem.prompting.plan_line import PLAN
from agentmem_retrievers import SearchResult
from agentmem_stores import Memory, Scope, State

__all__ = ["Exchange", "nothing"]

# How well a plan must fit what the user says to be offered; see `Plan.fit`.
_FITS = 0.5
_GAVE_UP = "I could not finish this: it took more steps than I am allowed."


@dataclass
class Exchange:
    """What an agent knows of one exchange while it goes on.

    Attributes:
        session_id: None until the first write, where the caller named none.
        turns: what was said in the session before, in order.
        repeated: whether the session already ends with the user's words and no reply to them,
            as when the same call is tried again after a failure.
        profile: a line about the user; None where nothing is known.
        steps: the model's calls of tools, and what the tools answered.
        shown: ids in the prompt, such as m1, with the ids of the memories they stand for.
        plan: the plan that is offered to the model.
        said: the model's current message as far as it has come.
        reply: the message that called no tools; None until then.
    """

    incoming: Incoming
    scope: Scope
    session_id: str | None
    recall: SearchResult | None = None
    turns: list[Memory] = field(default_factory=list)
    repeated: bool = False
    profile: str | None = None
    steps: list[BaseMessage] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)
    plan: Plan | None = None
    said: str = ""
    reply: AIMessage | None = None
    _heard: list[AIMessage] = field(default_factory=list)

    def questions(self) -> list[HumanMessage]:
        """What the user says, as far as it is text."""
        return [message for message in self.incoming.new if str(message.text).strip()]

    def follow(self, turns: Sequence[Memory]) -> None:
        """Take the session's turns; those that are this exchange's own question are left out."""
        standing = sorted((t for t in turns if t.state is State.ACTIVE), key=lambda t: t.position)
        asked = [("user", str(message.text)) for message in self.questions()]
        self.repeated = [(t.role, t.text) for t in standing[-len(asked) :]] == asked
        self.turns = standing[: -len(asked)] if self.repeated else standing

    def offer(self, plans: Sequence[Plan]) -> None:
        """Take up a plan if one fits what the user wants."""
        self.plan = next((plan for plan in plans if plan.fit >= _FITS), None)

    @property
    def cited(self) -> list[str]:
        """The ids of the memories that the reply cites."""
        return cited(self.said, self.shown) if self.reply else []

    @property
    def followed(self) -> bool:
        """Whether the model said that it follows the plan offered."""
        said = [str(m.text) for m in self.steps if isinstance(m, AIMessage)]
        return bool(cited("\n".join([*said, self.said]), {PLAN: PLAN}))

    @property
    def went_well(self) -> bool:
        """Whether there is a reply, and no tool failed on the way to it."""
        failed = [m for m in self.steps if isinstance(m, ToolMessage) and m.status == "error"]
        return self.reply is not None and not failed

    def hear(self, piece: AIMessage) -> Iterator[str]:
        """Take the next piece of the model's message; yields its text if there is any."""
        if not self._heard:
            self.said = ""
        # Put together at the end: one by one would cost the square of a rambling model's words.
        self._heard.append(piece)
        text = str(piece.text)
        self.said += text
        if text:
            yield text

    def complete(self) -> AIMessage:
        """Take the model's message as complete; it is the reply if it calls no tools."""
        message, self._heard = _whole(self._heard), []
        if message.tool_calls or message.invalid_tool_calls:
            self.steps.append(message)
        else:
            self.reply = message
        return message

    def result(self) -> AIMessage:
        """The reply, with what was recalled for it in `response_metadata["agentmem"]`."""
        reply = self.reply or AIMessage(self.said or _GAVE_UP)
        metadata = {**reply.response_metadata, "agentmem": self._metadata()}
        return reply.model_copy(update={"response_metadata": metadata})

    def last_piece(self) -> AIMessageChunk:
        """What ends a stream: no text, unless there was none at all, but the metadata."""
        result = self.result()
        return AIMessageChunk(
            content="" if self.reply or self.said else result.content,
            id=result.id,
            usage_metadata=result.usage_metadata,
            response_metadata=result.response_metadata,
            chunk_position="last",
        )

    def _metadata(self) -> dict[str, Any]:
        return {
            "session_id": self.session_id,
            "confidence": None if self.recall is None else self.recall.confidence,
            "recalled": [
                {"id": hit.memory.id, "score": hit.score, "retention": hit.retention}
                for hit in self.recall or ()
            ],
            "shown": dict(self.shown),
            "cited": self.cited,
            "finished": self.reply is not None,
        }


def _whole(pieces: Sequence[AIMessage]) -> AIMessage:
    """Put a message together."""
    if not pieces:
        return AIMessage("")
    first, *others = pieces
    if not isinstance(first, AIMessageChunk):
        return first
    rest = [piece for piece in others if isinstance(piece, AIMessageChunk)]
    message = message_chunk_to_message(add_ai_message_chunks(first, *rest))
    assert isinstance(message, AIMessage)
    return message


def nothing(query: str, now: datetime) -> SearchResult:
    """The recall for what needs none."""
    return SearchResult(query, (), 0.0, now)

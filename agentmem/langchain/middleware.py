"""A middleware that gives a LangChain agent a memory."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from langchain.agents.middleware.types import (
    AgentMiddleware,
    AgentState,
    ModelRequest,
    ModelResponse,
)
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.config import get_config
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from agentmem.controller.controller import MemoryController
from agentmem.langchain.frame import guided, with_memories
from agentmem.langchain.owner import Owner, owner_of
from agentmem.langchain.tools import create_manage_memory_tool, create_search_memory_tool
from agentmem_retrievers import RecalledMemory
from agentmem_stores import AgentMemError, InvalidInputError, Scope

__all__ = ["MemoryMiddleware"]

_LOG = logging.getLogger(__name__)
_IDS = uuid.UUID("1f1f7a39-9a0e-4c6f-8f7e-9f7c2f3f6d52")
_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,32}")
_ROLES = {"human": "user", "ai": "assistant"}

State = AgentState[Any]


class MemoryMiddleware(AgentMiddleware[State, Any, Any]):
    """Recalls before the model is called, and remembers after the agent has finished.

    The memories are handed to the model with its request, so they are in no state and in no
    checkpoint. Every message is written once, whatever is retried, interrupted or resumed, because
    a memory's id follows from the session and the message's id. What the user said is written
    even when the model fails.

    Whose memories: those of `user_id` (and `agent_id`) in the runtime's context, else in
    `configurable`, else of the controller's scope. The session is `session_id` there, else the
    thread.

    Args:
        memory: where it remembers.
        scope: the owner whatever the run says, for memories that all users share.
        k: how many memories are recalled.
        tools: let the model manage and search the memories itself.
        namespace: tells several middlewares of one agent apart; part of its name and of the
            names of its tools.
        write: whether conversations are remembered.
        chars: how many characters are quoted of each memory.

    Raises:
        InvalidInputError: `k`, `chars` or `namespace` cannot be taken.
    """

    def __init__(
        self,
        memory: MemoryController,
        *,
        scope: Scope | None = None,
        k: int = 5,
        tools: bool = False,
        namespace: str = "",
        write: bool = True,
        chars: int = 800,
    ) -> None:
        super().__init__()
        if k < 1 or chars < 1:
            raise InvalidInputError(f"k={k} and chars={chars} must be at least 1")
        if namespace and not _NAMESPACE.fullmatch(namespace):
            raise InvalidInputError(
                f"namespace={namespace!r} must be up to 32 letters, digits, '-' and '_'"
            )
        self.memory = memory
        self.scope = scope
        self.k = k
        self.namespace = namespace
        self.write = write
        self.chars = chars
        suffix = f"_{namespace}" if namespace else ""
        self.tools = (
            [
                create_manage_memory_tool(memory, scope=scope, name=f"manage_memory{suffix}"),
                create_search_memory_tool(memory, scope=scope, name=f"search_memory{suffix}"),
            ]
            if tools
            else []
        )

    @property
    def name(self) -> str:
        """The name of the middleware, with its namespace."""
        return f"MemoryMiddleware-{self.namespace}" if self.namespace else "MemoryMiddleware"

    def before_agent(self, state: State, runtime: Runtime[Any]) -> None:
        """Refuse a run that names no owner before anything is asked of a model."""
        self._owner(runtime)

    async def abefore_agent(self, state: State, runtime: Runtime[Any]) -> None:
        """Do what `before_agent` does."""
        self._owner(runtime)

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        """Call the model with what is remembered of the user's last message."""
        try:
            return handler(self._recalling(request))
        except GraphBubbleUp:
            raise
        except Exception:
            self._rescue(request)
            raise

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Do what `wrap_model_call` does, without blocking the event loop."""
        try:
            return await handler(await asyncio.to_thread(self._recalling, request))
        except GraphBubbleUp:
            raise
        except Exception:
            await asyncio.to_thread(self._rescue, request)
            raise

    def after_agent(self, state: State, runtime: Runtime[Any]) -> None:
        """Remember what was said and is not remembered yet."""
        self._write(state["messages"], self._owner(runtime))

    async def aafter_agent(self, state: State, runtime: Runtime[Any]) -> None:
        """Do what `after_agent` does, without blocking the event loop."""
        await asyncio.to_thread(self.after_agent, state, runtime)

    def _owner(self, runtime: Runtime[Any]) -> Owner:
        return owner_of(get_config(), runtime.context, fixed=self.scope, own=self.memory.scope)

    def _recalling(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        """The request with memories in it; what the model sees already is not repeated."""
        said = list(request.state["messages"])
        asked = next((m for m in reversed(said) if isinstance(m, HumanMessage)), None)
        shown = any(isinstance(m, HumanMessage) for m in request.messages)
        if asked is None or not shown or not str(asked.text).strip():
            return request
        owner = self._owner(request.runtime)
        present = {_memory_id(owner, m) for m in [*said, *request.messages]}
        recall = self.memory.search(
            str(asked.text),
            k=self.k + len(present),
            scope=owner.scope,
            # Asked again with what tools answered, it is still one recall.
            reinforce=said[-1] is asked,
        )
        hits: list[RecalledMemory] = [h for h in recall if h.memory.id not in present][: self.k]
        if not hits:
            return request
        return request.override(
            system_message=guided(request.system_message),
            messages=with_memories(request.messages, hits, self.chars),
        )

    def _rescue(self, request: ModelRequest[Any]) -> None:
        """Remember at least what the user said, without hiding why the model failed."""
        try:
            said = [m for m in request.state["messages"] if isinstance(m, HumanMessage)]
            self._write(said, self._owner(request.runtime))
        except AgentMemError:
            _LOG.exception("what the user said could not be remembered")

    def _write(self, messages: Sequence[BaseMessage], owner: Owner) -> None:
        drafts = list(_drafts(messages, owner))
        if drafts and self.write:
            self.memory.add(drafts, session_id=owner.session_id, scope=owner.scope)


def _memory_id(owner: Owner, message: BaseMessage) -> str:
    return uuid.uuid5(_IDS, f"{owner.session_id or ''}\n{message.id}").hex


def _drafts(messages: Sequence[BaseMessage], owner: Owner) -> Iterator[dict[str, Any]]:
    """What user and model said to each other; tools' answers and summaries are neither's."""
    for message in messages:
        made_up = message.additional_kwargs.get("lc_source") == "summarization"
        if not isinstance(message, HumanMessage | AIMessage) or made_up:
            continue
        if str(message.text).strip():
            yield {
                "role": _ROLES[message.type],
                "content": str(message.text),
                "name": message.name if isinstance(message, HumanMessage) else None,
                "id": _memory_id(owner, message),
                "metadata": {"message_id": message.id},
            }

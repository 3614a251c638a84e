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
from agentmem.langchain.tools import create_manage_memory_tool, create_search_memory_tool
from agentmem.owner import Owner, owner_of_run
from agentmem.prompting.block import add_block_to_last, add_guide
from agentmem.prompting.rendering import chronological, number_lines, select_lines
from agentmem.prompting.retrieval import recall_memories
from agentmem_stores import AgentMemError, InvalidInputError, Scope

__all__ = ["MemoryMiddleware"]

_log = logging.getLogger("agentmem")
# The namespace of memory ids; another one would write the turns of running threads again.
_MEMORY_IDS = uuid.UUID("1f1f7a39-9a0e-4c6f-8f7e-9f7c2f3f6d52")
# It is part of tool names, for which model providers allow 64 of these characters.
_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,32}")

State = AgentState[Any]


class MemoryMiddleware(AgentMiddleware[State, Any, Any]):
    """Shows memories to the model before each call, and writes the conversation afterwards.

    Memories are part of the request to the model only, so that no state and no checkpoint
    contains them. Each message is written once, however often a run is retried, interrupted or
    resumed, because a memory's id follows from the session and the message's id. The user's
    words are written even if the model fails.

    The owner is `user_id` (and `agent_id`) in the runtime's context, else in `configurable`,
    else the controller's scope. The session is `session_id` there, else the thread.

    Args:
        memory: the controller to search and write.
        scope: the owner whatever the run says, for memories that all users share.
        k: the most memories to show.
        tools: also give the model tools to manage and search memories.
        namespace: tells several middlewares of one agent apart, in their names and in those of
            their tools; up to 32 letters, digits, `-` and `_`.
        write: whether to write conversations.
        chars: the most characters to show of each memory.

    Raises:
        InvalidInputError: `k` or `chars` is less than 1, or `namespace` has other characters.

    Example:
        >>> from langchain.agents import create_agent
        >>> from agentmem import MemoryController
        >>> from agentmem.langchain import MemoryMiddleware
        >>> from agentmem.testing import ScriptedChatModel
        >>> model = ScriptedChatModel(["What a lovely name!", "Your dog is called Biscuit."])
        >>> with MemoryController.open("./memories") as memory:
        ...     agent = create_agent(model, middleware=[MemoryMiddleware(memory)])
        ...     ada = {"configurable": {"user_id": "ada"}}
        ...     _ = agent.invoke({"messages": ["I adopted a beagle called Biscuit."]}, ada)
        ...     reply = agent.invoke({"messages": ["What is my dog called?"]}, ada)
        ...     print(reply["messages"][-1].text)
        Your dog is called Biscuit.
        >>> "I adopted a beagle called Biscuit." in model.calls[1][-1].text
        True
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
            raise InvalidInputError(f"k={k}, chars={chars}: both must be >= 1")
        if namespace and not _NAMESPACE.fullmatch(namespace):
            raise InvalidInputError(
                f"namespace={namespace!r}: must be up to 32 letters, digits, '-' and '_'"
            )
        self.memory = memory
        self.scope = scope
        self.k = k
        self.namespace = namespace
        self.write = write
        self.chars = chars
        self.tools = []
        if tools:
            suffix = f"_{namespace}" if namespace else ""
            self.tools = [
                create_manage_memory_tool(memory, scope=scope, name=f"manage_memory{suffix}"),
                create_search_memory_tool(memory, scope=scope, name=f"search_memory{suffix}"),
            ]

    @property
    def name(self) -> str:
        """The name of the middleware, with its namespace."""
        return f"MemoryMiddleware-{self.namespace}" if self.namespace else "MemoryMiddleware"

    def before_agent(self, state: State, runtime: Runtime[Any]) -> None:
        """Reject a run that names no owner, before any model is called."""
        self._owner(runtime)

    async def abefore_agent(self, state: State, runtime: Runtime[Any]) -> None:
        """Reject a run that names no owner, like `before_agent`."""
        self._owner(runtime)

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        """Call the model with the memories that bear on the user's last message."""
        try:
            return handler(self._with_memories(request))
        except GraphBubbleUp:
            raise
        except Exception:
            self._write_user_messages(request)
            raise

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model like `wrap_model_call`, without blocking the event loop."""
        try:
            return await handler(await asyncio.to_thread(self._with_memories, request))
        except GraphBubbleUp:
            raise
        except Exception:
            await asyncio.to_thread(self._write_user_messages, request)
            raise

    def after_agent(self, state: State, runtime: Runtime[Any]) -> None:
        """Write the messages of the conversation that are not written yet."""
        self._write(state["messages"], self._owner(runtime))

    async def aafter_agent(self, state: State, runtime: Runtime[Any]) -> None:
        """Write messages like `after_agent`, without blocking the event loop."""
        await asyncio.to_thread(self.after_agent, state, runtime)

    def _owner(self, runtime: Runtime[Any]) -> Owner:
        return owner_of_run(
            get_config(), runtime.context, fixed=self.scope, default=self.memory.scope
        )

    def _with_memories(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        """Return the request with memories that the conversation does not show already."""
        conversation = list(request.state["messages"])
        question = next((m for m in reversed(conversation) if isinstance(m, HumanMessage)), None)
        # Another middleware may have removed the user's messages from the request.
        addressable = any(isinstance(m, HumanMessage) for m in request.messages)
        if question is None or not addressable or not str(question.text).strip():
            return request
        owner = self._owner(request.runtime)
        context = recall_memories(
            self.memory,
            str(question.text),
            k=self.k,
            chars=self.chars,
            scope=owner.scope,
            exclude={_memory_id(owner, m) for m in [*conversation, *request.messages]},
        )
        lines = chronological(select_lines(context.hits, self.k, max_chars=self.chars))
        if not lines:
            return request
        rendered, memory_ids = number_lines(lines)
        # A call that follows the answers of tools repeats the search; that is one use, not two.
        if conversation[-1] is question:
            ids = list(memory_ids.values())
            self.memory.reinforce(context.hits, shown=ids, scope=owner.scope)
        return request.override(
            system_message=add_guide(request.system_message),
            messages=add_block_to_last(request.messages, rendered),
        )

    def _write_user_messages(self, request: ModelRequest[Any]) -> None:
        """Write at least what the user said; log a failure, which must not hide the model's."""
        try:
            messages = [m for m in request.state["messages"] if isinstance(m, HumanMessage)]
            self._write(messages, self._owner(request.runtime))
        except AgentMemError:
            _log.exception("failed to write the user's messages after the model failed")

    def _write(self, messages: Sequence[BaseMessage], owner: Owner) -> None:
        drafts = list(_drafts(messages, owner))
        if drafts and self.write:
            self.memory.add(drafts, session_id=owner.session_id, scope=owner.scope)


def _memory_id(owner: Owner, message: BaseMessage) -> str:
    return uuid.uuid5(_MEMORY_IDS, f"{owner.session_id or ''}\n{message.id}").hex


def _drafts(messages: Sequence[BaseMessage], owner: Owner) -> Iterator[dict[str, Any]]:
    """Yield what user and model said; answers of tools and generated summaries are neither."""
    for message in messages:
        is_summary = message.additional_kwargs.get("lc_source") == "summarization"
        if not isinstance(message, HumanMessage | AIMessage) or is_summary:
            continue
        if str(message.text).strip():
            yield {
                "role": message.type,
                "content": str(message.text),
                "name": message.name if isinstance(message, HumanMessage) else None,
                "id": _memory_id(owner, message),
                "metadata": {"message_id": message.id},
            }

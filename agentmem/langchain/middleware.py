"""A middleware that gives a LangChain agent a memory."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

from langchain.agents.middleware.types import (
    AgentMiddleware,
    AgentState,
    ModelRequest,
    ModelResponse,
)
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.config import get_config
from langgraph.runtime import Runtime

from agentmem import arguments
from agentmem.controller.controller import MemoryController
from agentmem.controller.intake import store_turns
from agentmem.langchain.tools import create_manage_memory_tool, create_search_memory_tool
from agentmem.langchain.values import check_memory
from agentmem.prompting.block import add_block_to_last, add_guide
from agentmem.prompting.rendering import (
    chronological,
    next_number,
    number_lines,
    select_lines,
)
from agentmem.prompting.retrieval import recall_memories
from agentmem.run_session import RunSession, session_of_run
from agentmem.writing.histories import text_digest
from agentmem.writing.identity import UNANSWERED, Sending, received_digest
from agentmem.writing.messages import Draft, to_drafts
from agentmem_stores import Scope

__all__ = ["MemoryMiddleware"]

P = ParamSpec("P")
T = TypeVar("T")

# The namespace of memory ids; another one would write the turns of running threads again.
_MEMORY_IDS = uuid.UUID("1f1f7a39-9a0e-4c6f-8f7e-9f7c2f3f6d52")
# It is part of tool names, for which model providers allow 64 of these characters.
_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,32}")
# Messages that a middleware remembers to have written, so that a long conversation is not compared
# with the store at each model call.
_MAX_WRITTEN = 10_000

State = AgentState[Any]


class MemoryMiddleware(AgentMiddleware[State, Any, Any]):
    """Writes what the user says, shows memories to the model, and writes the reply.

    Memories are part of the request to the model only, so that no state and no checkpoint
    contains them. The user's words are durable before the model is called, so a run that fails,
    is cancelled or is never resumed does not lose them; until a reply follows, their metadata
    have `unanswered`. Each message is written once, however often a run is retried, interrupted or
    resumed, because a memory's id follows from the session and the message's id. A message that
    is edited becomes a new version; one that no reply has followed yet is replaced.

    The owner is `user_id` (and `agent_id`) in the runtime's context, else in `configurable`,
    else the controller's scope. The session is `session_id` there, else the thread.

    Args:
        memory: the controller to search and write.
        scope: a fixed owner, for memories that all users share; overrides the owner of the run.
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
        check_memory(memory, scope)
        self.memory = memory
        self.scope = scope
        self.k = arguments.integer("k", k, low=1)
        self.chars = arguments.integer("chars", chars, low=1)
        self.write = arguments.flag("write", write)
        tools = arguments.flag("tools", tools)
        if not isinstance(namespace, str) or (namespace and not _NAMESPACE.fullmatch(namespace)):
            raise arguments.refusal("namespace", namespace, "up to 32 letters, digits, '-' and '_'")
        self.namespace = namespace
        self._written: dict[tuple[Scope, str | None], Draft] = {}
        self._known_as: dict[tuple[Scope, str], str] = {}
        self._revisions: dict[Scope, str] = {}
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
        """Write what the user says, before anything else can fail."""
        self._write(state["messages"], self._session(runtime))

    async def abefore_agent(self, state: State, runtime: Runtime[Any]) -> None:
        """Write what the user says like `before_agent`, even if the task is cancelled meanwhile."""
        await _in_thread(self.before_agent, state, runtime)

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        """Call the model with the memories that bear on the user's last message."""
        return handler(self._prepare(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model like `wrap_model_call`, without blocking the event loop."""
        return await handler(await _in_thread(self._prepare, request))

    def after_agent(self, state: State, runtime: Runtime[Any]) -> None:
        """Write the reply, and the messages of the run that are not written yet."""
        self._write(state["messages"], self._session(runtime), ended=True)

    async def aafter_agent(self, state: State, runtime: Runtime[Any]) -> None:
        """Write messages like `after_agent`, without blocking the event loop."""
        await _in_thread(self.after_agent, state, runtime)

    def _session(self, runtime: Runtime[Any]) -> RunSession:
        return session_of_run(
            get_config(), runtime.context, fixed=self.scope, default=self.memory.scope
        )

    def _prepare(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        """Write what a fork or another middleware has changed; return the request with memories."""
        session = self._session(request.runtime)
        self._write(request.state["messages"], session)
        return self._with_memories(request, session)

    def _with_memories(self, request: ModelRequest[Any], session: RunSession) -> ModelRequest[Any]:
        """Return the request with memories that the conversation does not show already."""
        conversation = list(request.state["messages"])
        spoken = [m for m in conversation if isinstance(m, HumanMessage | AIMessage)]
        while spoken and not isinstance(spoken[-1], HumanMessage):
            spoken.pop()
        question = spoken.pop() if spoken else None
        # Another middleware may have removed the user's messages from the request.
        addressed = next(
            (m for m in reversed(request.messages) if isinstance(m, HumanMessage)), None
        )
        if question is None or addressed is None or not str(question.text).strip():
            return request
        context = recall_memories(
            self.memory,
            str(question.text),
            before=spoken,
            k=self.k,
            chars=self.chars,
            scope=session.scope,
            exclude={
                self._turn_id(session, _memory_id(session, message))
                for message in [*conversation, *request.messages]
            },
        )
        lines = chronological(select_lines(context.hits, self.k, max_chars=self.chars))
        if not lines:
            return request
        # Another memory may have added its lines before.
        rendered, memory_ids = number_lines(lines, first=next_number(str(addressed.text)))
        # A call that follows tool results repeats the search; that is one use, not two.
        if conversation[-1] is question:
            ids = list(memory_ids.values())
            self.memory.reinforce(context.hits, shown=ids, scope=session.scope)
        return request.override(
            system_message=add_guide(request.system_message),
            messages=add_block_to_last(request.messages, rendered),
        )

    def _write(
        self, messages: Sequence[BaseMessage], session: RunSession, *, ended: bool = False
    ) -> None:
        """Write the messages of a conversation that are new or changed."""
        if not self.write:
            return
        drafts = _drafts(messages, session, ended=ended)
        self._drop_edited(drafts, session)
        written = [self._written.get(_key(session, draft)) for draft in drafts]
        first = next((n for n, d in enumerate(drafts) if written[n] != d), None)
        if first is None:
            return
        others = [self._turn_id(session, draft.id) for draft in drafts[:first]]
        # The message before shows where the new ones belong.
        sent = [
            replace(draft, id=self._turn_id(session, draft.id))
            for draft in drafts[max(first - 1, 0) :]
        ]
        services = self.memory.services
        stored = store_turns(
            services,
            arguments.owner(services, session.scope),
            session.session_id,
            sent,
            sending=Sending(
                histories=True,
                # LangGraph gives new ids to messages without one in each run.
                stable_ids=False,
                others=others,
            ),
            answered=[d.id for d in sent if d.id and UNANSWERED not in d.metadata],
        )
        if len(self._written) > _MAX_WRITTEN:
            self._written.clear()
            self._known_as.clear()
            self._revisions.clear()
        self._written.update({_key(session, draft): draft for draft in drafts})
        self._known_as.update({(session.scope, i): turn for i, turn in stored.known_as.items()})

    def _drop_edited(self, drafts: Sequence[Draft], session: RunSession) -> None:
        """Forget to have written messages that others have edited since, such as another process.

        A fork may show the former text again. What was deleted since stays deleted.
        """
        services = self.memory.services
        scope = arguments.owner(services, session.scope)
        revision = services.memories.index(scope).revision
        if self._revisions.get(session.scope) == revision:
            return
        written = {
            self._turn_id(session, d.id): d
            for d in drafts
            if self._written.get(_key(session, d)) == d
        }
        for turn in services.memories.get(scope, list(written)):
            draft = written[turn.id]
            if received_digest(turn) != text_digest(draft.text):
                del self._written[_key(session, draft)]
        self._revisions[session.scope] = revision

    def _turn_id(self, session: RunSession, message_id: str | None) -> str:
        """Return the id of the turn that a message is, which may have been sent before."""
        assert message_id is not None
        return self._known_as.get((session.scope, message_id), message_id)


def _memory_id(session: RunSession, message: BaseMessage) -> str:
    # Ids may contain anything that LangGraph lets through, such as half of a surrogate pair.
    name = f"{session.session_id or ''}\n{message.id}".encode("utf-8", "backslashreplace").decode()
    return uuid.uuid5(_MEMORY_IDS, name).hex


def _key(session: RunSession, draft: Draft) -> tuple[Scope, str | None]:
    return session.scope, draft.id


def _drafts(messages: Sequence[BaseMessage], session: RunSession, *, ended: bool) -> list[Draft]:
    """Read what user and model said; tool results and generated summaries are neither.

    Args:
        ended: whether the run has ended well, so that a message that calls tools may be the reply.
    """
    spoken = [
        message
        for message in messages
        if isinstance(message, HumanMessage | AIMessage)
        and message.additional_kwargs.get("lc_source") != "summarization"
    ]
    drafts: list[Draft] = []
    answered = False
    for message in reversed(spoken):
        is_user = isinstance(message, HumanMessage)
        metadata: dict[str, Any] = {"message_id": message.id}
        if is_user and not answered:
            metadata[UNANSWERED] = True
        form = {
            "role": message.type,
            "content": message.content,
            "refusal": message.additional_kwargs.get("refusal"),
            "name": message.name if is_user else None,
            "id": _memory_id(session, message),
            "metadata": metadata,
        }
        read = to_drafts(form, allow_empty=True)
        drafts += reversed(read)
        if isinstance(message, AIMessage):
            calls = bool(message.tool_calls)
            answered = answered or (ended if calls else bool(read))
    return drafts[::-1]


async def _in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function in a thread; once started it is carried out, even if the task is cancelled."""
    return await asyncio.shield(asyncio.to_thread(function, *args, **kwargs))

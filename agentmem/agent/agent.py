"""The agent: a chat model with a memory, as a LangChain Runnable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForChainRun,
    CallbackManagerForChainRun,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool

from agentmem import arguments
from agentmem.agent.caches import SearchCache, SummaryCache
from agentmem.agent.exchange import Exchange
from agentmem.agent.input import AgentInput, read_input
from agentmem.agent.loop import AgentLoop
from agentmem.agent.runner import arun, run
from agentmem.agent.tools import Toolbox
from agentmem.models.local_model import LocalChatModel
from agentmem.prompting.builder import PromptBuilder
from agentmem.prompting.retrieval import profile_line
from agentmem.prompting.styles import CAPABLE, SMALL, PromptStyle
from agentmem.prompting.tokens import count_tokens
from agentmem.recall.context import Context
from agentmem.run_session import session_of_config
from agentmem_retrievers import SearchResult
from agentmem_stores import InvalidScopeError, Scope

if TYPE_CHECKING:
    from agentmem.client import Client
    from agentmem.controller.controller import MemoryController

__all__ = ["Agent"]


class Agent(Runnable[AgentInput, AIMessage]):
    """A chat model that remembers both sides of every conversation.

    In each exchange the agent searches the memory for what bears on the user's words, writes
    those words, calls the model with a prompt within its token budget, runs the tools that the
    model calls until it replies, and writes the reply. The user's words are durable before the
    model is called. Of an interrupted reply, what has arrived is stored. Traces show runs named
    `recall`, `write` and `reflect`, the model, and each tool.

    The owner and the session come from `config={"configurable": {"user_id": ..., "agent_id":
    ..., "session_id": ...}}`; the defaults are the memory's own scope and its open session.

    Input is a text, a message, a list of messages or `{"messages": [...]}`. In a list, the user's
    messages after the last reply are new; the model sees those before instead of the session's
    history. Output is an `AIMessage` whose `response_metadata["agentmem"]` has the keys
    `session_id`, `confidence` (of the search, in [0, 1]), `recalled` (id, score and retention of
    each hit), `shown` (the memory id for each id in the prompt), `cited` (memory ids) and
    `finished`.

    Args:
        model: any LangChain chat model.
        memory: the controller to search and write.
        tools: LangChain tools, or functions with type hints and a docstring.
        k: how many memories to search for; by default 8, or 5 for the local model.
        token_budget: the most tokens of a prompt; by default 4000, or 1200 for the local model.
        system_prompt: who the assistant is; goes before what the style says about memories.
        style: the texts around the memories in the prompt; by default one that suits the model.
        max_steps: the maximum number of model calls in one exchange.
        profile: returns a line about a user for every prompt, or None; by default the best
            remembered lines of `memory.profile`.
        cite: ask the model to cite memories by id, as in [m1]. With or without `cite`, citations in
            a reply are reported by `MemoryController.feedback`, and removed from what is stored.
        abstain_below: reply `style.unknown_reply` to a question, without calling the model, if
            the confidence of the search is below this, in [0, 1]; None never abstains.
        timeout: seconds to wait for the model's next chunk before `TimeoutError` is raised; what
            has arrived by then is written as interrupted. None leaves it to the model's client.
        count: returns the number of tokens of messages; by default an estimate.

    Raises:
        InvalidInputError: there are tools but the model cannot call any, or a number is out of
            range.

    Example:
        >>> from agentmem import Agent, MemoryController, Scope
        >>> from agentmem.testing import ScriptedChatModel
        >>> model = ScriptedChatModel(["What a lovely name!", "Your dog is called Biscuit."])
        >>> with MemoryController.open("./memories", scope=Scope(user_id="ada")) as memory:
        ...     agent = Agent(model, memory)
        ...     _ = agent.invoke("I adopted a beagle called Biscuit.")
        ...     reply = agent.invoke("What is my dog called?")
        ...     print(reply.text)
        ...     print(len(memory.get_all()))
        Your dog is called Biscuit.
        4
    """

    def __init__(
        self,
        model: BaseChatModel,
        memory: MemoryController | Client,
        tools: Sequence[BaseTool | Callable[..., Any]] = (),
        *,
        k: int | None = None,
        token_budget: int | None = None,
        system_prompt: str | None = None,
        style: PromptStyle | None = None,
        max_steps: int = 8,
        profile: Callable[[Scope], str | None] | None = None,
        cite: bool = False,
        abstain_below: float | None = None,
        timeout: float | None = None,
        count: Callable[[Sequence[BaseMessage]], int] = count_tokens,
    ) -> None:
        model = _checked(model, memory)
        style = _style(style, system_prompt, model, cite=arguments.flag("cite", cite))
        k = style.k if k is None else arguments.integer("k", k, low=1)
        max_steps = arguments.integer("max_steps", max_steps, low=1)
        token_budget = arguments.integer("token_budget", token_budget, low=1, optional=True)
        abstain_below = arguments.number(
            "abstain_below", abstain_below, low=0, high=1, optional=True
        )
        timeout = arguments.seconds("timeout", timeout)
        profile = arguments.function("profile", profile, optional=True)
        count = arguments.function("count", count)
        toolbox = Toolbox(tools)
        self.model = model
        self.memory = memory
        self.tools = toolbox.tools
        self._results = SearchCache()
        summaries = SummaryCache()
        memory.add_listener(self._results)
        memory.add_listener(summaries)
        self._loop = AgentLoop(
            model=toolbox.bind(model),
            memory=memory,
            toolbox=toolbox,
            prompts=PromptBuilder(
                style=style,
                token_budget=style.token_budget if token_budget is None else token_budget,
                count=count,
                reserved=toolbox.tokens,
                summarize=summaries,
            ),
            results=self._results,
            k=k,
            max_steps=max_steps,
            profile=profile or partial(profile_line, memory),
            abstain_below=abstain_below,
            timeout=timeout,
        )

    def recall_for(
        self, session_id: str | None = None, *, scope: Scope | None = None
    ) -> SearchResult | None:
        """Return the search result behind the last reply of a session, with contributions.

        Args:
            session_id: by default the session in which the scope spoke last.
            scope: by default the memory's own.

        Returns:
            None if the session has had no exchange, or if a memory in the result was deleted.

        Raises:
            InvalidScopeError: neither `scope` nor the memory names an owner.
            InvalidInputError: `session_id` is not a string.

        Example:
            >>> from agentmem import Agent
            >>> from agentmem.testing import ScriptedChatModel
            >>> _ = memory.add("I adopted a beagle called Biscuit.", session_id="monday")
            >>> agent = Agent(ScriptedChatModel(["Biscuit."]), memory)
            >>> config = {"configurable": {"session_id": "tuesday"}}
            >>> reply = agent.invoke("What is my dog called?", config)
            >>> agent.recall_for("tuesday")[0].memory.text
            'I adopted a beagle called Biscuit.'
        """
        context = self.context_for(session_id, scope=scope)
        return None if context is None else context.hits

    def context_for(
        self, session_id: str | None = None, *, scope: Scope | None = None
    ) -> Context | None:
        """Return what was recalled for the last reply of a session; see `recall_for`.

        Example:
            >>> from agentmem import Agent
            >>> from agentmem.testing import ScriptedChatModel
            >>> _ = memory.add("I adopted a beagle called Biscuit.", session_id="monday")
            >>> agent = Agent(ScriptedChatModel(["Biscuit."]), memory)
            >>> config = {"configurable": {"session_id": "tuesday"}}
            >>> reply = agent.invoke("What is my dog called?", config)
            >>> str(agent.context_for("tuesday").routing)
            'a precise question, worth 5 turns'
        """
        owner = self.memory.scope if scope is None else scope
        if not isinstance(owner, Scope):
            raise InvalidScopeError(f"scope={owner!r} must be a Scope")
        if session_id is not None:
            session_id = arguments.string("session_id", session_id)
        return self._results.last(owner, session_id)

    def invoke(
        self,
        input: AgentInput,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Reply to a message; see the class for input and output.

        Raises:
            EmptyTextError: the user's message is empty.
            InvalidInputError: the input has a form that LangChain does not know, or does not end
                with the user's message.
            InvalidScopeError: neither the config nor the memory names an owner.
            TimeoutError: the model's next chunk took longer than `timeout`.
        """
        return self._call_with_config(self._invoke, input, config, **kwargs)

    async def ainvoke(
        self,
        input: AgentInput,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Reply to a message like `invoke`, without blocking the event loop."""
        return await self._acall_with_config(self._ainvoke, input, config, **kwargs)

    def stream(
        self,
        input: AgentInput,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessage]:
        """Yield the reply chunk by chunk as it arrives; the last chunk has the metadata.

        Example:
            >>> from agentmem import Agent
            >>> from agentmem.testing import ScriptedChatModel
            >>> agent = Agent(ScriptedChatModel(["Hello, Ada."]), memory)
            >>> [chunk.text for chunk in agent.stream("I am Ada.")]
            ['Hello,', ' Ada.', '']
        """
        yield from self._transform_stream_with_config(iter([input]), self._stream, config, **kwargs)

    async def astream(
        self,
        input: AgentInput,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessage]:
        """Yield the reply chunk by chunk like `stream`, without blocking the event loop."""

        async def inputs() -> AsyncIterator[AgentInput]:
            yield input

        chunks = self._atransform_stream_with_config(inputs(), self._astream, config, **kwargs)
        async for chunk in chunks:
            yield chunk

    def _exchange(self, value: AgentInput, config: RunnableConfig) -> Exchange:
        agent_input = read_input(value)
        session = session_of_config(config, default=self.memory.scope)
        return Exchange(agent_input, session.scope, session.session_id)

    # LangChain inspects the parameter names of these methods to decide what to pass.
    def _invoke(
        self, value: AgentInput, run_manager: CallbackManagerForChainRun, config: RunnableConfig
    ) -> AIMessage:
        exchange = self._exchange(value, config)
        for _ in run(self._loop.steps(exchange), exchange, config, stream=False):
            pass
        return exchange.to_message()

    async def _ainvoke(
        self,
        value: AgentInput,
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
    ) -> AIMessage:
        exchange = self._exchange(value, config)
        async for _ in arun(self._loop.steps(exchange), exchange, config, stream=False):
            pass
        return exchange.to_message()

    def _stream(
        self,
        values: Iterator[AgentInput],
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
    ) -> Iterator[AIMessage]:
        for value in values:
            exchange = self._exchange(value, config)
            for text in run(self._loop.steps(exchange), exchange, config, stream=True):
                yield AIMessageChunk(content=text)
            yield exchange.last_chunk()

    async def _astream(
        self,
        values: AsyncIterator[AgentInput],
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
    ) -> AsyncIterator[AIMessage]:
        async for value in values:
            exchange = self._exchange(value, config)
            async for text in arun(self._loop.steps(exchange), exchange, config, stream=True):
                yield AIMessageChunk(content=text)
            yield exchange.last_chunk()


def _checked(model: Any, memory: Any) -> BaseChatModel:
    if not hasattr(model, "invoke"):
        raise arguments.refusal("model", model, "a LangChain chat model")
    if isinstance(memory, type) or not hasattr(memory, "add_turns"):
        raise arguments.refusal("memory", memory, "a MemoryController or a Client")
    chat_model: BaseChatModel = model
    return chat_model


def _style(
    style: PromptStyle | None, system_prompt: Any, model: BaseChatModel, *, cite: bool
) -> PromptStyle:
    """Return the words around the memories, with what the caller adds."""
    if style is None:
        style = SMALL if isinstance(model, LocalChatModel) else CAPABLE
    elif not isinstance(style, PromptStyle):
        raise arguments.refusal("style", style, "a PromptStyle or None")
    if system_prompt is not None:
        system_prompt = arguments.string("system_prompt", system_prompt, allow_empty=True)
        style = replace(style, system=f"{system_prompt}\n\n{style.system}")
    if cite:
        style = replace(style, system=f"{style.system}\n{style.citation_guide}")
    return style

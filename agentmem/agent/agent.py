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

from agentmem.agent.exchange import Exchange
from agentmem.agent.input import AgentInput, read_input, scope_of, session_of
from agentmem.agent.recall_log import RecallLog
from agentmem.agent.runner import adrive, drive
from agentmem.agent.running_summary import RunningSummary
from agentmem.agent.steps import AgentSteps
from agentmem.agent.tool_calls import Toolbox
from agentmem.models.local_model import LocalChatModel
from agentmem.prompting.builder import PromptBuilder
from agentmem.prompting.portrait import portrait_line
from agentmem.prompting.styles import CAPABLE, SMALL, PromptStyle
from agentmem.prompting.tokens import count_tokens
from agentmem_retrievers import SearchResult
from agentmem_stores import InvalidInputError, Scope

if TYPE_CHECKING:
    from agentmem.controller.controller import MemoryController

__all__ = ["Agent"]


class Agent(Runnable[AgentInput, AIMessage]):
    """Answers with a chat model, and remembers both sides of the conversation.

    Each exchange recalls what bears on the user's words, stores them, asks the model with a
    prompt that keeps to its budget, runs the tools it calls until it answers, and stores the
    answer. The user's words are durable before the model is asked; what it had said when it was
    interrupted is stored too. Traces show runs named `recall` and `write`, the model, and each
    tool.

    Whose memories and which session is said by `config={"configurable": {"user_id": ...,
    "agent_id": ..., "session_id": ...}}`; by default the memory's own scope and its open session.

    Input is a text, a message, a list of messages or `{"messages": [...]}`; of several messages,
    those after the last reply are new, and those before are shown to the model in place of what
    the session holds. Output is an `AIMessage`, whose `response_metadata["agentmem"]` names the
    session, the memories recalled, shown and cited, and how sure the search was; `recall_for`
    returns the `Recall`.

    Args:
        model: any chat model of LangChain.
        memory: where it remembers.
        tools: LangChain tools, or functions with type hints and a docstring.
        k: how many memories are recalled; by default what suits the model.
        token_budget: the most tokens of a prompt; by default what suits the model.
        system_prompt: who the assistant is; goes before what the style says about memories.
        style: the words around the memories; by default what suits the model.
        max_steps: how often the model is asked in one exchange.
        profile: returns a line about a user that goes into every prompt; by default the best
            remembered of `memory.profile`.
        cite: have the model say by ids such as [m1] which memories a reply rests on; what is cited
            is learned from (`MemoryController.feedback`). Ids in a reply are understood in any
            case, and left out of what is stored of it.
        abstain_below: answer a question with `style.unknown`, without asking the model, where
            the search is less confident than this, in [0, 1]; None for never.
        timeout: how many seconds to wait for the model's next words; then `TimeoutError` is raised,
            and what it had said is stored as interrupted. By default as long as the model's own
            client waits.
        count: returns the number of tokens of a list of messages; by default an estimate.

    Raises:
        InvalidInputError: the model cannot call tools though there are some, or a number is out
            of its range.
    """

    def __init__(
        self,
        model: BaseChatModel,
        memory: MemoryController,
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
        style = style or (SMALL if isinstance(model, LocalChatModel) else CAPABLE)
        if system_prompt is not None:
            style = replace(style, system=f"{system_prompt}\n\n{style.system}")
        if cite:
            style = replace(style, system=f"{style.system}\n{style.citing}")
        if abstain_below is not None and not 0 <= abstain_below <= 1:
            raise InvalidInputError(f"abstain_below={abstain_below} must be in [0, 1], or None")
        if timeout is not None and not timeout > 0:
            raise InvalidInputError(f"timeout={timeout} must be above 0 seconds, or None")
        k = style.k if k is None else k
        if k < 1 or max_steps < 1:
            raise InvalidInputError(f"k={k} and max_steps={max_steps} must be at least 1")
        toolbox = Toolbox(tools)
        self.model = model
        self.memory = memory
        self.tools = toolbox.tools
        self._recalls = RecallLog()
        self._summary = RunningSummary()
        memory.services.add_listener(self._recalls)
        memory.services.add_listener(self._summary)
        self._steps = AgentSteps(
            model=toolbox.bind(model),
            memory=memory,
            toolbox=toolbox,
            prompts=PromptBuilder(
                style=style,
                token_budget=style.token_budget if token_budget is None else token_budget,
                count=count,
                reserved=toolbox.tokens,
                summarise=self._summary,
            ),
            recalls=self._recalls,
            k=k,
            max_steps=max_steps,
            profile=profile or partial(portrait_line, memory),
            abstain_below=abstain_below,
            timeout=timeout,
        )

    def recall_for(
        self, session_id: str | None = None, *, scope: Scope | None = None
    ) -> SearchResult | None:
        """Return what was recalled for the last reply in a session, explained.

        Args:
            session_id: by default the one in which the scope spoke last.
            scope: by default the memory's own.
        """
        return self._recalls.last(scope or self.memory.scope, session_id)

    def invoke(
        self,
        input: AgentInput,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Answer; see the class for input and output."""
        return self._call_with_config(self._invoke, input, config, **kwargs)

    async def ainvoke(
        self,
        input: AgentInput,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Do what `invoke` does, without blocking the event loop."""
        return await self._acall_with_config(self._ainvoke, input, config, **kwargs)

    def stream(
        self,
        input: AgentInput,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessage]:
        """Answer piece by piece, as the model speaks; the last piece holds the metadata."""
        yield from self._transform_stream_with_config(iter([input]), self._stream, config, **kwargs)

    async def astream(
        self,
        input: AgentInput,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessage]:
        """Do what `stream` does, without blocking the event loop."""

        async def inputs() -> AsyncIterator[AgentInput]:
            yield input

        pieces = self._atransform_stream_with_config(inputs(), self._astream, config, **kwargs)
        async for piece in pieces:
            yield piece

    def _exchange(self, given: AgentInput, config: RunnableConfig) -> Exchange:
        return Exchange(
            incoming=read_input(given),
            scope=scope_of(config, self.memory.scope),
            session_id=session_of(config),
        )

    # LangChain tells by the names of these methods' arguments what to call them with.
    def _invoke(
        self, given: AgentInput, run_manager: CallbackManagerForChainRun, config: RunnableConfig
    ) -> AIMessage:
        exchange = self._exchange(given, config)
        for _ in drive(self._steps.of(exchange), exchange, config, stream=False):
            pass
        return exchange.result()

    async def _ainvoke(
        self,
        given: AgentInput,
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
    ) -> AIMessage:
        exchange = self._exchange(given, config)
        async for _ in adrive(self._steps.of(exchange), exchange, config, stream=False):
            pass
        return exchange.result()

    def _stream(
        self,
        inputs: Iterator[AgentInput],
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
    ) -> Iterator[AIMessage]:
        for given in inputs:
            exchange = self._exchange(given, config)
            for text in drive(self._steps.of(exchange), exchange, config, stream=True):
                yield AIMessageChunk(content=text)
            yield exchange.last_piece()

    async def _astream(
        self,
        inputs: AsyncIterator[AgentInput],
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
    ) -> AsyncIterator[AIMessage]:
        async for given in inputs:
            exchange = self._exchange(given, config)
            async for text in adrive(self._steps.of(exchange), exchange, config, stream=True):
                yield AIMessageChunk(content=text)
            yield exchange.last_piece()

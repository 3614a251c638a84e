"""The agent loop: search, write the user's words, call model and tools, write the reply."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from agentmem.agent.caches import SearchCache
from agentmem.agent.exchange import Exchange
from agentmem.agent.grounding import quotation, unsupported_terms
from agentmem.agent.intent import needs_memory, open_goals
from agentmem.agent.runner import Step, Steps
from agentmem.agent.tools import Toolbox
from agentmem.prompting.builder import PromptBuilder, PromptParts
from agentmem.prompting.questions import is_question, wants_answer
from agentmem.prompting.rendering import strip_citations
from agentmem.prompting.retrieval import MAX_BEFORE, recall_memories
from agentmem.recall.context import Context
from agentmem.writing.identity import UNANSWERED
from agentmem.writing.messages import to_drafts
from agentmem_retrievers import SearchResult
from agentmem_stores import Granularity, Scope

if TYPE_CHECKING:
    from agentmem.client import Client
    from agentmem.controller.controller import MemoryController

__all__ = ["AgentLoop"]

# Reading a session costs time in proportion to its turns; a search still finds older ones.
_MAX_TURNS_READ = 500
# Confidence of a search from which on its best memory is worth quoting: a quotation beside the
# point does less harm than an invention.
_SURE = 0.35


@dataclass(frozen=True)
class AgentLoop:
    """The steps of an exchange.

    It holds no state of any exchange, so that many can run at once. What touches the memory runs
    as a named `RunnableLambda`, which traces show and `ainvoke` moves to a thread.
    """

    model: Runnable[Any, AIMessage]
    memory: MemoryController | Client
    toolbox: Toolbox
    prompts: PromptBuilder
    results: SearchCache
    k: int
    max_steps: int
    profile: Callable[[Scope], str | None]
    abstain_below: float | None = None
    timeout: float | None = None

    def steps(self, exchange: Exchange) -> Steps:
        """Yield the steps of an exchange, which collects what comes of them."""
        recall = RunnableLambda(partial(self._recall, exchange), name="recall")
        write = RunnableLambda(partial(self._write, exchange), name="write")
        reflect = RunnableLambda(partial(self._reflect, exchange), name="reflect")
        try:
            exchange.context = yield Step(recall, exchange.agent_input.query)
        finally:
            # Whatever fails now or later, the user's words are durable.
            if not exchange.is_retry:
                yield Step(write, exchange.writable, finish=True)
        if exchange.context is not None and exchange.session_id is not None:
            self.results.put(exchange.scope, exchange.session_id, exchange.context)
        try:
            yield from self._answer(exchange)
        finally:
            text = strip_citations(exchange.text)
            if text.strip():
                yield Step(write, [AIMessage(text)], finish=True)
        if exchange.result is not None:
            yield Step(reflect, exchange.result)

    def _answer(self, exchange: Exchange) -> Steps:
        if self._abstains(exchange):
            unknown = AIMessage(self.prompts.style.unknown_reply)
            yield Step(RunnableLambda(lambda _: unknown), [], is_model=True)
            exchange.complete()
            return
        for _ in range(self.max_steps):
            prompt = self._prompt(exchange)
            yield Step(self._answerer(exchange), prompt, is_model=True, timeout=self.timeout)
            message = exchange.complete()
            if exchange.reply:
                return
            exchange.tool_messages += self.toolbox.invalid(message)
            for call in message.tool_calls:
                exchange.tool_messages.append((yield from self._call_tool(call)))

    def _answerer(self, exchange: Exchange) -> Runnable[Any, Any]:
        """Return the model, or, for a question that memories answer, one that may quote them."""
        style, result = self.prompts.style, exchange.result
        asks = is_question(exchange.agent_input.query)
        if not (style.quotes and asks and result is not None and result.confidence >= _SURE):
            return self.model
        memory_ids = frozenset(exchange.memory_ids.values())
        memories = [hit.memory for hit in result if hit.memory.id in memory_ids]
        if not memories:
            return self.model

        def answer(prompt: list[BaseMessage], config: RunnableConfig) -> AIMessage:
            reply = self.model.invoke(prompt, config)
            if unsupported_terms(str(reply.text), exchange.agent_input.query, memories):
                return AIMessage(quotation(memories[0], style.memory_chars))
            return reply

        return RunnableLambda(answer)

    def _abstains(self, exchange: Exchange) -> bool:
        """Whether the user asks for something that no memory is likely to answer."""
        result = exchange.result
        # A confidence of 0 means that the scope is empty, so that nothing was compared.
        if self.abstain_below is None or result is None or not result.confidence:
            return False
        return result.confidence < self.abstain_below and is_question(exchange.agent_input.query)

    def _call_tool(self, call: ToolCall) -> Generator[Step, Any, ToolMessage]:
        tool = self.toolbox.get(call["name"])
        if tool is None:
            return self.toolbox.unknown(call)
        try:
            result = yield Step(tool, {**call, "type": "tool_call"})
        except Exception as error:
            # The model reads the error, and can call the tool in another way or reply without it.
            return self.toolbox.failed(call, error)
        if isinstance(result, ToolMessage):
            return result
        return ToolMessage(str(result), tool_call_id=call["id"], name=call["name"])

    def _prompt(self, exchange: Exchange) -> list[BaseMessage]:
        agent_input = exchange.agent_input
        prompt = self.prompts.build(
            PromptParts(
                new=[*agent_input.new, *exchange.tool_messages],
                now=self.memory.clock(),
                hits=exchange.result or (),
                turns=exchange.history,
                context=agent_input.context,
                profile=exchange.profile,
                goals=open_goals(exchange.history),
                plan=exchange.plan,
                system=agent_input.system,
            )
        )
        exchange.memory_ids = prompt.memory_ids
        return prompt.messages

    def _recall(self, exchange: Exchange, query: str) -> Context:
        memory, scope = self.memory, exchange.scope
        self._read_history(exchange)
        exchange.profile = self.profile(scope)
        if not query or not needs_memory(query):
            return Context.nothing(SearchResult(query, (), 0.0, memory.clock()))
        exchange.set_plan(memory.plans(query, k=1, scope=scope))
        chars = self.prompts.style.memory_chars
        turns = exchange.history[-MAX_BEFORE:]
        # An answer may cite a turn of this conversation; what comes to mind must be news.
        repeated = () if wants_answer(query) else turns
        return recall_memories(
            memory,
            query,
            before=exchange.agent_input.context or [(turn.role, turn.text) for turn in turns],
            exclude=[turn.id for turn in repeated],
            k=self.k,
            chars=chars,
            scope=scope,
            explain=True,
        )

    def _read_history(self, exchange: Exchange) -> None:
        session_id = exchange.session_id or self.memory.open_session(scope=exchange.scope)
        if session_id is not None:
            turns = self.memory.get_all(
                scope=exchange.scope,
                session_id=session_id,
                granularity=Granularity.TURN,
                limit=_MAX_TURNS_READ,
            )
            exchange.set_history(turns)
            if exchange.n_known:
                exchange.session_id = session_id

    def _write(self, exchange: Exchange, messages: Sequence[BaseMessage]) -> list[str]:
        """Write the user's messages, or the reply as far as it has arrived."""
        is_question = isinstance(messages[0], HumanMessage)
        if is_question and exchange.context is None:
            # The recall was cancelled, perhaps before it saw that this is a retry.
            self._read_history(exchange)
            if exchange.is_retry:
                return []
        metadata = {"interrupted": True} if exchange.text and exchange.reply is None else {}
        drafts = to_drafts(messages, metadata={UNANSWERED: True} if is_question else metadata)
        if is_question:
            drafts = drafts[exchange.n_known :]
        turns = self.memory.add_turns(
            drafts,
            session_id=exchange.session_id,
            answered=[] if is_question or metadata else exchange.question_ids,
            scope=exchange.scope,
        )
        if is_question:
            # A message whose id is known is not written again.
            exchange.question_ids += [d.id for d in drafts if d.id] + [turn.id for turn in turns]
        if turns and exchange.session_id is None:
            exchange.session_id = turns[0].session_id
        return [turn.id for turn in turns]

    def _reflect(self, exchange: Exchange, result: SearchResult) -> None:
        """Strengthen what the prompt showed, learn from citations, and score the plan."""
        memory, scope = self.memory, exchange.scope
        ids = list(exchange.memory_ids.values())
        memory.reinforce(result, shown=ids, scope=scope)
        if exchange.citations:
            memory.feedback(result, cited=exchange.citations, shown=ids, scope=scope)
        if exchange.plan is not None and exchange.follows_plan:
            memory.plan_went(exchange.plan.id, exchange.succeeded, scope=scope)

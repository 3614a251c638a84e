"""What an agent does in one exchange, step by step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.runnables.config import run_in_executor

from agentmem.agent.activation import is_question, needs_memory
from agentmem.agent.citations import without_citations
from agentmem.agent.exchange import Exchange, nothing
from agentmem.agent.goals import open_goals
from agentmem.agent.recall_log import RecallLog
from agentmem.agent.runner import Step, Steps
from agentmem.agent.tool_calls import Toolbox
from agentmem.prompting.builder import PromptBuilder, PromptParts
from agentmem.writing.messages import storable
from agentmem_retrievers import SearchResult
from agentmem_stores import Granularity, Scope

if TYPE_CHECKING:
    from agentmem.controller.controller import MemoryController

__all__ = ["AgentSteps"]

# Turns before these are still found by recalling them.
_TURNS_READ = 500


@dataclass(frozen=True)
class AgentSteps:
    """Recall, remember the question, ask the model, run tools, remember the reply.

    Holds nothing of any exchange, so many may go on at once.
    """

    model: Runnable[Any, AIMessage]
    memory: MemoryController
    toolbox: Toolbox
    prompts: PromptBuilder
    recalls: RecallLog
    k: int
    max_steps: int
    profile: Callable[[Scope], str | None]
    abstain_below: float | None = None
    timeout: float | None = None

    def of(self, exchange: Exchange) -> Steps:
        """Yield the steps of an exchange; it takes up what comes of them."""
        write = self._write(exchange)
        try:
            exchange.recall = yield Step(self._recall(exchange), exchange.incoming.query)
        finally:
            # Whatever fails now or later, what the user said is not lost.
            if not exchange.repeated:
                yield Step(write, exchange.questions())
        if exchange.recall is not None and exchange.session_id is not None:
            self.recalls.note(exchange.scope, exchange.session_id, exchange.recall)
        try:
            yield from self._answer(exchange)
        finally:
            said = storable(without_citations(exchange.said))
            if said.strip():
                yield Step(write, [AIMessage(said)])
        if exchange.recall is not None:
            yield Step(self._reflect(exchange), exchange.recall)

    def _answer(self, exchange: Exchange) -> Steps:
        if self._abstains(exchange):
            yield Step(RunnableLambda(lambda _: AIMessage(self.prompts.style.unknown)), [], True)
            exchange.complete()
            return
        for _ in range(self.max_steps):
            yield Step(self.model, self._prompt(exchange), spoken=True, timeout=self.timeout)
            message = exchange.complete()
            if exchange.reply:
                return
            exchange.steps += self.toolbox.refusals(message)
            for call in message.tool_calls:
                exchange.steps.append((yield from self._call(call)))

    def _abstains(self, exchange: Exchange) -> bool:
        """Whether the user asks for something that nothing remembered is likely to answer."""
        recall = exchange.recall
        # A confidence of 0 means that there was nothing to look at.
        if self.abstain_below is None or recall is None or not recall.confidence:
            return False
        return recall.confidence < self.abstain_below and is_question(exchange.incoming.query)

    def _call(self, call: ToolCall) -> Generator[Step, Any, ToolMessage]:
        tool = self.toolbox.get(call["name"])
        if tool is None:
            return self.toolbox.unknown(call)
        try:
            result = yield Step(tool, {**call, "type": "tool_call"})
        except Exception as error:
            return self.toolbox.failed(call, error)
        return self.toolbox.answer(call, result)

    def _prompt(self, exchange: Exchange) -> list[BaseMessage]:
        incoming = exchange.incoming
        prompt = self.prompts.build(
            PromptParts(
                new=[*incoming.new, *exchange.steps],
                now=self.memory.clock(),
                recalled=exchange.recall or (),
                turns=exchange.turns,
                context=incoming.context,
                profile=exchange.profile,
                goals=open_goals(exchange.turns),
                plan=exchange.plan,
                system=incoming.system,
            )
        )
        exchange.shown = prompt.shown
        return prompt.messages

    def _recall(self, exchange: Exchange) -> Runnable[str, SearchResult]:
        memory, scope = self.memory, exchange.scope
        options: dict[str, Any] = {
            "k": self.k,
            "scope": scope,
            "explain": True,
            # What is not put before the model is not strengthened.
            "reinforce": False,
        }

        def recall(query: str) -> SearchResult:
            if exchange.session_id is not None:
                exchange.follow(memory.get_all(**_turns_of(exchange)))
            exchange.profile = self.profile(scope)
            if not needs_memory(query):
                return nothing(query, memory.clock())
            exchange.offer(memory.plans(query, k=1, scope=scope))
            return memory.search(query, **options)

        async def arecall(query: str) -> SearchResult:
            if exchange.session_id is not None:
                exchange.follow(await memory.aget_all(**_turns_of(exchange)))
            exchange.profile = await run_in_executor(None, self.profile, scope)
            if not needs_memory(query):
                return nothing(query, memory.clock())
            exchange.offer(await memory.aplans(query, k=1, scope=scope))
            return await memory.asearch(query, **options)

        return RunnableLambda(recall, arecall, name="recall")

    def _reflect(self, exchange: Exchange) -> Runnable[SearchResult, None]:
        """Strengthen what was shown, learn from what was cited, and say how the plan went."""
        memory, scope = self.memory, exchange.scope
        shown = list(exchange.shown.values())

        def reflect(recall: SearchResult) -> None:
            memory.reinforce(recall, shown=shown, scope=scope)
            if exchange.cited:
                memory.feedback(recall, cited=exchange.cited, shown=shown, scope=scope)
            if exchange.plan is not None and exchange.followed:
                memory.plan_went(exchange.plan.id, exchange.went_well, scope=scope)

        async def areflect(recall: SearchResult) -> None:
            await memory.areinforce(recall, shown=shown, scope=scope)
            if exchange.cited:
                await memory.afeedback(recall, cited=exchange.cited, shown=shown, scope=scope)
            if exchange.plan is not None and exchange.followed:
                await memory.aplan_went(exchange.plan.id, exchange.went_well, scope=scope)

        return RunnableLambda(reflect, areflect, name="reflect")

    def _write(self, exchange: Exchange) -> Runnable[Sequence[BaseMessage], list[str]]:
        memory = self.memory

        def write(messages: Sequence[BaseMessage]) -> list[str]:
            written = memory.add(list(messages), **_place_of(exchange))
            if written and exchange.session_id is None:
                exchange.session_id = written[0].session_id
                exchange.follow(memory.get_all(**_turns_of(exchange)))
            return [turn.id for turn in written]

        async def awrite(messages: Sequence[BaseMessage]) -> list[str]:
            written = await memory.aadd(list(messages), **_place_of(exchange))
            if written and exchange.session_id is None:
                exchange.session_id = written[0].session_id
                exchange.follow(await memory.aget_all(**_turns_of(exchange)))
            return [turn.id for turn in written]

        return RunnableLambda(write, awrite, name="write")


def _turns_of(exchange: Exchange) -> dict[str, Any]:
    return {
        "scope": exchange.scope,
        "session_id": exchange.session_id,
        "granularity": Granularity.TURN,
        "limit": _TURNS_READ,
    }


def _place_of(exchange: Exchange) -> dict[str, Any]:
    interrupted = bool(exchange.said) and exchange.reply is None
    return {
        "scope": exchange.scope,
        "session_id": exchange.session_id,
        "metadata": {"interrupted": True} if interrupted else None,
    }

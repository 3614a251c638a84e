"""Random sequences of calls, failures, cancellations, retries, forks and resumes lose no word.

`make sequences` runs more of them.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from agentmem import Agent, Granularity, Memory, MemoryController, Scope
from agentmem.langchain import MemoryMiddleware
from agentmem.testing import ManualClock, ScriptedChatModel
from tests.agentmem.langchain.conftest import new_memory

ADA = Scope("ada")
N_SEQUENCES = int(os.environ.get("AGENTMEM_SEQUENCES", "2000"))
CONFIG: Any = {"configurable": {"user_id": "ada", "thread_id": "t"}}
CALL = AIMessage("Let me look.", tool_calls=[{"name": "look", "args": {}, "id": "c"}])


class GoneError(Exception):
    """The model or a tool fails."""


@tool
def look() -> str:
    """Look something up."""
    return "42"


@tool("look")
def broken_look() -> str:
    """Look something up."""
    raise GoneError


OUTCOMES = ("reply", "tool", "model fails", "tool fails", "abandoned", "not resumed", "cancelled")
STEPS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(OUTCOMES), st.integers(0, 40)),
    st.tuples(st.just("edit"), st.sampled_from(("reply", "model fails")), st.integers(0, 3)),
    st.tuples(st.just("again"), st.sampled_from(("reply", "model fails")), st.integers(0, 3)),
    st.tuples(st.just("resume"), st.just("reply"), st.just(0)),
)


@dataclass
class Conversation:
    """One thread, whose agents come and go while memory and checkpoints stay."""

    memory: MemoryController
    saver: Any
    count: int = 0
    asked: set[str] = field(default_factory=set)

    def agent(self, outcome: str) -> Any:
        self.count += 1
        reply = f"Reply {self.count}."
        script: list[Any] = [self.watched(reply)]
        if outcome in {"tool", "tool fails", "not resumed"}:
            call = CALL.model_copy(update={"id": f"call {self.count}"})
            script = [self.watched(call), self.watched(reply)]
        if outcome == "model fails":
            script = [self.watched(GoneError())]
        return create_agent(
            ScriptedChatModel(script),
            [broken_look if outcome == "tool fails" else look],
            middleware=[MemoryMiddleware(self.memory)],
            checkpointer=self.saver,
            interrupt_before=["tools"] if outcome == "not resumed" else None,
        )

    def watched(self, response: Any) -> Any:
        """Respond, after noting what the memory has while the model is called."""

        def respond(messages: list[Any]) -> Any:
            question = [m for m in messages if isinstance(m, HumanMessage)][-1]
            self.asked.add(str(question.id))
            assert any(turn.metadata["message_id"] == question.id for turn in self.turns())
            return response

        return respond

    def turns(self) -> list[Memory]:
        return self.memory.get_all(scope=ADA, granularity=Granularity.TURN, limit=None)

    def run(self, outcome: str, value: Any, config: Any, steps: int) -> None:
        agent = self.agent(outcome)
        with suppress(GoneError):
            if outcome == "abandoned":
                for _ in zip(agent.stream(value, config), range(1), strict=False):
                    pass
            elif outcome == "cancelled":
                asyncio.run(self.cancelled(agent, value, config, steps))
            else:
                agent.invoke(value, config)

    async def cancelled(self, agent: Any, value: Any, config: Any, steps: int) -> None:
        task = asyncio.create_task(agent.ainvoke(value, config))
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def step(self, kind: str, outcome: str, n: int) -> None:
        if kind == "say":
            self.count += 1
            message = HumanMessage(f"Statement {self.count}.", id=f"human {self.count}")
            self.run(outcome, {"messages": [message]}, CONFIG, n)
        elif kind == "resume":
            if self.agent(outcome).get_state(CONFIG).values:
                self.run(outcome, None, CONFIG, n)
        else:
            agent = self.agent(outcome)
            points = [s for s in agent.get_state_history(CONFIG) if s.next == ("model",)]
            if not points:
                return
            point = points[n % len(points)]
            config = point.config
            if kind == "edit":
                last = [m for m in point.values["messages"] if isinstance(m, HumanMessage)][-1]
                edited = HumanMessage(f"Edit {self.count}.", id=last.id)
                config = agent.update_state(config, {"messages": [edited]})
            config = {"configurable": {**config["configurable"], "user_id": "ada"}}
            self.run(outcome, None, config, n)

    def check(self) -> None:
        turns = self.turns()
        ids = Counter(turn.metadata["message_id"] for turn in turns)
        assert not [i for i, count in ids.items() if count > 1]
        assert self.asked <= ids.keys()
        for turn in turns:
            if turn.role == "assistant":
                assert any(t.role == "user" and t.position < turn.position for t in turns)

    def check_complete(self) -> None:
        """After a run that ended well, what the thread shows is what the memory has."""
        state = self.agent("reply").get_state(CONFIG).values["messages"]
        turns = {turn.metadata["message_id"]: turn for turn in self.turns()}
        for message in state:
            if isinstance(message, HumanMessage):
                assert turns[message.id].text == message.text
        assert "unanswered" not in turns[state[-2].id].metadata
        assert turns[state[-1].id].text == state[-1].text


@pytest.mark.parametrize("checkpoints", ["in memory", "sqlite"])
def test_the_middleware_writes_each_message_once(checkpoints: str) -> None:
    sqlite = pytest.importorskip("langgraph.checkpoint.sqlite")
    # Checkpoints in SQLite take longer, and behave the same.
    n_sequences = N_SEQUENCES if checkpoints == "in memory" else N_SEQUENCES // 20

    @settings(max_examples=n_sequences, suppress_health_check=list(HealthCheck), deadline=None)
    @given(st.lists(STEPS, min_size=1, max_size=4))
    def run(steps: list[tuple[str, str, int]]) -> None:
        with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
            saver = InMemorySaver()
            if checkpoints == "sqlite":
                # It has no async methods, so no step is cancelled.
                saver = sqlite.SqliteSaver(connection)
                steps = [(k, "reply" if o == "cancelled" else o, n) for k, o, n in steps]
            with new_memory(ManualClock(datetime(2026, 1, 5, 9, 0, tzinfo=UTC))) as memory:
                conversation = Conversation(memory, saver)
                for step in steps:
                    conversation.step(*step)
                    conversation.check()
                conversation.step("say", "reply", 0)
                conversation.check()
                conversation.check_complete()

    run()


AGENT_STEPS = st.tuples(
    st.sampled_from(("reply", "fails", "cancelled", "stream", "abandoned")),
    st.booleans(),
    st.integers(0, 30),
)
SESSION: Any = {"configurable": {"session_id": "s"}}


def ask(memory: MemoryController, message: HumanMessage, outcome: str, delay: int) -> None:
    """Let an agent reply to a message, or fail to; a message that failed is sent again."""
    agent = Agent(ScriptedChatModel(["Reply."]), memory)
    if outcome == "fails":
        failing = Agent(ScriptedChatModel([GoneError()]), memory)
        with pytest.raises(GoneError):
            failing.invoke(message, SESSION)
        assert memory.get_all()[-1].metadata["unanswered"] is True
    if outcome == "cancelled":
        asyncio.run(cancel(agent, message, delay))
    elif outcome in {"stream", "abandoned"}:
        chunks = agent.stream(message, SESSION)
        next(chunks)
        if outcome == "stream":
            list(chunks)
    else:
        agent.invoke(message, SESSION)


async def cancel(agent: Agent, message: HumanMessage, delay: int) -> None:
    task = asyncio.create_task(agent.ainvoke(message, SESSION))
    for _ in range(delay):
        await asyncio.sleep(0.0002)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@settings(max_examples=N_SEQUENCES // 4, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(AGENT_STEPS, min_size=1, max_size=4))
def test_an_agent_writes_each_message_once(steps: list[tuple[str, bool, int]]) -> None:
    with new_memory(ManualClock(datetime(2026, 1, 5, 9, 0, tzinfo=UTC)), scope=ADA) as memory:
        for n, (outcome, with_id, delay) in enumerate([*steps, ("reply", True, 0)]):
            message = HumanMessage(f"Statement {n}.", id=f"human {n}" if with_id else None)
            ask(memory, message, outcome, delay)
            turns = memory.get_all(granularity=Granularity.TURN, limit=None)
            stored = Counter(turn.text for turn in turns if turn.role == "user")
            assert max(stored.values(), default=0) <= 1
            assert outcome == "cancelled" or stored[message.text] == 1
        assert "unanswered" not in [turn for turn in turns if turn.role == "user"][-1].metadata

"""Chat models that raise, hang, answer nothing or nonsense, or call unknown tools."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableConfig

from agentmem import (
    Agent,
    Granularity,
    InMemoryStore,
    InvalidInputError,
    MemoryController,
    RecalledMemory,
    Scope,
)
from agentmem.digest.digest import Digester
from agentmem.facts.model_extractor import FallbackExtractor
from agentmem.testing import ManualClock, Response, ScriptedChatModel
from tests.torture._embedding import WordEmbeddings

ADA = Scope("ada")
TALK: RunnableConfig = {"configurable": {"session_id": "s"}}
QUESTION = "My dog is called Biscuit."

Ask = Callable[[Agent], object]


def hang(messages: object) -> str:
    time.sleep(1.0)
    return "Too late."


class Slow(ScriptedChatModel):
    """Hangs without blocking an event loop; in the middle of its answer if `halting`."""

    halting: bool = False

    async def _wait(self) -> None:
        if len(self.calls) < len(self.responses) and self.responses[len(self.calls)] is hang:
            self.calls.append([])
            await asyncio.sleep(1.0)

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        await self._wait()
        return self._generate(*args, **kwargs)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        await self._wait()
        async for piece in super()._astream(*args, **kwargs):
            yield piece

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        for piece in super()._stream(*args, **kwargs):
            yield piece
            if self.halting:
                time.sleep(1.0)


def calling(name: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": {"x": 1}, "id": "c"}])


RAISING: dict[str, Response] = {"raises": ConnectionError("no network"), "hangs": hang}
TALKING: dict[str, Response] = {
    "says nothing": "",
    "says spaces": " \n ",
    "rambles": ("word" * 100 + " ") * 3000,
    "says half characters": "A dog\ud800 then.",
    "calls unknown tools": calling("launch"),
    "calls tools wrongly": AIMessage(
        "", invalid_tool_calls=[{"name": "x", "args": "{", "id": "c", "error": "no JSON"}]
    ),
    "says what looks like data": '{"summary": 7, "keywords": {}, "facts": "none"}',
}
FAILING = RAISING | TALKING


def invoke(agent: Agent) -> object:
    return agent.invoke(QUESTION, TALK)


def stream(agent: Agent) -> object:
    return list(agent.stream(QUESTION, TALK))


def ainvoke(agent: Agent) -> object:
    return asyncio.run(agent.ainvoke(QUESTION, TALK))


def astream(agent: Agent) -> object:
    async def read() -> list[Any]:
        return [piece async for piece in agent.astream(QUESTION, TALK)]

    return asyncio.run(read())


WAYS: list[Ask] = [invoke, stream, ainvoke, astream]


@pytest.fixture
def memory() -> Iterator[MemoryController]:
    with opened() as controller:
        yield controller


def opened(**options: Any) -> MemoryController:
    clock = ManualClock(datetime(2026, 1, 5, 9, 0, tzinfo=UTC))
    store = InMemoryStore(WordEmbeddings.spec)
    return MemoryController(
        store,
        scope=ADA,
        embeddings=WordEmbeddings(),
        clock=clock,
        rng=random.Random(1),
        linger=None,
        **options,
    )


def statements(memory: MemoryController) -> list[tuple[str, str]]:
    turns = memory.get_all(granularity=Granularity.TURN)
    return [(turn.role, turn.text) for turn in turns]


@pytest.fixture(scope="module", autouse=True)
def imports() -> None:
    """Import what the first exchange of a process needs, which is not the model's time."""
    store = InMemoryStore(WordEmbeddings.spec)
    with MemoryController(store, scope=ADA, embeddings=WordEmbeddings()) as memory:
        Agent(ScriptedChatModel(["Biscuit."]), memory, timeout=60).invoke("What is my dog called?")


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("how", RAISING)
def test_the_user_turn_is_stored_when_the_model_fails(
    memory: MemoryController, how: str, ask: Ask
) -> None:
    """The model's exception propagates; invoking again stores nothing twice."""
    model = Slow(responses=[RAISING[how], "Hello, Biscuit."])
    agent = Agent(model, memory, timeout=0.2)
    began = time.monotonic()
    with pytest.raises((ConnectionError, TimeoutError), match=r"no network|no answer within 0\.2"):
        ask(agent)
    assert time.monotonic() - began < 0.9
    assert statements(memory) == [("user", QUESTION)]
    ask(agent)
    assert statements(memory) == [("user", QUESTION), ("assistant", "Hello, Biscuit.")]
    assert memory.check().ok


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("how", TALKING)
def test_the_user_turn_is_stored_whatever_the_model_answers(
    memory: MemoryController, how: str, ask: Ask
) -> None:
    model = ScriptedChatModel([TALKING[how]], repeat=True)
    ask(Agent(model, memory, max_steps=3))
    turns = statements(memory)
    assert turns[0] == ("user", QUESTION)
    # A reply of more than a million characters is stored in parts.
    assert {role for role, _ in turns[1:]} <= {"assistant"}
    assert len(turns) <= 3
    assert memory.check().ok


@pytest.mark.parametrize("ask", WAYS)
def test_the_user_turn_is_stored_when_a_refiner_fails(ask: Ask) -> None:
    """A cross-encoder is a model as well; its exception propagates."""

    class Failing:
        candidates = 5

        def __call__(self, query: str, hits: object) -> list[RecalledMemory]:
            raise MemoryError("the device is full")

    with opened(refiners=[Failing()]) as memory:
        memory.add("I have a beagle.", session_id="before")
        agent = Agent(ScriptedChatModel(["Hello."], repeat=True), memory)
        with pytest.raises(MemoryError, match="the device is full"):
            ask(agent)
        assert ("user", QUESTION) in statements(memory)
        assert memory.check().ok


def test_tokens_before_a_timeout_are_stored(memory: MemoryController) -> None:
    """A model that stops in the middle of a stream."""
    agent = Agent(Slow(responses=["Hello there, Ada."], halting=True), memory, timeout=0.2)
    with pytest.raises(TimeoutError, match="no answer within"):
        list(agent.stream(QUESTION, TALK))
    assert statements(memory) == [("user", QUESTION), ("assistant", "Hello")]
    reply = memory.get_all(granularity=Granularity.TURN)[-1]
    assert reply.metadata == {"interrupted": True}


def test_an_invalid_timeout_is_rejected(memory: MemoryController) -> None:
    with pytest.raises(InvalidInputError, match="> 0 seconds"):
        Agent(ScriptedChatModel([]), memory, timeout=0)


@pytest.mark.parametrize("how", FAILING)
def test_derived_memories_fall_back_to_extraction(
    how: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summaries, keywords, facts, topics and days are extracted instead, which is logged."""
    monkeypatch.setattr(Digester.__init__, "__kwdefaults__", {"timeout": 0.05})
    monkeypatch.setattr(FallbackExtractor, "timeout", 0.05)
    made = []
    for model in (None, ScriptedChatModel([FAILING[how]], repeat=True)):
        with opened(model=model) as memory, caplog.at_level(logging.WARNING, "agentmem"):
            caplog.clear()
            for n in range(3):
                memory.add([QUESTION, f"I live in Prague since {2000 + n}."], session_id=f"s{n}")
                memory.end_session(f"s{n}")
            memory.consolidate()
            assert memory.check().ok
            memories = memory.get_all(limit=None)
            made.append(sorted((m.granularity, m.text) for m in memories))
    assert made[0] == made[1]
    assert {g for g, _ in made[0]} >= {Granularity.SUMMARY, Granularity.FACT, Granularity.DAY}
    assert "the model" in caplog.text

"""What an agent learns from its replies, when it abstains, and how it follows plans."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig

from agentmem import (
    Agent,
    Granularity,
    InMemoryStore,
    InvalidInputError,
    MemoryController,
    Scope,
)
from agentmem.prompting.styles import CAPABLE
from agentmem.prompting.tokens import count_tokens
from agentmem.testing import ManualClock, Response, ScriptedChatModel

ADA = Scope("ada")
ANIMALS = ("horse", "goat", "donkey", "hen")
# How many turns the long conversation has; `AGENTMEM_LONG=1000 make test` has it in full.
TURNS = int(os.environ.get("AGENTMEM_LONG", "60"))


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(), scope=ADA, embeddings=embeddings, clock=ManualClock(), linger=None
    ) as controller:
        yield controller


def talk(session: str = "s") -> RunnableConfig:
    return {"configurable": {"session_id": session}}


def citing(text: str, word: str) -> Response:
    """A reply that cites the memory whose line in the prompt holds a word."""

    def reply(messages: list[BaseMessage]) -> str:
        lines = str(messages[-1].text).splitlines()
        [mark] = [line.split("]")[0] + "]" for line in lines if line[:2] == "[m" and word in line]
        return text.format(mark)

    return reply


class TestCitations:
    def test_teach_the_memory_and_are_not_written(self, memory: MemoryController) -> None:
        memory.add(["My dog is called Biscuit.", "I sing in a choir."], session_id="before")
        model = ScriptedChatModel([citing("Your dog is Biscuit {}.", "Biscuit")])
        reply = Agent(model, memory, cite=True).invoke("What is my dog called?", talk())
        assert "as in [m1]" in str(model.calls[0][0].text)
        [dog] = [
            m
            for m in memory.get_all(granularity=Granularity.TURN)
            if m.text == "My dog is called Biscuit."
        ]
        assert reply.response_metadata["agentmem"]["cited"] == [dog.id]
        assert memory.learned().citations == 1
        assert memory.get_all(session_id="s")[-1].text == "Your dog is Biscuit."

    def test_unknown_ids_teach_nothing(self, memory: MemoryController) -> None:
        memory.add("My dog is called Biscuit.", session_id="before")
        Agent(ScriptedChatModel(["Biscuit [m77]."]), memory).invoke("My dog's name?", talk())
        assert memory.learned().citations == 0

    def test_teach_the_memory_from_async_calls(self, memory: MemoryController) -> None:
        memory.add("My dog is called Biscuit.", session_id="before")
        model = ScriptedChatModel([citing("Biscuit {}.", "Biscuit")])
        asyncio.run(Agent(model, memory).ainvoke("What is my dog called?", talk()))
        assert memory.learned().citations == 1

    def test_only_memories_in_the_prompt_are_strengthened(self, memory: MemoryController) -> None:
        texts = [f"My {name} lives in the stable." for name in ANIMALS]
        memory.add(texts, session_id="before")
        agent = Agent(
            ScriptedChatModel(["Biscuit."]), memory, style=replace(CAPABLE, max_memories=2)
        )
        reply = agent.invoke("Who lives in the stable?", talk())
        ids = set(reply.response_metadata["agentmem"]["shown"].values())
        strengthened = {m.id for m in memory.get_all() if m.recall_count}
        assert strengthened == ids
        assert len(ids) == 2


class TestActivation:
    def test_greeting_needs_no_search(self, memory: MemoryController) -> None:
        memory.add("My dog is called Biscuit.", session_id="before")
        agent = Agent(ScriptedChatModel(["Hello!"]), memory)
        reply = agent.invoke("Good morning!", talk())
        assert reply.response_metadata["agentmem"]["recalled"] == []
        assert not agent.recall_for("s")


class TestAbstaining:
    def test_unknown_answer_without_calling_the_model(self, memory: MemoryController) -> None:
        memory.add("My dog is called Biscuit.", session_id="before")
        agent = Agent(ScriptedChatModel(["Biscuit."]), memory, abstain_below=0.3)
        unknown = agent.invoke("Who won the chess tournament in Reykjavik?", talk())
        assert "I don't know" in str(unknown.text)
        assert str(agent.invoke("What is my dog called?", talk()).text) == "Biscuit."

    def test_unknown_answer_streams(self, memory: MemoryController) -> None:
        memory.add("My dog is called Biscuit.", session_id="before")
        agent = Agent(ScriptedChatModel([]), memory, abstain_below=0.3)
        pieces = agent.stream("Who won the chess tournament in Reykjavik?", talk())
        assert "I don't know" in "".join(str(piece.text) for piece in pieces)

    def test_statements_and_greetings_get_a_reply(self, memory: MemoryController) -> None:
        agent = Agent(ScriptedChatModel(["Nice."], repeat=True), memory, abstain_below=1.0)
        for text in ("I bought a lighthouse.", "Good morning!", "What is 3*4?"):
            assert str(agent.invoke(text, talk()).text) == "Nice."

    def test_rejects_a_confidence_out_of_range(self, memory: MemoryController) -> None:
        with pytest.raises(InvalidInputError, match="abstain_below=7"):
            Agent(ScriptedChatModel([]), memory, abstain_below=7)


class TestPlans:
    def test_fitting_plan_is_shown_and_its_success_recorded(self, memory: MemoryController) -> None:
        plan = memory.add_plan("Bake a loaf of bread", ["Knead the dough", "Bake it"], "success")
        model = ScriptedChatModel(["I follow the plan [p1]: knead first.", "Nice weather."])
        agent = Agent(model, memory)
        agent.invoke("Help me bake a loaf of bread", talk())
        assert "1. Knead the dough; 2. Bake it" in str(model.calls[0][-1].text)
        assert memory.plans()[0].succeeded == 2
        agent.invoke("What do you think of the weather in the Alps?", talk())
        assert plan.goal not in str(model.calls[1][-1].text.split("Help me")[0])
        assert memory.plans()[0].succeeded == 2

    def test_failing_tool_is_recorded_as_failure_of_the_plan(
        self, memory: MemoryController
    ) -> None:
        def oven() -> str:
            """Heat the oven."""
            raise OSError("no gas")

        memory.add_plan("Bake a loaf of bread", ["Heat the oven", "Bake it"])
        call = {"name": "oven", "args": {}, "id": "1"}
        script: list[Response] = [AIMessage("As in [p1].", tool_calls=[call]), "It did not work."]
        Agent(ScriptedChatModel(script), memory, [oven]).invoke("Bake a loaf of bread", talk())
        assert memory.plans()[0].failed == 1


def test_early_fact_is_in_the_prompt_at_the_end_of_a_long_conversation(
    memory: MemoryController,
) -> None:
    budget = 1500
    subjects = ["the weather", "football", "a film", "the news", "cooking", "a book", "the train"]
    chance = random.Random(5)
    model = ScriptedChatModel(["I see, tell me more about that."], repeat=True)
    agent = Agent(model, memory, token_budget=budget)
    texts = ["Hello, I am new here.", "My locker at the station has the code 4711."]
    texts += [
        f"Let me tell you about {chance.choice(subjects)}, part {n}: "
        + " ".join(chance.choices(["nice", "rainy", "long", "old", "funny", "quick"], k=9))
        for n in range(TURNS // 2 - 3)
    ]
    for text in [*texts, "What is the code of my locker?"]:
        agent.invoke(text, talk())
    assert len(memory.get_all(limit=None, granularity=Granularity.TURN)) == len(texts) * 2 + 2
    assert all(count_tokens(messages) <= budget for messages in model.calls)
    *_, last = model.calls
    assert any("4711" in line and line.startswith("[m") for line in str(last[-1].text).splitlines())

"""A small model's reply rests on a memory, or quotes one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import RunnableConfig

from agentmem import Agent, Granularity, InMemoryStore, MemoryController, Scope
from agentmem.agent.grounding import supporting_memory, unsupported_terms
from agentmem.models.local_model import LocalChatModel
from agentmem.prompting.styles import SMALL
from agentmem.testing import ManualClock, ScriptedChatModel

MOVED = datetime(2026, 1, 12, tzinfo=UTC)


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(), scope=Scope("ada"), embeddings=embeddings, clock=ManualClock(MOVED)
    ) as controller:
        controller.add(["I live in Porto.", "My beagle is called Biscuit."], session_id="s1")
        yield controller


def ask(memory: MemoryController, question: str, *replies: str) -> str:
    agent = Agent(ScriptedChatModel(list(replies)), memory, style=SMALL)
    return str(agent.invoke(question, {"configurable": {"session_id": "s2"}}).text)


def test_an_answer_from_a_memory_stays(memory: MemoryController) -> None:
    assert ask(memory, "Where do I live?", "You live in Porto.") == "You live in Porto."


def test_an_invented_answer_becomes_a_quotation(memory: MemoryController) -> None:
    answer = ask(memory, "Where do I live now?", "You live in Lisbon, by the sea.")
    assert answer == 'You said on 2026-01-12: "I live in Porto."'
    # It is what was written too.
    assert memory.get_all(granularity=Granularity.TURN)[-1].text == answer


def test_chatter_and_unanswered_turns_stay(memory: MemoryController) -> None:
    assert ask(memory, "I baked bread today.", "Enjoy it!") == "Enjoy it!"
    unknown = "I don't know who your dentist is. Who is it?"
    assert ask(memory, "Who is my dentist?", unknown) == unknown


def test_the_memory_behind_a_reply(memory: MemoryController) -> None:
    home, dog = memory.get_all(granularity=Granularity.TURN)
    question = "What is my dog called?"
    assert supporting_memory("Your dog is called Biscuit.", question, [home, dog]) == dog
    assert supporting_memory("I don't know.", question, [home, dog]) is None
    assert unsupported_terms("Your dog is called Rex.", question, [home, dog]) == ["rex"]


def test_smollm_answers_with_the_current_value_after_an_outdated_reply(
    memory: MemoryController,
) -> None:
    home = memory.get_all(granularity=Granularity.TURN)[0]
    memory.delete(home.id)
    [old] = memory.add("I live in Lisbon.", session_id="s0")
    agent = Agent(LocalChatModel(max_new_tokens=24), memory)
    config: RunnableConfig = {"configurable": {"session_id": "s2"}}
    assert "Lisbon" in agent.invoke("Where do I live?", config).text
    memory.update(old.id, text="I live in Porto.")
    answer = agent.invoke("Where do I live now?", config).text
    assert "Porto" in answer
    assert "Lisbon" not in answer

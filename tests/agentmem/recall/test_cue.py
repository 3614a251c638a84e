"""Proactive recall: memories for the last turns of a conversation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage

from agentmem import Agent, EmptyTextError, InMemoryStore, MemoryController, Scope
from agentmem.recall.cue import cue, cue_vector
from agentmem.testing import ScriptedChatModel
from agentmem.writing.messages import Draft
from tests.serving import serving

MESSAGES = [
    "I adopted a beagle called Biscuit last spring.",
    "My sister is getting married in Porto in June.",
    "The dishwasher broke down again this morning.",
    "I run ten kilometres before breakfast.",
    "Bart is allergic to peanuts.",
    "We painted the kitchen yellow.",
]
# The last turn alone says nothing of a dog.
TURNS: list[dict[str, Any]] = [
    {"role": "user", "content": "I bought a leash and a bowl at the pet shop today."},
    {"role": "assistant", "content": "How nice! Long walks will be more fun with it."},
    {"role": "user", "content": "Yes, I am really looking forward to it."},
]


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(), scope=Scope("ada"), embeddings=embeddings, linger=None
    ) as memory:
        for n, text in enumerate(MESSAGES):
            memory.add(text, session_id=f"s{n}")
        memory.end_session("s5")
        yield memory


class TestCue:
    def test_is_the_last_turns_that_fit(self) -> None:
        turns = [Draft(f"turn {n}", speaker="Ada") for n in range(20)]
        assert cue(turns, 1000, len)[0] == "Ada: turn 12"
        assert cue(turns, 25, len) == ["Ada: turn 18", "Ada: turn 19"]
        assert cue(turns, 1, len) == ["Ada: turn 19"]

    def test_the_last_turn_counts_most(self, memory: MemoryController) -> None:
        embedder = memory.services.embedder
        dog, wedding = "Look at this puppy.", "The bride wore white."
        one = cue_vector([dog, wedding], embedder)
        other = cue_vector([wedding, dog], embedder)
        to_dog = embedder.query(dog)
        assert other @ to_dog > one @ to_dog


class TestRecall:
    def test_turns_before_the_last_one_count(self, memory: MemoryController) -> None:
        first = memory.recall(TURNS, reinforce=False).hits[0].memory
        assert first.text == MESSAGES[0]
        alone = memory.recall(TURNS[-1:], reinforce=False).hits[0].memory
        assert alone.text != MESSAGES[0]

    def test_contributions_add_up(self, memory: MemoryController) -> None:
        for hit in memory.recall(TURNS, explain=True, reinforce=False).hits:
            assert sum(hit.contributions.values()) == pytest.approx(hit.score)
            assert "likeness" in hit.contributions

    def test_an_empty_memory_recalls_nothing(self, embeddings: Embeddings) -> None:
        with MemoryController(
            InMemoryStore(), scope=Scope("eve"), embeddings=embeddings, linger=None
        ) as memory:
            assert not memory.recall(TURNS).items

    def test_over_a_server(self, memory: MemoryController, tmp_path: Path) -> None:
        from agentmem import connect

        with (
            serving(memory, tmp_path / "memories") as server,
            connect(server.url, token=server.token) as client,
        ):
            assert client.recall(TURNS, reinforce=False).hits[0].memory.text == MESSAGES[0]
            with pytest.raises(EmptyTextError):
                client.recall([])


def prompt_of(model: ScriptedChatModel) -> str:
    """The text of the last prompt."""
    return "\n".join(str(message.text) for message in model.calls[-1])


class TestAgent:
    def test_memories_are_recalled_without_a_question(self, memory: MemoryController) -> None:
        model = ScriptedChatModel([TURNS[1]["content"], "Biscuit will like it."])
        agent = Agent(model=model, memory=memory, k=1)
        config: Any = {"configurable": {"session_id": "today"}}
        agent.invoke(TURNS[0]["content"], config=config)
        agent.invoke(TURNS[2]["content"], config=config)
        prompt = prompt_of(model)
        assert MESSAGES[0] in prompt
        # What the conversation shows is not also a memory.
        assert prompt.count(TURNS[0]["content"]) == 1

    def test_of_a_caller_who_keeps_the_conversation(self, memory: MemoryController) -> None:
        model = ScriptedChatModel(["Biscuit will like it."])
        Agent(model=model, memory=memory, k=1).invoke(
            [(turn["role"], turn["content"]) for turn in TURNS]
        )
        assert MESSAGES[0] in prompt_of(model)

    def test_a_question_is_asked_as_it_is(self, memory: MemoryController) -> None:
        model = ScriptedChatModel(["In Porto."])
        question = "Where is my sister getting married?"
        Agent(model=model, memory=memory, k=1).invoke(
            [*((turn["role"], turn["content"]) for turn in TURNS[:2]), ("user", question)]
        )
        assert MESSAGES[1] in prompt_of(model)


def test_middleware(memory: MemoryController) -> None:
    agents = pytest.importorskip("langchain.agents", reason="the extra is not installed")
    from agentmem.langchain import MemoryMiddleware

    model = ScriptedChatModel(["Biscuit will like it."])
    agent = agents.create_agent(model, middleware=[MemoryMiddleware(memory, k=1)])
    kinds = {"user": HumanMessage, "assistant": AIMessage}
    agent.invoke({"messages": [kinds[turn["role"]](turn["content"]) for turn in TURNS]})
    assert MESSAGES[0] in prompt_of(model)

"""What the user's words call for: memory, an answer, a goal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agentmem.agent.intent import needs_memory, open_goals
from agentmem.prompting.questions import is_question, wants_answer
from agentmem_stores import Granularity, Memory, Scope

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def turn(text: str, position: int) -> Memory:
    return Memory(
        id=f"t{position}",
        scope=Scope("ada"),
        granularity=Granularity.TURN,
        text=text,
        session_id="s",
        said_at=NOW + timedelta(minutes=position),
        written_at=NOW,
        position=position,
    )


class TestNeedsMemory:
    @pytest.mark.parametrize(
        "text",
        ["Hi!", "Hello there", "Good morning!", "Thanks a lot!", "Great, thank you!", "Bye!",
         "Ok.", "What is 12*7?", "what's 3 + 4 =", "How much is (3+4)/2?", "2^10="],
    )  # fmt: skip
    def test_not_for_greetings_thanks_and_arithmetic(self, text: str) -> None:
        assert not needs_memory(text)

    @pytest.mark.parametrize(
        "text",
        ["Hello again! How is my dog?", "Thanks for the recipe you gave me.", "And you?", "Yes.",
         "555-1234", "What is 42?", "2026-01-05", "Good morning, where did I park?", "Biscuit",
         "When is my exam?", "How much is the rent?", "今日は?", "???"],
    )  # fmt: skip
    def test_for_everything_else(self, text: str) -> None:
        assert needs_memory(text)

    def test_statement_is_no_question(self) -> None:
        assert is_question("Where do I live")
        assert is_question("my dog's name?")
        assert not is_question("I adopted a dog.")

    def test_requests_want_an_answer_too(self) -> None:
        for request in ("Tell me my dog's name.", "Please summarize my week.", "Who is Ada"):
            assert wants_answer(request)
        for statement in ("I adopted a dog.", "Telling stories is fun.", "Named him Biscuit."):
            assert not wants_answer(statement)


class TestOpenGoals:
    def test_stay_until_they_are_done(self) -> None:
        texts = ["I want to learn the cello.", "Remind me to call Rosa!", "I need to buy strings."]
        turns = [turn(text, n) for n, text in enumerate(texts)]
        assert open_goals(turns) == ["learn the cello", "call Rosa", "buy strings"]
        assert open_goals([*turns, turn("Done, thanks.", 3)]) == ["learn the cello", "call Rosa"]

    def test_are_few_and_short(self) -> None:
        turns = [turn(f"I want to do thing {n} " + "and more " * 40, n) for n in range(50)]
        goals = open_goals(turns)
        assert len(goals) == 3
        assert all(len(goal) <= 120 for goal in goals)

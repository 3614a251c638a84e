"""When memory is needed, and in which form what it holds goes into the prompt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from langchain_core.messages import HumanMessage

from agentmem.agent.intent import is_question, needs_memory, open_goals
from agentmem.prompting.builder import PromptBuilder, PromptParts
from agentmem.prompting.rendering import line_variants
from agentmem.prompting.tokens import count_tokens
from agentmem_retrievers import RecalledMemory
from agentmem_stores import Granularity, Memory, Scope

WORDS = [
    "spring",
    "summer",
    "autumn",
    "winter",
    "shade",
    "sunshine",
    "greenhouses",
    "valleys",
    "fields",
    "pots",
]
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def turn(text: str, position: int = 0, role: str = "user") -> Memory:
    return Memory(
        id=f"t{position}",
        scope=Scope("ada"),
        granularity=Granularity.TURN,
        text=text,
        session_id="s",
        said_at=NOW + timedelta(minutes=position),
        written_at=NOW,
        role=role,
        position=position,
    )


def hit(memory: Memory, *context: Memory, score: float = 1.0) -> RecalledMemory:
    return RecalledMemory(memory, score, 1.0, load_context=lambda: (*context, memory))


class TestWhetherMemoryIsNeeded:
    @pytest.mark.parametrize(
        "said",
        ["Hi!", "Hello there", "Good morning!", "Thanks a lot!", "Great, thank you!", "Bye!",
         "Ok.", "What is 12*7?", "what's 3 + 4 =", "How much is (3+4)/2?", "2^10="],
    )  # fmt: skip
    def test_not_for_greetings_thanks_and_sums(self, said: str) -> None:
        assert not needs_memory(said)

    @pytest.mark.parametrize(
        "said",
        ["Hello again! How is my dog?", "Thanks for the recipe you gave me.", "And you?", "Yes.",
         "555-1234", "What is 42?", "2026-01-05", "Good morning, where did I park?", "Biscuit",
         "When is my exam?", "How much is the rent?", "今日は?", "???"],
    )  # fmt: skip
    def test_for_everything_else(self, said: str) -> None:
        assert needs_memory(said)

    def test_what_is_told_is_no_question(self) -> None:
        assert is_question("Where do I live")
        assert is_question("my dog's name?")
        assert not is_question("I adopted a dog.")


class TestForms:
    def test_what_leans_on_the_turn_before_is_shown_with_it(self) -> None:
        asked = turn("Did you see the doctor?", 0, "assistant")
        [first, *_] = line_variants(hit(turn("Yes, on Friday.", 1), asked), 800)
        assert first.render("m1") == (
            '[m1] 2026-01-05, user: "Yes, on Friday." (after assistant: "Did you see the doctor?")'
        )

    def test_what_stands_alone_is_shown_alone(self) -> None:
        said = turn("My beagle Biscuit was vaccinated.", 1)
        [only] = line_variants(hit(said, turn("Go on.", 0)), 800)
        assert only.render("m2") == '[m2] 2026-01-05, user: "My beagle Biscuit was vaccinated."'

    def test_what_is_long_can_be_shown_in_short(self) -> None:
        text = " ".join(f"The garden has bed number {n} with tomatoes." for n in range(9))
        text += " The gardener is called Rosalind."
        *_, short = line_variants(hit(turn(text)), 800)
        assert len(json.loads(short.text)) <= 160
        assert json.loads(short.text).split(".")[0].split(" ", 1)[1] in text

    def test_the_short_form_is_taken_where_the_budget_is_small(self) -> None:
        text = " ".join(f"In {word} grow {n} tomatoes." for n, word in enumerate(WORDS * 2))
        recalled = [hit(turn(text, 0)), hit(turn(f"Once more: {text}", 1))]
        parts = PromptParts(new=[HumanMessage("What grows?")], now=NOW, hits=recalled)
        least = PromptBuilder(token_budget=410)
        ample = PromptBuilder(token_budget=2000)
        few, many = (str(b.build(parts).messages[-1].text) for b in (least, ample))
        assert "[m2]" in few
        assert len(few) < len(many)


class TestGoals:
    def test_are_kept_until_they_are_done(self) -> None:
        said = ["I want to learn the cello.", "Remind me to call Rosa!", "I need to buy strings."]
        turns = [turn(text, n) for n, text in enumerate(said)]
        assert open_goals(turns) == ["learn the cello", "call Rosa", "buy strings"]
        assert open_goals([*turns, turn("Done, thanks.", 3)]) == ["learn the cello", "call Rosa"]

    def test_are_never_more_than_a_few_short_ones(self) -> None:
        turns = [turn(f"I want to do thing {n} " + "and more " * 40, n) for n in range(50)]
        goals = open_goals(turns)
        assert len(goals) == 3
        assert all(len(goal) <= 120 for goal in goals)

    def test_stand_in_the_prompt(self) -> None:
        built = PromptBuilder().build(
            PromptParts(new=[HumanMessage("Hi")], now=NOW, goals=["call Rosa"])
        )
        assert '[open goals] "call Rosa"' in str(built.messages[-1].text)

    @pytest.mark.parametrize("budget", [420, 600, 1200])
    def test_keep_to_the_budget(self, budget: int) -> None:
        recalled: Sequence[RecalledMemory] = [
            hit(turn("Yes, " + "word " * n, n), turn("Why? " * 50, n - 1)) for n in range(1, 30)
        ]
        built = PromptBuilder(token_budget=budget).build(
            PromptParts(
                new=[HumanMessage("Hi")],
                now=NOW,
                goals=["g" * 120] * 3,
                profile="p" * 500,
                hits=recalled,
            )
        )
        assert count_tokens(built.messages) <= budget

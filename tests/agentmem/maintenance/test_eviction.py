"""Which turns fade: those that no question is likely to need."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from agentmem import Granularity, InMemoryStore, MemoryController, Scope, State
from agentmem.maintenance.eviction import log_odds_of_need
from agentmem.testing import ManualClock

ADA = Scope("ada")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 5, 9, 0, tzinfo=UTC))


@pytest.fixture
def memory(embeddings: Embeddings, clock: ManualClock) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(), scope=ADA, embeddings=embeddings, clock=clock
    ) as controller:
        yield controller


def odds(memory: MemoryController, *turns: str | tuple[str, str]) -> list[float]:
    """Return the log odds of turns of one session, each a text or a role and a text."""
    messages = [("user", turn) if isinstance(turn, str) else turn for turn in turns]
    ids = [
        memory.add({"role": role, "content": text}, session_id="s")[0].id for role, text in messages
    ]
    table = memory.services.memories.index(ADA).tables[Granularity.TURN]
    return list(log_odds_of_need(table, np.array([table.row_of[i] for i in ids])))


@pytest.mark.parametrize(
    ("needed", "other"),
    [
        ("I planted a walnut tree.", "They planted a walnut tree."),
        ("Ich habe einen Walnussbaum gepflanzt.", "Es steht ein Walnussbaum dort."),
        ("The walnut tree fell in March 2024.", "The walnut tree fell in heavy wind."),
        ("The walnut tree fell on the greenhouse.", "The tree fell."),
    ],
    ids=["of its speaker", "in German", "with a date", "with more words"],
)
def test_a_turn_is_likelier_to_be_needed(memory: MemoryController, needed: str, other: str) -> None:
    first, _, second = odds(memory, needed, "So it goes.", other)
    assert first > second


def test_what_follows_a_question_is_likelier_to_be_needed(memory: MemoryController) -> None:
    _, _, answer, _, _, same = odds(
        memory, "Fine.", "Who came?", "Ania with Marek.", "Good.", "Well.", "Bartek with Zofia."
    )
    assert answer > same


def test_repeating_the_last_turns_says_nothing(memory: MemoryController) -> None:
    first, _, again = odds(
        memory, "The walnut tree fell on the greenhouse.", "Oh!", "The walnut tree, the greenhouse!"
    )
    assert again < first - 1


def test_an_assistants_long_reply_is_less_likely_to_be_needed(memory: MemoryController) -> None:
    own, reply = odds(
        memory,
        "I keep the spare key under the walnut tree.",
        (
            "assistant",
            "A weatherproof box protects it there from rain, frost, rust, moss, squirrels and "
            "thieves; paint its lid green, and label the place on a sketch of your garden.",
        ),
    )
    assert reply < own


def test_only_an_assistants_answer_to_a_user_is_a_reply(memory: MemoryController) -> None:
    _, reply, _, nurse, _, alone = odds(
        memory,
        "Good.",
        ("assistant", "The walnut tree fell on the greenhouse."),
        "Well.",
        ("x-nurse", "The cherry hedge grew over the driveway."),
        ("assistant", "Right."),
        ("assistant", "The maple branch broke above the chimney."),
    )
    assert min(nurse, alone) > reply + 3


def test_replies_fade_before_what_a_user_said(memory: MemoryController, clock: ManualClock) -> None:
    [own] = memory.add("I keep the spare key under the walnut tree.", session_id="s")
    [reply] = memory.add(
        {"role": "assistant", "content": "A weatherproof box protects it there from the rain."},
        session_id="s",
    )
    # Few turns do not tell which words are rare.
    memory.add([f"Good morning, number {n}." for n in range(20)], session_id="r")
    clock.advance(days=400)
    memory.add("Good morning.", session_id="t")
    memory.end_session("t")
    states = memory.get(own.id).state, memory.get(reply.id).state
    assert states == (State.ACTIVE, State.ARCHIVED)

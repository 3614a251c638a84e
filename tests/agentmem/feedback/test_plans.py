"""Plans: found by goal, scored by outcome, deleted with their sources."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import (
    EmptyTextError,
    InMemoryStore,
    InvalidInputError,
    MemoryController,
    MemoryNotFoundError,
    Scope,
)
from agentmem.testing import ManualClock

ADA = Scope("ada")


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(), scope=ADA, embeddings=embeddings, clock=ManualClock(), linger=None
    ) as controller:
        yield controller


def test_plans_are_found_by_goal_with_successful_ones_first(memory: MemoryController) -> None:
    worse = memory.add_plan("Book a table for dinner", ["Write a letter"], "failure")
    better = memory.add_plan("Book a table for dinner", ["Call", "Confirm"], "success")
    memory.add_plan("Repair a bicycle tyre", ["Find the hole", "Patch it"])
    plans = memory.plans("reserve a table at a restaurant", k=2)
    assert [plan.id for plan in plans] == [better.id, worse.id]
    assert plans[0].steps == ("Call", "Confirm")
    assert len(memory.plans()) == 3


def test_same_steps_are_one_plan_with_added_outcomes(memory: MemoryController) -> None:
    first = memory.add_plan("Bake bread", ["Knead", "Bake"])
    memory.clock.advance(days=9)  # type: ignore[attr-defined]
    again = memory.add_plan("Bake bread", ["Knead", "Bake"], outcome=True)
    assert again.id == first.id
    assert (again.succeeded, again.failed) == (1, 0)
    assert again.memory.strength > first.memory.strength
    assert memory.plan_went(first.id, "failure").memory.strength < again.memory.strength


def test_plans_are_deleted_with_their_sources(memory: MemoryController) -> None:
    knead, heat = memory.add(["Knead for ten minutes.", "Heat the oven."], session_id="a")
    plan = memory.add_plan("Bake bread", ["Knead", "Bake"], sources=[knead.id])
    both = memory.add_plan("Bake bread", ["Knead", "Bake"], sources=[heat.id])
    assert (both.id, both.memory.sources) == (plan.id, (knead.id, heat.id))
    assert memory.check().ok
    with pytest.raises(MemoryNotFoundError, match="nobody"):
        memory.add_plan("Bake a cake", ["Bake"], sources=["nobody"])
    memory.delete(heat.id)
    assert memory.plans() == []
    again = memory.add_plan("Bake bread", ["Knead", "Bake"], sources=[knead.id])
    memory.update(knead.id, text="Knead for an hour.")
    assert again.id not in {p.id for p in memory.plans()}
    assert memory.check().ok


def test_invalid_plans_are_rejected(memory: MemoryController) -> None:
    with pytest.raises(EmptyTextError):
        memory.add_plan("Bake bread", [])
    with pytest.raises(InvalidInputError, match="outcome='maybe'"):
        memory.add_plan("Bake bread", ["Bake"], "maybe")
    with pytest.raises(MemoryNotFoundError):
        memory.plan_went("nobody", "success")


def test_plans_are_deleted_exported_and_scoped_like_memories(
    memory: MemoryController, embeddings: Embeddings, tmp_path: object
) -> None:
    plan = memory.add_plan("Bake bread", ["Knead", "Bake"], "success")
    assert memory.plans(scope=Scope("ben")) == []
    memory.export(f"{tmp_path}/all.jsonl")
    memory.import_(f"{tmp_path}/all.jsonl", scope=Scope("ben"))
    assert memory.plans(scope=Scope("ben"))[0].succeeded == 1
    memory.delete(plan.id)
    assert memory.plans("Bake bread") == []

"""Procedural memory: ways of reaching a goal, found by the goal (after GITM's plans)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from agentmem.embedding.embedder import Embedder
from agentmem.feedback.reinforcement import after_recall
from agentmem.writing.sessions import ITEM_PREFIX
from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import (
    Batch,
    EmptyTextError,
    Entry,
    Granularity,
    InvalidInputError,
    Memory,
    MemoryNotFoundError,
    MemoryStore,
    Scope,
    State,
)

__all__ = ["Plan", "Plans", "parse_outcome"]

# Namespace of the ids, which derive from goal and steps: the same plan gets the same id.
_NAMESPACE = uuid.UUID("b0b4e9a1-6a57-4d0c-8f6b-2c1f7d9f3a11")
# A failure halves the strength, and with it the time until the plan has faded.
_FAILURE_FACTOR = 0.5
_OUTCOMES = {"success": True, "failure": False}


@dataclass(frozen=True)
class Plan:
    """A way of reaching a goal.

    Attributes:
        succeeded, failed: how often it did.
        fit: how well it fits the goal that was searched for, above 0; 0 without a search.
        memory: the record that stores it.
    """

    goal: str
    steps: tuple[str, ...]
    succeeded: int
    failed: int
    memory: Memory
    fit: float = 0.0

    @property
    def id(self) -> str:
        """The id of its record."""
        return self.memory.id

    @property
    def worth(self) -> float:
        """The estimated probability of success, in (0, 1), by Laplace's rule; 0.5 if untried."""
        return (self.succeeded + 1) / (self.succeeded + self.failed + 2)

    @classmethod
    def from_memory(cls, memory: Memory) -> Plan:
        """Read a record; invalid metadata counts as missing."""
        steps = memory.metadata.get("steps")
        succeeded, failed = (
            count if isinstance(count := memory.metadata.get(name), int) and count >= 0 else 0
            for name in ("succeeded", "failed")
        )
        texts = tuple(map(str, steps)) if isinstance(steps, list) else ()
        return cls(memory.text, texts, succeeded, failed, memory)


def parse_outcome(outcome: bool | str | None) -> bool | None:
    """Return True for `success`, False for `failure`, None for no outcome yet.

    Raises:
        InvalidInputError: it is something else.
    """
    if outcome is None or isinstance(outcome, bool):
        return outcome
    if not isinstance(outcome, str) or outcome not in _OUTCOMES:
        raise InvalidInputError(f"outcome={outcome!r} must be 'success', 'failure' or None")
    return _OUTCOMES[outcome]


@dataclass(frozen=True)
class Plans:
    """Stores plans as memories of their own granularity, whose text is the goal."""

    store: MemoryStore
    memories: IndexedStore
    embedder: Embedder
    curve: ForgettingCurve
    clock: Callable[[], datetime]

    def add(
        self,
        scope: Scope,
        goal: str,
        steps: Sequence[str],
        outcome: bool | None,
        sources: Sequence[str] = (),
    ) -> Plan:
        """Store a plan, or add the outcome and sources to the same plan if it exists.

        Raises:
            EmptyTextError: the goal, the list of steps or a step is empty.
        """
        new = self._memory(scope, goal, steps, sources)
        entries = self.store.get(scope, Granularity.PLAN, [new.id])
        if not entries:
            memory = new
            [vector] = self.embedder.documents([memory.text])
            self.memories.write(Batch(scope, put=[Entry(memory, vector)]))
        else:
            memory = entries[0].memory
            if not set(new.sources) <= set(memory.sources):
                merged = tuple(dict.fromkeys([*memory.sources, *new.sources]))
                memory = replace(memory, sources=merged)
                self.memories.write(Batch(scope, patch=[memory]))
        if outcome is not None:
            return self.record_outcome(scope, memory.id, outcome)
        return Plan.from_memory(memory)

    def _memory(
        self, scope: Scope, goal: str, steps: Sequence[str], sources: Sequence[str]
    ) -> Memory:
        if isinstance(steps, str) or not goal.strip() or not all(s.strip() for s in steps):
            raise EmptyTextError("a plan needs a goal, and its steps as a list of texts")
        if not steps:
            raise EmptyTextError("a plan needs at least one step")
        now = self.clock()
        return Memory(
            id=uuid.uuid5(_NAMESPACE, "\n".join([goal.strip(), *steps])).hex,
            scope=scope,
            granularity=Granularity.PLAN,
            text=goal.strip(),
            session_id=f"{ITEM_PREFIX}plan",
            said_at=now,
            written_at=now,
            role="system",
            # Average surprise: a plan is not compared with other memories.
            strength=self.curve.initial_strength(0.5),
            sources=tuple(dict.fromkeys(sources)),
            metadata=_metadata(steps, 0, 0),
        )

    def record_outcome(self, scope: Scope, plan_id: str, success: bool) -> Plan:
        """Count an outcome; success strengthens the plan like a recall, failure weakens it.

        Raises:
            MemoryNotFoundError: the scope has no such plan.
        """
        entries = self.store.get(scope, Granularity.PLAN, [plan_id])
        if not entries:
            raise MemoryNotFoundError(f"{scope} has no plan {plan_id!r}")
        plan = Plan.from_memory(entries[0].memory)
        succeeded, failed = plan.succeeded + success, plan.failed + (not success)
        memory = replace(plan.memory, metadata=_metadata(plan.steps, succeeded, failed))
        if success:
            memory = after_recall(memory, self.curve, self.clock())
        else:
            memory = replace(memory, strength=memory.strength * _FAILURE_FACTOR)
        self.memories.write(Batch(scope, patch=[memory]))
        return Plan.from_memory(memory)

    def rank(self, scope: Scope, similarities: Sequence[tuple[str, float]]) -> list[Plan]:
        """Return plans by fit: similarity to the goal, times 0.5 + worth.

        Args:
            similarities: ids of plans with their cosine similarity to the goal.
        """
        by_id = dict(similarities)
        entries = self.store.get(scope, Granularity.PLAN, list(by_id))
        plans = [Plan.from_memory(entry.memory) for entry in entries]
        # An untried plan (worth 0.5) keeps its similarity; success adds, failure takes, up to half.
        fitting = [replace(plan, fit=by_id[plan.id] * (0.5 + plan.worth)) for plan in plans]
        return sorted(fitting, key=lambda plan: (-plan.fit, plan.id))

    def all(self, scope: Scope) -> list[Plan]:
        """Return every plan that has not faded, the most successful first."""
        plans = [
            Plan.from_memory(memory)
            for memory in self.store.scan(scope, Granularity.PLAN)
            if memory.state is State.ACTIVE and memory.version_of is None
        ]
        return sorted(plans, key=lambda plan: (-plan.worth, plan.memory.said_at, plan.id))


def _metadata(steps: Sequence[str], succeeded: int, failed: int) -> dict[str, Any]:
    return {"steps": list(steps), "succeeded": succeeded, "failed": failed}

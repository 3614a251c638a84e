"""Procedural memory: ways of reaching a goal, recalled by the goal (after GITM's plans)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from agentmem.embedding.embedder import Embedder
from agentmem.feedback.reinforcement import recalled
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

__all__ = ["Plan", "Plans", "went_well"]

_IDS = uuid.UUID("b0b4e9a1-6a57-4d0c-8f6b-2c1f7d9f3a11")
# What a failure leaves of a plan's strength.
_WEAKENED = 0.5
_OUTCOMES = {"success": True, "failure": False}


@dataclass(frozen=True)
class Plan:
    """A way of reaching a goal.

    Attributes:
        succeeded, failed: how often it did.
        fit: how well it fits what was asked for, above 0 where it does; 0 where nothing was.
        memory: the record that it is kept in.
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
        """From what it has come to, in (0, 1); 0.5 for what was never tried (Laplace's rule)."""
        return (self.succeeded + 1) / (self.succeeded + self.failed + 2)

    @classmethod
    def of(cls, memory: Memory) -> Plan:
        """Read a record; what is no plan's metadata counts as none."""
        kept = memory.metadata
        steps = kept.get("steps")
        counts = [kept.get(name) for name in ("succeeded", "failed")]
        succeeded, failed = (n if isinstance(n, int) and n >= 0 else 0 for n in counts)
        known = tuple(map(str, steps)) if isinstance(steps, list) else ()
        return cls(memory.text, known, succeeded, failed, memory)


def went_well(outcome: bool | str | None) -> bool | None:
    """Read an outcome: `success` or True, `failure` or False, None for none yet.

    Raises:
        InvalidInputError: it is something else.
    """
    if outcome is None or isinstance(outcome, bool):
        return outcome
    if outcome not in _OUTCOMES:
        raise InvalidInputError(f"outcome={outcome!r} must be 'success', 'failure' or None")
    return _OUTCOMES[outcome]


@dataclass(frozen=True)
class Plans:
    """Keeps plans as memories of their own granularity, whose text is the goal."""

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
        """Keep a plan; the same goal and steps are one plan, whose outcomes and sources add up."""
        draft = replace(self._draft(scope, goal, steps), sources=tuple(dict.fromkeys(sources)))
        held = self.store.get(scope, Granularity.PLAN, [draft.id])
        if held and not set(draft.sources) <= set(held[0].memory.sources):
            known = held[0].memory
            both = tuple(dict.fromkeys([*known.sources, *draft.sources]))
            held = [replace(held[0], memory=replace(known, sources=both))]
            self.memories.write(Batch(scope, patch=[held[0].memory]))
        if not held:
            [vector] = self.embedder.documents([draft.text])
            self.memories.write(Batch(scope, put=[Entry(draft, vector)]))
        if outcome is not None:
            return self.went(scope, draft.id, outcome)
        return Plan.of(held[0].memory if held else draft)

    def _draft(self, scope: Scope, goal: str, steps: Sequence[str]) -> Memory:
        if isinstance(steps, str) or not goal.strip() or not all(s.strip() for s in steps):
            raise EmptyTextError("a plan needs a goal, and steps as a list of texts")
        if not steps:
            raise EmptyTextError("a plan without steps says nothing; name at least one")
        now = self.clock()
        return Memory(
            id=uuid.uuid5(_IDS, "\n".join([goal.strip(), *steps])).hex,
            scope=scope,
            granularity=Granularity.PLAN,
            text=goal.strip(),
            session_id=f"{ITEM_PREFIX}plan",
            said_at=now,
            written_at=now,
            role="system",
            strength=self.curve.initial_strength(0.5),
            metadata=_metadata(steps, 0, 0),
        )

    def went(self, scope: Scope, plan_id: str, well: bool) -> Plan:
        """Count how it went: success strengthens as a recall does, failure weakens."""
        held = self.store.get(scope, Granularity.PLAN, [plan_id])
        if not held:
            raise MemoryNotFoundError(f"{scope} has no plan {plan_id!r}")
        plan = Plan.of(held[0].memory)
        succeeded, failed = plan.succeeded + well, plan.failed + (not well)
        memory = replace(plan.memory, metadata=_metadata(plan.steps, succeeded, failed))
        if well:
            memory = recalled(memory, self.curve, self.clock())
        else:
            memory = replace(memory, strength=memory.strength * _WEAKENED)
        self.memories.write(Batch(scope, patch=[memory]))
        return Plan.of(memory)

    def ranked(self, scope: Scope, near: Sequence[tuple[str, float]]) -> list[Plan]:
        """Plans by fit: their cosine to what is wanted, more for success and less for failure.

        Args:
            near: ids with their cosines.
        """
        fits = dict(near)
        found = self.store.get(scope, Granularity.PLAN, list(fits))
        plans = [Plan.of(entry.memory) for entry in found]
        fitting = [replace(p, fit=fits[p.id] * (0.5 + p.worth)) for p in plans]
        return sorted(fitting, key=lambda p: (-p.fit, p.id))

    def all(self, scope: Scope) -> list[Plan]:
        """Every plan that has not faded, those that went best first."""
        held = self.store.scan(scope, Granularity.PLAN)
        plans = [Plan.of(m) for m in held if m.state is State.ACTIVE and m.version_of is None]
        return sorted(plans, key=lambda p: (-p.worth, p.memory.said_at, p.id))


def _metadata(steps: Sequence[str], succeeded: int, failed: int) -> dict[str, Any]:
    return {"steps": list(steps), "succeeded": succeeded, "failed": failed}

"""The verbs by which use changes what is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentmem.controller.to_async import to_async
from agentmem.controller.writes import Writes
from agentmem.feedback.plans import Plan, went_well
from agentmem.feedback.reflection import Learned
from agentmem_retrievers import SearchResult
from agentmem_stores import (
    Batch,
    Granularity,
    InvalidInputError,
    Memory,
    MemoryNotFoundError,
    Scope,
    WriteHookError,
)

__all__ = ["Uses"]


class Uses(Writes):
    """Strengthening, learning from what was of use, and plans."""

    def reinforce(
        self, hits: SearchResult, *, shown: Sequence[str] | None = None, scope: Scope | None = None
    ) -> None:
        """Strengthen what a search with `reinforce=False` has found, behind this call.

        Hits of another scope strengthen nothing, not even what has the same ids in this one.

        Args:
            shown: ids of the hits that were made use of; by default all of them.
        """
        owner = self._scope(scope)
        own = _own(owner, hits)
        kept = [hit for hit in own if shown is None or hit.memory.id in shown]
        self._reinforcement.note(owner, replace(own, hits=tuple(kept)))

    def feedback(
        self,
        hits: SearchResult,
        *,
        cited: Sequence[str],
        shown: Sequence[str] | None = None,
        scope: Scope | None = None,
    ) -> None:
        """Say which of the memories found were of use.

        Those are strengthened as by a long rest, and similar questions find them higher up, those
        passed over further down; see `learned`. Hits of another scope change nothing.

        Args:
            cited: ids of hits that an answer made use of.
            shown: ids of the hits that it could make use of; by default all of them.

        Raises:
            MemoryNotFoundError: an id is not among the hits, or cited but not shown; nothing was
                changed.
        """
        owner = self._scope(scope)
        found = {hit.memory.id for hit in hits}
        seen = found if shown is None else set(shown)
        strangers = sorted((seen - found) | (set(cited) - seen))
        if strangers:
            raise MemoryNotFoundError(f"{strangers} are not among the hits of {hits.query!r}")
        own = _own(owner, hits)
        with self._lock:
            self._reinforcement.flush()
            held = self._read(owner, sorted(seen & {hit.memory.id for hit in own}))
            self._memories.write(
                Batch(owner, patch=[self._cited(m) for m in held if m.id in cited])
            )
            # Of what was deleted since, nothing is to be learned.
            if len(held) == len(seen):
                self._reflection.note(owner, own, cited, seen)

    def _cited(self, memory: Memory) -> Memory:
        return replace(memory, strength=self.curve.strengthened(memory.strength, float("inf")))

    def learned(self, *, scope: Scope | None = None) -> Learned:
        """Say what use has taught: how many citations are kept, and how far they are believed."""
        owner = self._scope(scope)
        return self._reflection.learned(owner)

    def reset_learning(self, *, scope: Scope | None = None) -> int:
        """Forget which memories were cited, so that all rank as they did before any feedback.

        Returns:
            How many citations there were.
        """
        owner = self._scope(scope)
        with self._lock:
            return self._reflection.reset(owner)

    def add_plan(
        self,
        goal: str,
        steps: Sequence[str],
        outcome: bool | str | None = None,
        *,
        sources: Sequence[str] = (),
        scope: Scope | None = None,
    ) -> Plan:
        """Remember a way of reaching a goal.

        Args:
            outcome: `success` or True, `failure` or False, None while it was not tried. Success
                strengthens the plan, failure weakens it.
            sources: ids of the memories that it was made from. When one of them is deleted or
                updated, the plan goes with it.

        Raises:
            MemoryNotFoundError: the scope does not hold one of the sources.
            EmptyTextError: there is no goal, or a step says nothing.
            InvalidInputError: the outcome is none of these.
            EmbeddingError: the embedder failed; nothing was written.
            WriteHookError: `before_write` failed, or keeps the plan out; nothing was written.
        """
        owner = self._scope(scope)
        well = went_well(outcome)
        kept = steps if isinstance(steps, str) else list(steps)
        told = self._admission.value({"goal": goal, "steps": kept}, "system", {})
        if told is None:
            raise WriteHookError("before_write keeps this plan out; nothing was written")
        with self._lock:
            missing = set(sources) - {m.id for m in self._read(owner, list(sources))}
            if missing:
                raise MemoryNotFoundError(f"{owner} has no memory {min(missing)!r}")
            return self._plans.add(owner, told["goal"], told["steps"], well, sources)

    def plan_went(self, plan_id: str, outcome: bool | str, *, scope: Scope | None = None) -> Plan:
        """Say how a plan went, `success` or `failure`.

        Raises:
            MemoryNotFoundError: the scope has no such plan.
            InvalidInputError: the outcome is neither.
        """
        owner = self._scope(scope)
        well = went_well(outcome)
        if well is None:
            raise InvalidInputError("outcome=None says nothing; pass 'success' or 'failure'")
        with self._lock:
            return self._plans.went(owner, plan_id, well)

    def plans(
        self, goal: str | None = None, *, k: int = 5, scope: Scope | None = None
    ) -> list[Plan]:
        """Return plans for a goal, those that fit and went best first; all without a goal."""
        owner = self._scope(scope)
        self.flush()
        if not len(self._memories.index(owner).tables[Granularity.PLAN]):
            return []
        if goal is None:
            return self._plans.all(owner)[:k]
        found = self.search(
            goal, k=max(k, 20), scope=owner, granularity=Granularity.PLAN, reinforce=False
        )
        return self._plans.ranked(owner, [(hit.memory.id, hit.score) for hit in found])[:k]

    aadd_plan = to_async(add_plan)
    aplan_went = to_async(plan_went)
    aplans = to_async(plans)
    areinforce = to_async(reinforce)
    afeedback = to_async(feedback)
    alearned = to_async(learned)
    areset_learning = to_async(reset_learning)


def _own(owner: Scope, hits: SearchResult) -> SearchResult:
    """Those hits that are of this scope: others may have the same ids, by an import."""
    return replace(hits, hits=tuple(hit for hit in hits if hit.memory.scope == owner))

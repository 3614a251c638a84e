"""What must be true of a memory when it opens after a kill."""

from __future__ import annotations

from agentmem import Granularity, Memory, MemoryController, Scope
from tests.torture._acknowledgments import AcknowledgmentLog

__all__ = ["inspect"]

ADA, COPY = Scope("ada"), Scope("copy")


def inspect(memory: MemoryController, log: AcknowledgmentLog) -> None:
    """Compare a memory with the log, and settle what was in flight.

    Raises:
        AssertionError: something acknowledged is lost or changed, or something is half there.
    """
    # Read before the check, which reads the whole store and so may complete what is missing.
    turns = {owner: _turns(memory, owner) for owner in (ADA, COPY)}
    for owner in (ADA, COPY):
        problems = memory.check(scope=owner).problems
        assert not problems, f"check() of {owner} finds {problems[:5]}"
    flight = log.in_flight or {}
    if flight:
        owner = Scope(flight.get("owner", "ada"))
        log.settle(happened=_happened(flight, turns[owner], log.texts[owner.user_id]))
    for owner, existing in turns.items():
        texts = {m.id: m.text for m in existing.values()}
        expected = log.texts[owner.user_id]
        assert texts == expected, f"{owner} differs: {_difference(expected, texts)}"
    for memory_id, count in log.recalls.items():
        assert turns[ADA][memory_id].recall_count >= count, f"recalls of {memory_id} are lost"
    everything = _all(memory, ADA)
    goals = {m.id: m.text for m in everything if m.granularity is Granularity.PLAN}
    for plan_id, (goal, *_) in log.plans.items():
        assert goals.get(plan_id) == goal, f"plan {plan_id} is lost"
    digests = {m.session_id for m in everything if m.granularity is Granularity.SUMMARY}
    # What was in flight may have been about to rewrite them.
    missing = log.digested - digests - set(flight.get("touched", ()))
    assert not missing, f"ended sessions without a summary: {sorted(missing)}"


def _happened(flight: dict[str, dict[str, str]], turns: dict[str, Memory], before: object) -> bool:
    """Whether it is there; all of it or nothing."""
    put, removed = flight.get("put", {}), flight.get("removed", ())
    known = before if isinstance(before, dict) else {}
    signs = [
        turns[i].text == t if i in turns else False for i, t in put.items() if known.get(i) != t
    ]
    signs += [i not in turns for i in removed if i in known]
    assert len(set(signs)) <= 1, f"{flight['begin']} is half there"
    return bool(signs) and signs[0]


def _turns(memory: MemoryController, owner: Scope) -> dict[str, Memory]:
    existing = _all(memory, owner)
    return {m.id: m for m in existing if m.granularity is Granularity.TURN and m.version_of is None}


def _all(memory: MemoryController, owner: Scope) -> list[Memory]:
    return memory.get_all(limit=None, scope=owner)


def _difference(expected: dict[str, str], actual: dict[str, str]) -> str:
    lost, new = sorted(expected.keys() - actual.keys()), sorted(actual.keys() - expected.keys())
    changed = sorted(i for i in expected.keys() & actual.keys() if expected[i] != actual[i])
    return f"lost {lost[:3]}, never acknowledged {new[:3]}, changed {changed[:3]}"

"""The indexed store: write-through, and one consistency protocol."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from agentmem_retrievers import IndexedStore
from agentmem_stores import Batch, Entry, Granularity, InMemoryStore, Memory, Scope, StoreError

ADA, BEN = Scope("ada"), Scope("ben")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TURN = Granularity.TURN


class CountingStore(InMemoryStore):
    """Counts how often others read the revision of each scope; can refuse to write."""

    def __init__(self) -> None:
        super().__init__()
        self.revisions: Counter[Scope] = Counter()
        self.refuse = False

    def revision(self, scope: Scope) -> str:
        self.revisions[scope] += 1
        return super().revision(scope)

    def write(self, batch: Batch) -> str:
        if self.refuse:
            raise StoreError("refused")
        revision = super().write(batch)
        self.revisions[batch.scope] -= 1  # read by the store itself
        return revision


def batch(name: str, scope: Scope = ADA) -> Batch:
    vector = np.zeros(384, dtype=np.float32)
    vector[0] = 1
    memory = Memory(name, scope, TURN, f"text of {name}", "s", NOW, NOW)
    return Batch(scope, put=[Entry(memory, vector)])


def names(memories: IndexedStore, scope: Scope = ADA) -> list[str]:
    return sorted(memories.index(scope).tables[TURN].row_of)


def test_writes_through_to_store_and_index() -> None:
    memories = IndexedStore(InMemoryStore())
    memories.write(batch("a"))
    assert names(memories) == ["a"]
    assert [m.id for m in memories.get(ADA, ["a", "unknown"])] == ["a"]
    memories.write(Batch(ADA, delete=[(TURN, "a")]))
    assert names(memories) == []


def test_turns_are_as_in_the_store() -> None:
    """A patch changes all fields but the text."""
    store = InMemoryStore()
    memories = IndexedStore(store)
    memories.write(batch("a"))
    memories.write(batch("b"))
    [turn] = memories.get(ADA, ["a"])
    metadata = {"n": [1, 2.5, None], "é": {"x": True}}
    memories.write(Batch(ADA, patch=[replace(turn, text="other", metadata=metadata, strength=3.0)]))
    turns = memories.turns(ADA, ["b", "unknown", "a"])
    assert turns == store.get_memories(ADA, TURN, ["b", "a"])
    assert (turns[1].text, turns[1].metadata) == ("text of a", metadata)


def test_the_outermost_writing_brings_an_index_up_to_date_once() -> None:
    store = CountingStore()
    memories = IndexedStore(store)
    memories.index(ADA)
    store.revisions.clear()
    with memories.writing(ADA):
        memories.index(ADA)
        with memories.writing(ADA):
            memories.write(batch("a"))
            memories.index(ADA)
        memories.write(batch("b"))
        assert names(memories) == ["a", "b"]
    assert store.revisions == {ADA: 1}


def test_sees_writes_of_others_with_the_next_reading() -> None:
    store = InMemoryStore()
    memories, other = IndexedStore(store), IndexedStore(store)
    assert names(memories) == []
    other.write(batch("a"))
    with memories.reading(ADA):
        assert names(memories) == ["a"]
    other.write(batch("b"))
    assert names(memories) == ["a", "b"]


def test_a_failed_write_leaves_the_index_as_the_store() -> None:
    store = CountingStore()
    memories = IndexedStore(store)
    with memories.writing(ADA):
        memories.write(batch("a"))
        store.refuse = True
        with pytest.raises(StoreError):
            memories.write(batch("b"))
        store.refuse = False
        assert names(memories) == ["a"]
    assert names(memories) == ["a"]


def test_scopes_are_separate() -> None:
    memories = IndexedStore(InMemoryStore())
    memories.write(batch("a"))
    memories.write(batch("b", BEN))
    memories.drop(ADA)
    assert (names(memories), names(memories, BEN)) == (["a"], ["b"])

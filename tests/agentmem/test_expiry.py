"""Memories that expire, and importance that is given afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from agentmem import (
    Granularity,
    InMemoryStore,
    InvalidInputError,
    MemoryController,
    MemoryNotFoundError,
    NaiveDatetimeError,
    Scope,
)
from agentmem.embedding.embedder import Embedder
from agentmem.testing import ManualClock
from tests.agentmem.langchain.conftest import WordEmbeddings

DAY = timedelta(days=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def memory(clock: ManualClock) -> Iterator[MemoryController]:
    store = InMemoryStore(Embedder(WordEmbeddings()).spec)
    with MemoryController(
        store, scope=Scope("ada"), embeddings=WordEmbeddings(), clock=clock, linger=None
    ) as memory:
        yield memory


class TestExpiry:
    def test_deleted_with_what_was_derived(
        self, memory: MemoryController, clock: ManualClock
    ) -> None:
        [turn] = memory.add("I live in Lisbon.", session_id="s1", expires_at=clock() + DAY)
        memory.add("I like tea.", session_id="s1")
        memory.end_session("s1")
        memory.update(turn.id, text="I live in Porto.")
        assert "Porto" in {fact.value for fact in memory.facts()}
        clock.advance(hours=23)
        assert len(memory.search("Porto", k=2)) == 2
        clock.advance(hours=2)
        assert [hit.memory.text for hit in memory.search("Porto", reinforce=False)] == [
            "I like tea."
        ]
        with pytest.raises(MemoryNotFoundError):
            memory.history(turn.id)
        assert {fact.value for fact in memory.facts()} == {"tea"}
        texts = [m.text for m in memory.get_all(limit=None)]
        assert not any("Lisbon" in text or "Porto" in text for text in texts)
        assert any(m.granularity is Granularity.SUMMARY for m in memory.get_all(limit=None))
        assert memory.check().ok

    @pytest.mark.parametrize("verb", ["search", "recall", "sweep"])
    def test_each_verb_deletes(
        self, memory: MemoryController, clock: ManualClock, verb: str
    ) -> None:
        [turn] = memory.add("My ticket number is 4711.", expires_at=clock() + DAY)
        clock.advance(days=1)
        if verb == "sweep":
            assert memory.sweep().expired == (turn.id,)
        else:
            getattr(memory, verb)("ticket")
        assert memory.get_all() == []

    def test_of_messages_and_conversations(
        self, memory: MemoryController, clock: ManualClock
    ) -> None:
        later = clock() + 10 * DAY
        memory.add_many(
            {"s1": ["I like tea.", {"content": "I like mate.", "expires_at": later.isoformat()}]},
            expires_at=clock() + DAY,
        )
        clock.advance(days=2)
        memory.sweep()
        assert [m.text for m in memory.get_all(granularity=Granularity.TURN)] == ["I like mate."]

    def test_update_changes_it(self, memory: MemoryController, clock: ManualClock) -> None:
        first, second = memory.add(["I like tea.", "I like mate."], expires_at=clock() + DAY)
        memory.update(first.id, expires_at=None)
        assert memory.update(second.id, expires_at=clock() + 3 * DAY).expires_at is not None
        clock.advance(days=2)
        assert memory.sweep().expired == ()
        clock.advance(days=2)
        assert memory.sweep().expired == (second.id,)

    def test_a_merged_turn_outlives_a_duplicate_that_expires(
        self, memory: MemoryController, clock: ManualClock
    ) -> None:
        [lasting] = memory.add("My blood type is A positive.", session_id="s1")
        clock.advance(days=1)
        [gone] = memory.add("My blood type is A positive.", session_id="s2", importance=0.5)
        memory.end_session("s2")
        assert memory.consolidate().merged == {lasting.id: gone.id}
        memory.update(gone.id, expires_at=clock() + DAY)
        clock.advance(days=2)
        [hit] = memory.search("blood type")
        assert hit.memory.id == lasting.id

    def test_needs_a_time_zone(self, memory: MemoryController, clock: ManualClock) -> None:
        with pytest.raises(NaiveDatetimeError, match="expires_at"):
            memory.add("I like tea.", expires_at=clock().replace(tzinfo=None))
        [turn] = memory.add("I like tea.")
        with pytest.raises(InvalidInputError, match="expires_at"):
            memory.update(turn.id, expires_at=3)  # type: ignore[arg-type]


class TestImportance:
    def test_afterwards_is_as_from_the_start(self, memory: MemoryController) -> None:
        [early] = memory.add("I like tea.", scope=Scope("a"), importance=0.7)
        [late] = memory.add("I like tea.", scope=Scope("b"))
        updated = memory.update(late.id, importance=0.7, scope=Scope("b"))
        assert updated.strength == pytest.approx(early.strength)
        assert updated.version == 1
        lowered = memory.update(early.id, importance=0.0, scope=Scope("a"))
        assert lowered.strength == pytest.approx(late.strength)
        assert memory.get(early.id, scope=Scope("a")).strength == pytest.approx(late.strength)

    @pytest.mark.parametrize("importance", [-0.1, 1.5, float("nan"), "high", True])
    def test_is_checked(self, memory: MemoryController, importance: float) -> None:
        [turn] = memory.add("I like tea.")
        with pytest.raises(InvalidInputError, match="importance"):
            memory.update(turn.id, importance=importance)

    def test_an_update_of_nothing_is_refused(self, memory: MemoryController) -> None:
        [turn] = memory.add("I like tea.")
        with pytest.raises(InvalidInputError, match="text=, importance= or expires_at="):
            memory.update(turn.id)

"""Recalls are recorded one by one; archiving and reviving by hand."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import (
    ForgettingCurve,
    InvalidInputError,
    MemoryController,
    Scope,
    State,
    StoreUnavailableError,
)
from agentmem.feedback.reinforcement import Reinforcement, after_recall
from agentmem.testing import ManualClock
from agentmem_stores.records import MAX_RECALLS

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def memory(
    tmp_path: Path, embeddings: Embeddings, clock: ManualClock
) -> Iterator[MemoryController]:
    with MemoryController.open(
        tmp_path / "store", scope=Scope("ada"), embeddings=embeddings, clock=clock, linger=None
    ) as opened:
        yield opened


def test_each_recall_is_recorded_with_the_strength_until_then(
    memory: MemoryController, clock: ManualClock
) -> None:
    [turn] = memory.add("I adopted a beagle called Biscuit.", session_id="s1")
    for days in (3, 10):
        clock.advance(days=days)
        memory.search("What is my dog called?", k=1)
    recalled = memory.get(turn.id)
    assert [(recall.at - START).days for recall in recalled.recalls] == [3, 13]
    first, second = (recall.strength for recall in recalled.recalls)
    assert first == turn.strength
    assert second == ForgettingCurve().strengthened(first, 3)
    assert recalled.strength == ForgettingCurve().strengthened(second, 10)


def test_recalls_survive_an_update_and_a_backup(memory: MemoryController, tmp_path: Path) -> None:
    [turn] = memory.add("I live in Lisbon.", session_id="s1")
    memory.search("Where do I live?", k=1)
    recalls = memory.get(turn.id).recalls
    assert len(recalls) == 1
    assert memory.update(turn.id, text="I live in Porto.").recalls == recalls
    memory.export(tmp_path / "backup.jsonl")
    memory.import_(tmp_path / "backup.jsonl", scope=Scope("ben"))
    assert memory.get(turn.id, scope=Scope("ben")).recalls == recalls


def test_only_the_latest_recalls_are_kept(memory: MemoryController, clock: ManualClock) -> None:
    [turn] = memory.add("I live in Lisbon.")
    for _ in range(MAX_RECALLS + 5):
        turn = after_recall(turn, ForgettingCurve(), clock.advance(days=1))
    assert turn.recall_count == MAX_RECALLS + 5
    assert len(turn.recalls) == MAX_RECALLS
    assert turn.recalls[-1].at == clock()


def test_archive_and_revive(memory: MemoryController, clock: ManualClock) -> None:
    [turn] = memory.add("I had toast for breakfast.", session_id="s1")
    clock.advance(days=9)
    archived = memory.archive(turn.id)
    assert (archived.state, archived.state_changed_at) == (State.ARCHIVED, clock())
    assert memory.archive(turn.id) == archived
    clock.advance(days=9)
    revived = memory.revive(turn.id)
    assert revived.state is State.ACTIVE
    assert revived.state_changed_at is None
    assert memory.curve.retention_of(revived, clock()) == 1.0
    assert memory.revive(turn.id) == revived
    assert memory.get(turn.id) == revived


def test_pinned_and_superseded_memories_cannot_be_archived(memory: MemoryController) -> None:
    [turn] = memory.add("I am allergic to peanuts.", session_id="s1")
    memory.pin(turn.id)
    with pytest.raises(InvalidInputError, match="is pinned; unpin it"):
        memory.archive(turn.id)
    memory.update(turn.id, text="I am allergic to walnuts.")
    former = memory.history(turn.id)[0]
    for verb in (memory.archive, memory.revive):
        with pytest.raises(InvalidInputError, match="is superseded; name a current memory"):
            verb(former.id)


def test_flush_waits_for_what_the_background_is_writing(
    tmp_path: Path, embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = threading.Event(), threading.Event()
    write = Reinforcement._write

    def slow(self: Reinforcement, *args: Any) -> None:
        writing.set()
        assert go_on.wait(30)
        write(self, *args)

    monkeypatch.setattr(Reinforcement, "_write", slow)
    with MemoryController.open(
        tmp_path / "store", scope=Scope("ada"), embeddings=embeddings, linger=0.001
    ) as memory:
        [turn] = memory.add("I adopted a beagle called Biscuit.", session_id="s1")
        memory.search("What is my dog called?", k=1)
        assert writing.wait(30)
        flushing = threading.Thread(target=memory.flush)
        flushing.start()
        flushing.join(0.2)
        returned_early = not flushing.is_alive()
        go_on.set()
        flushing.join(30)
        assert not returned_early
        assert memory.get(turn.id).recall_count == 1


def test_recalls_that_cannot_be_written_stay_pending(
    tmp_path: Path, embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben = Scope("ada"), Scope("ben")
    with MemoryController.open(tmp_path / "store", embeddings=embeddings, linger=None) as memory:
        turns = {
            owner: memory.add("I adopted a beagle.", session_id="s1", scope=owner)[0].id
            for owner in (ada, ben)
        }
        for owner in turns:
            memory.search("my beagle", k=1, scope=owner)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
        with pytest.raises(StoreUnavailableError):
            memory.flush()
        memory.search("my beagle", k=1, scope=ada)
        memory.services.reinforcement.flush_on_collection()
        monkeypatch.undo()
        memory.flush()
        counts = {owner: memory.get(i, scope=owner).recall_count for owner, i in turns.items()}
        assert counts == {ada: 2, ben: 1}

"""Conversations are written a few sessions at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import MemoryController, Scope
from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn
from agentmem.ingest import BATCH_CHARACTERS, TURN_CHARACTERS, ingest, session_batches
from agentmem_stores import Granularity

ADA, NOW = Scope("ada"), datetime(2026, 1, 5, tzinfo=UTC)


def session(number: int, *lengths: int) -> DialogueSession:
    """A session of turns with so many characters."""
    turns = [DialogueTurn("user", None, ("tea " * n)[:n], NOW) for n in lengths]
    return DialogueSession(f"s{number}", NOW, tuple(turns))


def sizes(*sessions: DialogueSession) -> list[int]:
    """How many sessions each batch has."""
    return [len(batch) for batch in session_batches(sessions)]


def test_a_batch_ends_with_the_session_that_fills_it() -> None:
    half = BATCH_CHARACTERS // 2 - TURN_CHARACTERS
    assert sizes() == []
    assert sizes(session(0, 10)) == [1]
    assert sizes(*(session(n, half) for n in range(5))) == [2, 2, 1]
    assert sizes(*(session(n, half - 1) for n in range(5))) == [3, 2]
    assert sizes(session(0, 10), session(1, 4 * half), session(2, 10)) == [2, 1]


def test_short_turns_fill_a_batch_too() -> None:
    n_turns = BATCH_CHARACTERS // (TURN_CHARACTERS + 1)
    assert sizes(*(session(n, *[1] * 10) for n in range(n_turns // 5))) == [38, 36]


def test_an_interrupted_ingest_is_completed(
    embeddings: Embeddings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentmem.ingest.BATCH_CHARACTERS", 2 * (TURN_CHARACTERS + 30))
    dialogue = Dialogue("ada", tuple(session(n, 30) for n in range(5)))
    done: list[int] = []
    with MemoryController.open(tmp_path, scope=ADA, embeddings=embeddings) as memory:
        add_many, calls = memory.add_many, []

        def fail_later(sessions: Any, **options: Any) -> Any:
            calls.append(list(sessions))
            if len(calls) == 2:
                raise KeyboardInterrupt
            return add_many(sessions, **options)

        monkeypatch.setattr(memory, "add_many", fail_later)
        with pytest.raises(KeyboardInterrupt):
            ingest(memory, dialogue, progress=done.append)
        assert done == [2]
        report = ingest(memory, dialogue, progress=done.append)

        assert (report.written, report.present) == (3, 2)
        assert done == [2, 2, 2, 1]
        written = [call for call in calls if call]
        assert written == [["s0", "s1"], ["s2", "s3"], ["s2", "s3"], ["s4"]]
        turns = memory.get_all(granularity=Granularity.TURN, limit=None)
        assert sorted(turn.session_id for turn in turns) == [f"s{n}" for n in range(5)]

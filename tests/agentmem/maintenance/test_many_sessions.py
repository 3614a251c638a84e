"""Checks of stores with more derived memories than arrays have room for at first."""

from __future__ import annotations

from pathlib import Path

from langchain_core.embeddings import Embeddings

from agentmem import MemoryController, Scope

ADA = Scope("ada")


def test_a_store_of_many_sessions_is_checked(embeddings: Embeddings, tmp_path: Path) -> None:
    sessions = {f"s{n}": [f"On day {n} I walked to the lake."] for n in range(70)}
    with MemoryController.open(tmp_path, scope=ADA, embeddings=embeddings) as memory:
        memory.add_many(sessions)
        assert memory.check().ok
        assert memory.check(repair=True).ok

"""Importing from mem0."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import DataFormatError, InMemoryStore, MemoryController, Scope, StoreUnavailableError
from agentmem.migration import MigrationReport, import_mem0

ADA, BEN = Scope("ada"), Scope("ben", "cook")

EXPORT: dict[str, Any] = {
    "results": [
        {
            "id": "0f6f2f5e-5c52-4a3e-9a0e-3d8f9d0e5a11",
            "memory": "Has a beagle called Biscuit",
            "hash": "9d1c",
            "metadata": {"topic": "pets"},
            "created_at": "2024-03-01T08:00:00-08:00",
            "updated_at": None,
            "user_id": "ada",
            "run_id": "chat-1",
        },
        {
            "id": "7b0d2f5e-5c52-4a3e-9a0e-3d8f9d0e5a12",
            "memory": "Moved to Lisbon",
            "metadata": None,
            "created_at": "2024-03-01T08:00:00",
            "updated_at": "2024-05-01T08:00:00",
            "user_id": "ada",
            "categories": ["places"],
        },
        {
            "id": "8c0d2f5e-5c52-4a3e-9a0e-3d8f9d0e5a13",
            "memory": "Cooks without walnuts",
            "user_id": "ben",
            "agent_id": "cook",
            "role": "assistant",
        },
    ],
    "relations": [],
}


@pytest.fixture
def memory(embeddings: Embeddings) -> Any:
    with MemoryController(InMemoryStore(), embeddings=embeddings) as controller:
        yield controller


def test_memories_keep_scope_id_date_and_metadata(memory: MemoryController) -> None:
    assert import_mem0(memory, EXPORT) == MigrationReport({ADA: 2, BEN: 1}, present=0)
    hit = memory.search("What is the dog called?", k=1, scope=ADA)[0].memory
    assert hit.id == EXPORT["results"][0]["id"]
    assert hit.said_at == datetime(2024, 3, 1, 16, tzinfo=UTC)
    assert hit.metadata["topic"] == "pets"
    assert hit.metadata["mem0"]["run_id"] == "chat-1"
    moved = memory.get(EXPORT["results"][1]["id"], scope=ADA)
    assert moved.said_at == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert [m.role for m in memory.get_all(scope=BEN)] == ["assistant"]


def test_importing_again_changes_nothing(memory: MemoryController, tmp_path: Path) -> None:
    path = tmp_path / "mem0.json"
    path.write_text(json.dumps(EXPORT))
    import_mem0(memory, EXPORT["results"])
    before = memory.get_all(scope=ADA)
    assert import_mem0(memory, path) == MigrationReport({ADA: 0, BEN: 0}, present=3)
    assert memory.get_all(scope=ADA) == before


def test_scope_argument_overrides_user_id(memory: MemoryController) -> None:
    nameless = [{"id": "1", "memory": "Likes tea", "agent_id": "cook"}]
    with pytest.raises(DataFormatError, match="pass scope="):
        import_mem0(memory, nameless)
    assert import_mem0(memory, nameless, scope=ADA).written == {ADA: 1}


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "x"},
        {"id": "x", "memory": ""},
        {"id": "x", "memory": 7},
        {"id": "x@1", "memory": "m"},
        {"memory": "m"},
        {"id": "x", "memory": "m", "created_at": "yesterday"},
        {"id": "x", "memory": "m", "created_at": 7},
        {"id": "x", "memory": "m", "metadata": [1]},
        {"id": "x", "memory": "m", "metadata": {"a": float("nan")}},
        {"id": "x", "memory": "m", "user_id": "*"},
        {"id": "x", "memory": "\ud800"},
        "a string",
    ],
)
def test_invalid_record_raises_and_nothing_is_written(memory: MemoryController, wrong: Any) -> None:
    if isinstance(wrong, dict):
        wrong = {"user_id": "ada", **wrong}
    with pytest.raises(DataFormatError, match="memory 4 of mem0"):
        import_mem0(memory, [*EXPORT["results"], wrong])
    assert memory.get_all(scope=ADA) == []


@pytest.mark.parametrize("content", ["{", "7", '{"memories": []}', '"results"'])
def test_other_files_raise(memory: MemoryController, tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(DataFormatError):
        import_mem0(memory, path)
    with pytest.raises(StoreUnavailableError):
        import_mem0(memory, tmp_path / "missing.json")

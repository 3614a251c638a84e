"""`agentmem copy`."""

from __future__ import annotations

from pathlib import Path

from langchain_core.embeddings import Embeddings
from typer.testing import CliRunner

from agentmem import MemoryController, Scope
from agentmem.cli.app import app

ADA = Scope("ada")


def test_copied_memories_are_found(tmp_path: Path, embeddings: Embeddings) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with MemoryController.open(one, scope=ADA, embeddings=embeddings) as memory:
        memory.add("I adopted a beagle called Biscuit.", session_id="s")
        memory.end_session("s")
        before = memory.get_all()

    result = CliRunner().invoke(app, ["copy", str(one), str(two)])

    assert result.exit_code == 0, result.output
    assert "of 1 owners" in result.stderr
    with MemoryController.open(two, scope=ADA, embeddings=embeddings) as memory:
        assert memory.get_all() == before
        assert memory.search("What is my dog called?", k=1)[0].memory.text.endswith("Biscuit.")


def test_an_unreachable_server_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["copy", "http://localhost:1", str(tmp_path / "two")])
    assert result.exit_code == 1
    assert "localhost:1" in result.stderr


def test_a_missing_source_creates_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["copy", str(tmp_path / "typo"), str(tmp_path / "two")])
    assert result.exit_code == 1
    assert "no store at" in result.stderr
    assert list(tmp_path.iterdir()) == []

"""Export and import preserve everything, and an invalid file changes nothing."""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding

from agentmem import (
    DataFormatError,
    EmbedderSpec,
    InMemoryStore,
    InvalidInputError,
    Memory,
    MemoryController,
    Scope,
    StoreUnavailableError,
)
from agentmem.testing import ManualClock

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ADA, BEN = Scope("ada"), Scope("ben", "helper")
# Fake embeddings, because the vectors do not matter here and there are many examples.
EMBEDDINGS = DeterministicFakeEmbedding(size=16)


def controller() -> MemoryController:
    return MemoryController(
        InMemoryStore(EmbedderSpec("DeterministicFakeEmbedding", 16)),
        scope=ADA,
        embeddings=EMBEDDINGS,
        clock=ManualClock(START),
        rng=random.Random(1),
        linger=None,
    )


def everything(memory: MemoryController, scope: Scope) -> list[Memory]:
    """Return all records of a scope with former versions, with the scope replaced by ADA."""
    memories = memory.get_all(scope=scope, limit=None)
    versions = [v for m in memories for v in memory.history(m.id, scope=scope)]
    return sorted((replace(m, scope=ADA) for m in versions), key=lambda m: m.id)


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(str.strip)
plain = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), texts)
metadata = st.dictionaries(texts, st.one_of(plain, st.lists(plain, max_size=3)), max_size=3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(texts, texts, metadata), min_size=1, max_size=5), texts)
def test_export_and_import_preserve_every_record(
    turns: list[tuple[str, str, dict[str, object]]], correction: str
) -> None:
    with controller() as memory, tempfile.TemporaryDirectory() as folder:
        for session, text, attributes in turns:
            memory.add(text, session_id=session, metadata=attributes)
        memory.consolidate()
        first = memory.get_all(limit=None)[0]
        memory.update(first.id, text=correction)
        memory.search("anything")
        memory.flush()
        path = Path(folder) / "backup.jsonl"
        count = memory.export(path)
        assert memory.import_(path, scope=BEN) == count
        assert everything(memory, BEN) == everything(memory, ADA)
        memory.import_(path, scope=BEN)
        assert everything(memory, BEN) == everything(memory, ADA)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    with controller() as memory:
        memory.add(["One.", "Two."], session_id="s")
        memory.export(tmp_path / "backup.jsonl")
    return tmp_path / "backup.jsonl"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("text", " "), ("said_at", "yesterday"), ("granularity", "novel"), ("strength", -1)],
)
def test_invalid_line_is_named_and_nothing_is_imported(
    backup: Path, field: str, wrong: object
) -> None:
    lines = backup.read_text().splitlines()
    lines[2] = json.dumps(json.loads(lines[2]) | {field: wrong})
    backup.write_text("\n".join(lines))
    with controller() as memory:
        with pytest.raises(DataFormatError, match="line 3"):
            memory.import_(backup)
        assert memory.get_all() == []


def test_other_files_raise(tmp_path: Path, backup: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ada")
    (tmp_path / "newer.jsonl").write_text('{"agentmem": 99}\n')
    with controller() as memory:
        with pytest.raises(DataFormatError, match="agentmem export"):
            memory.import_(tmp_path / "letter.txt")
        with pytest.raises(InvalidInputError, match="upgrade"):
            memory.import_(tmp_path / "newer.jsonl")
        with pytest.raises(StoreUnavailableError, match=r"nothing\.jsonl"):
            memory.import_(tmp_path / "nothing.jsonl")
        with pytest.raises(StoreUnavailableError, match="nowhere"):
            memory.export(tmp_path / "nowhere" / "backup.jsonl")

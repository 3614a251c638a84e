"""An import file may contain anything: it is rejected with line and field, or imported whole."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding

from agentmem import (
    DataFormatError,
    EmbedderSpec,
    EmbeddingError,
    Granularity,
    InMemoryStore,
    Memory,
    MemoryController,
    Scope,
)
from agentmem.testing import ManualClock

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ADA = Scope("ada")


class Embeddings(DeterministicFakeEmbedding):
    """Gives up after some texts, as a service does."""

    left: int = 10_000

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.left -= len(texts)
        if self.left < 0:
            raise ConnectionError("gone")
        return super().embed_documents(texts)


def controller(left: int = 10_000) -> MemoryController:
    return MemoryController(
        InMemoryStore(EmbedderSpec("Embeddings", 8)),
        scope=ADA,
        embeddings=Embeddings(size=8, left=left),
        clock=ManualClock(START),
        rng=random.SystemRandom(),
        linger=None,
    )


@pytest.fixture
def memory() -> Iterator[MemoryController]:
    with controller() as opened:
        opened.add("Mine.", session_id="mine", metadata={"a": 1})
        yield opened


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """An export of two turns and everything derived from them, a dict for each line."""
    import tempfile

    with controller() as written, tempfile.TemporaryDirectory() as folder:
        written.add(["One thing.", "Another thing."], session_id="s")
        written.end_session("s")
        [first, _] = written.get_all(granularity=Granularity.TURN)
        written.update(first.id, text="One other thing.")
        written.export(Path(folder) / "x.jsonl")
        return [json.loads(line) for line in (Path(folder) / "x.jsonl").read_text().splitlines()]


def everything(memory: MemoryController) -> list[Memory]:
    return sorted(memory.get_all(limit=None), key=lambda m: m.id)


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


HOSTILE: list[tuple[str, Any]] = [
    ("text", 7),
    ("text", ["a"]),
    ("text", ""),
    ("text", "\ud800"),
    ("id", ""),
    ("id", None),
    ("id", "\udfff"),
    ("id", "of somebody@2"),
    ("id", "x" * 10_000),
    ("id", {"$ne": ""}),
    ("session_id", ""),
    ("session_id", "\ud800"),
    ("session_id", {"$gt": ""}),
    ("role", 0),
    ("speaker", ["Eve"]),
    ("speaker", "\ud800"),
    ("position", "first"),
    ("position", -1),
    ("position", 2**31),
    ("position", True),
    ("position", 1.5),
    ("strength", 0),
    ("strength", 1e308),
    ("strength", 5e-324),
    ("strength", float("nan")),
    ("strength", float("inf")),
    ("strength", "strong"),
    ("recall_count", -1),
    ("recall_count", 10**400),
    ("version", 0),
    ("version", 10**9),
    ("version_of", "another"),
    ("said_at", "0001-01-01T00:00:00+14:00"),
    ("said_at", "9999-12-31T23:59:59-14:00"),
    ("said_at", "2026-01-01T00:00:00"),
    ("said_at", 1767225600),
    ("said_at", None),
    ("written_at", "2026-13-45T00:00:00Z"),
    ("expires_at", "never"),
    ("state", "immortal"),
    ("granularity", "$ne"),
    ("sources", "all"),
    ("sources", [1]),
    ("edges", [["x"]]),
    ("edges", [["x", float("nan")]]),
    ("edges", [["x", 2]]),
    ("edges", {"x": 1}),
    ("metadata", []),
    ("metadata", {"a": float("inf")}),
    ("scope", {"user_id": "ben"}),
    ("user_id", "ben"),
    ("vector", [float("nan")] * 8),
]


@pytest.mark.parametrize(("field", "wrong"), HOSTILE, ids=lambda value: ascii(value)[:30])
def test_an_invalid_field_is_named_with_its_line_and_nothing_is_imported(
    memory: MemoryController, lines: list[dict[str, Any]], tmp_path: Path, field: str, wrong: Any
) -> None:
    before = everything(memory)
    # The last line, so that whatever comes before it would be there if anything were.
    file = tmp_path / "hostile.jsonl"
    records = [*lines[:-1], lines[-1] | {field: wrong}]
    file.write_text("\n".join(map(json.dumps, records)))
    with pytest.raises(DataFormatError, match=rf"line {len(lines)}: (field \w+|\w+)") as raised:
        memory.import_(file)
    assert any(
        records in str(raised.value)
        for records in (field, "is not a number", "only the id of a former version")
    )
    assert len(str(raised.value)) < 400
    assert everything(memory) == before


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "null",
        '"text"',
        "{",
        "[" * 100_000,
        '{"metadata":' + deep(100_000),
        "9" * 5000,
        '{"id": NaN}',
        "\x00",
    ],
    ids=lambda line: line[:12],
)
def test_a_line_that_is_not_a_record_is_rejected(
    memory: MemoryController, lines: list[dict[str, Any]], tmp_path: Path, line: str
) -> None:
    before = everything(memory)
    file = tmp_path / "hostile.jsonl"
    file.write_text("\n".join([*map(json.dumps, lines), line, ""]))
    with pytest.raises(DataFormatError, match=f"line {len(lines) + 1}"):
        memory.import_(file)
    assert everything(memory) == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record: record | {"metadata": json.loads(deep(65))},
        lambda record: record | {"metadata": {"a": "x" * 1_000_001}},
        lambda record: record | {"text": "x" * 17_000_000},
    ],
    ids=["nested", "large", "endless"],
)
def test_too_large_or_too_deep_values_are_rejected(
    memory: MemoryController,
    lines: list[dict[str, Any]],
    tmp_path: Path,
    spoil: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    file = tmp_path / "hostile.jsonl"
    file.write_text("\n".join(map(json.dumps, [*lines[:-1], spoil(lines[-1])])))
    with pytest.raises(DataFormatError, match=f"line {len(lines)}"):
        memory.import_(file)
    assert len(everything(memory)) == 1


def test_duplicate_ids_are_rejected(
    memory: MemoryController, lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    mine = memory.get_all()[0]
    file = tmp_path / "hostile.jsonl"
    twice = [*lines, lines[1]]
    other_kind = [lines[0], lines[-1] | {"id": mine.id, "granularity": "summary", "sources": []}]
    for records in (twice, other_kind):
        file.write_text("\n".join(map(json.dumps, records)))
        with pytest.raises(DataFormatError, match=f"line {len(records)}: field id"):
            memory.import_(file)
        assert everything(memory) == [mine]


def test_an_item_of_a_langgraph_store_cannot_be_forged(
    memory: MemoryController, lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "hostile.jsonl"
    for item in (None, {}, {"namespace": ["a"], "key": "b", "value": "["}, {"value": 7}):
        forged = lines[1] | {"session_id": 'shelf:[["a"], "k"]', "metadata": {"item": item}}
        file.write_text("\n".join(map(json.dumps, [lines[0], forged])))
        with pytest.raises(DataFormatError, match="line 2"):
            memory.import_(file)


def test_the_scope_in_the_file_is_ignored(
    memory: MemoryController, lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "hostile.jsonl"
    header = lines[0] | {"user_id": {"$ne": ""}, "agent_id": "*"}
    file.write_text("\n".join(map(json.dumps, [header, *lines[1:]])))
    assert memory.import_(file) == len(lines) - 1
    assert {m.scope for m in memory.get_all(limit=None)} == {ADA}


def test_links_to_removed_lines_are_removed(
    memory: MemoryController, lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "shorter.jsonl"
    summaries = [record for record in lines[1:] if record["granularity"] == "summary"]
    linked = summaries[0] | {"edges": [["nobody", 0.9]]}
    file.write_text("\n".join(map(json.dumps, [lines[0], linked])))
    memory.import_(file)
    assert memory.check().ok


def test_nothing_is_imported_when_the_embedder_fails(
    lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "long.jsonl"
    turn = next(record for record in lines[1:] if record["granularity"] == "turn")
    many = [turn | {"id": f"m{n}", "edges": [], "version": 1} for n in range(600)]
    file.write_text("\n".join(map(json.dumps, [lines[0], *many])))
    with controller(left=300) as memory:
        with pytest.raises(EmbeddingError):
            memory.import_(file)
        assert memory.get_all() == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda memories: (
        st.lists(memories, max_size=3) | st.dictionaries(st.text(max_size=5), memories, max_size=3)
    ),
    max_leaves=5,
)


@given(data=st.data(), value=json_values)
def test_any_value_in_any_field_is_imported_or_named(
    lines: list[dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    value: Any,
) -> None:
    number = data.draw(st.integers(1, len(lines) - 1))
    field = data.draw(st.sampled_from(sorted(lines[number])))
    records = [*lines[:number], lines[number] | {field: value}, *lines[number + 1 :]]
    file = tmp_path_factory.getbasetemp() / "any.jsonl"
    file.write_text("\n".join(map(json.dumps, records)))
    with controller() as memory:
        try:
            count = memory.import_(file)
        except DataFormatError as error:
            refused = str(error)
            assert memory.get_all() == []
            assert f"line {number + 1}: " in refused or "field id" in refused
        else:
            assert count == len(lines) - 1
            # Taken means that every verb can work with it.
            memory.search("thing", include_archived=True)
            memory.flush()
            memory.sweep()
            memory.consolidate()
            memory.stats()
            memory.graph()
            for each in memory.get_all(limit=None):
                memory.history(each.id)

"""Memories as Chroma's rows, and back."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem_stores import InvalidInputError, Memory, Scope, StoreFormatError
from agentmem_stores.chroma import codec as _codec
from agentmem_stores.conformance import make_memory, memories

SCOPE = Scope("ada", "\U0001f436")
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=5,
)


@settings(deadline=None, derandomize=True)
@given(memories(SCOPE))
def test_nothing_is_lost(memory: Memory) -> None:
    row = _codec.row_id(SCOPE, memory.id)
    metadata = _codec.encode(memory)
    assert all(isinstance(value, str) for value in metadata.values())
    assert _codec.memory_id(row) == memory.id
    assert _codec.decode(SCOPE, memory.granularity, row, memory.text, metadata) == memory


def test_every_field_of_a_memory_travels() -> None:
    """A field that is added to Memory and forgotten here fails."""
    elsewhere = {"id", "scope", "granularity", "text"}
    record = json.loads(_codec.encode(make_memory("m"))["record"])
    assert set(record) == {field.name for field in fields(Memory)} - elsewhere


@pytest.mark.parametrize(
    "metadata",
    [{"x": object()}, {"x": float("nan")}, {1: "x"}, {"x": (1, 2)}, {"x": {2: 3}}],
)
def test_what_json_would_change_is_refused(metadata: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match="JSON"):
        _codec.encode(make_memory("m", metadata=metadata))


@pytest.mark.parametrize("metadata", [{}, {"record": None}, {"record": "{}"}, {"record": "half"}])
def test_a_damaged_row_is_named(metadata: dict[str, object]) -> None:
    memory = make_memory("m")
    row = _codec.row_id(memory.scope, "m")
    with pytest.raises(StoreFormatError, match=row):
        _codec.decode(memory.scope, memory.granularity, row, memory.text, metadata)


def test_a_row_without_text_is_damaged() -> None:
    memory = make_memory("m")
    with pytest.raises(StoreFormatError):
        _codec.decode(memory.scope, memory.granularity, "k/m", "", _codec.encode(memory))


@given(st.text(), st.text())
def test_rows_of_two_owners_never_meet(one: str, other: str) -> None:
    first = _codec.row_id(Scope("ada"), one)
    second = _codec.row_id(Scope("ben"), other)
    assert first != second
    assert not second.startswith(f"{Scope('ada').key}/")


@given(st.dictionaries(st.text(), JSON, max_size=3))
@settings(deadline=None, derandomize=True)
def test_any_json_is_metadata(metadata: dict[str, object]) -> None:
    memory = replace(make_memory("m"), metadata=metadata)
    row = _codec.row_id(memory.scope, "m")
    decoded = _codec.decode(
        memory.scope, memory.granularity, row, memory.text, _codec.encode(memory)
    )
    assert decoded == memory

"""Encoding memories as Chroma rows and decoding them."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem_stores import Memory, Scope, StoreFormatError
from agentmem_stores.chroma.rows import decode, decode_token_codes, encode, memory_id
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
def test_decoding_restores_the_memory(memory: Memory) -> None:
    row = f"{SCOPE.key}/{memory.id}"
    metadata = encode(memory)
    assert all(isinstance(value, str) for value in metadata.values())
    assert memory_id(row) == memory.id
    assert decode(SCOPE, memory.granularity, row, memory.text, metadata) == memory


def test_every_field_of_a_memory_is_encoded() -> None:
    """Fails if a field is added to Memory and forgotten in the codec."""
    stored_elsewhere = {"id", "scope", "granularity", "text"}
    record = json.loads(encode(make_memory("m"))["record"])
    assert set(record) == {field.name for field in fields(Memory)} - stored_elsewhere


@pytest.mark.parametrize("metadata", [{}, {"record": None}, {"record": "{}"}, {"record": "half"}])
def test_error_names_the_damaged_row(metadata: dict[str, object]) -> None:
    memory = make_memory("m")
    row = f"{memory.scope.key}/m"
    with pytest.raises(StoreFormatError, match=row):
        decode(memory.scope, memory.granularity, row, memory.text, metadata)


def test_row_without_text_is_damaged() -> None:
    memory = make_memory("m")
    with pytest.raises(StoreFormatError):
        decode(memory.scope, memory.granularity, "k/m", "", encode(memory))


@pytest.mark.parametrize("codes", ["not base64", 7, None])
def test_damaged_token_codes_raise(codes: object) -> None:
    with pytest.raises(StoreFormatError, match="key/m"):
        decode_token_codes("key/m", {"words": codes})


def test_rows_of_former_versions_are_read() -> None:
    """Version 0.1.0 wrote neither `expires_at` at first nor token codes."""
    memory = make_memory("m")
    metadata = encode(memory)
    record = json.loads(metadata["record"])
    del record["expires_at"]
    metadata["record"] = json.dumps(record)
    assert decode(memory.scope, memory.granularity, "key/m", memory.text, metadata) == memory
    assert decode_token_codes("key/m", metadata) == b""


@given(st.dictionaries(st.text(), JSON, max_size=3))
@settings(deadline=None, derandomize=True)
def test_any_json_object_is_valid_metadata(metadata: dict[str, object]) -> None:
    memory = replace(make_memory("m"), metadata=metadata)
    row = f"{memory.scope.key}/m"
    decoded = decode(memory.scope, memory.granularity, row, memory.text, encode(memory))
    assert decoded == memory

"""Validation of scopes and memories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem_stores import (
    EmptyTextError,
    InvalidInputError,
    InvalidScopeError,
    MemoryNotFoundError,
    NaiveDatetimeError,
    Scope,
)
from agentmem_stores.conformance import make_memory

NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(
    lambda name: name.strip() and name != "*"
)


@pytest.mark.parametrize(
    "name", ["", "  ", "*", None, 7.5, "x" * 513, "a\0b", "a\nb", "\ud800"], ids=ascii
)
def test_invalid_names_raise(name: Any) -> None:
    with pytest.raises(InvalidScopeError, match="user_id"):
        Scope(name)
    if name is not None:
        with pytest.raises(InvalidScopeError, match="agent_id"):
            Scope("ada", name)


@given(NAMES, st.none() | NAMES, NAMES, st.none() | NAMES)
def test_scopes_are_equal_if_their_keys_are(
    user: str, agent: str | None, other_user: str, other_agent: str | None
) -> None:
    one, other = Scope(user, agent), Scope(other_user, other_agent)
    assert (one == other) == (one.key == other.key)


def test_names_that_concatenate_equally_have_different_keys() -> None:
    owners = [Scope("ab", "c"), Scope("a", "bc"), Scope("abc"), Scope("ab", "-"), Scope("ab+c")]
    assert len({owner.key for owner in owners}) == len(owners)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_empty_text_raises(text: str) -> None:
    with pytest.raises(EmptyTextError):
        make_memory("m", text=text)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "half a \ud83d"},
        {"session_id": ""},
        {"strength": 0.0},
        {"strength": float("nan")},
        {"strength": float("inf")},
    ],
    ids=str,
)
def test_fields_out_of_range_raise(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        make_memory("m", **fields)


@pytest.mark.parametrize("memory_id", ["", "\udfff"])
def test_invalid_ids_raise(memory_id: str) -> None:
    with pytest.raises(InvalidInputError, match="id"):
        make_memory(memory_id)


@pytest.mark.parametrize("name", ["said_at", "written_at", "last_recalled_at", "state_changed_at"])
def test_times_must_be_aware_and_become_utc(name: str) -> None:
    naive = datetime(2026, 1, 5, 9)  # noqa: DTZ001
    with pytest.raises(NaiveDatetimeError, match=name):
        make_memory("m", **dict[str, Any]({name: naive}))
    there = naive.replace(tzinfo=timezone(timedelta(hours=2)))
    moment = getattr(make_memory("m", **dict[str, Any]({name: there})), name)
    assert moment == there
    assert moment.tzinfo is UTC


def test_message_of_memory_not_found_has_no_quotes() -> None:
    assert str(MemoryNotFoundError("no such memory")) == "no such memory"

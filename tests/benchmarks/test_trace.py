"""A call runs through few files and functions: docs/architecture.md gives the figures."""

from __future__ import annotations

import pytest

from benchmarks.trace import trace_methods


@pytest.fixture(scope="module")
def traced() -> dict[str, tuple[int, int]]:
    return {verb: (len(calls), sum(calls.values())) for verb, calls in trace_methods().items()}


@pytest.mark.parametrize(
    ("verb", "most_files", "most_calls"), [("add", 25, 370), ("search", 26, 420)]
)
def test_a_call_runs_through_few_files(
    traced: dict[str, tuple[int, int]], verb: str, most_files: int, most_calls: int
) -> None:
    files, calls = traced[verb]
    assert files <= most_files
    assert calls <= most_calls

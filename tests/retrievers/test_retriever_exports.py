"""The public names of `agentmem_retrievers`, and the former ones."""

from __future__ import annotations

import pytest

import agentmem_retrievers
from agentmem_retrievers import SearchResult
from agentmem_retrievers.features.late_interaction import QueryToken
from agentmem_retrievers.text.dates import find_windows

# What version 0.1.0 exported, without the names that are still exported.
FORMER = (
    "Anchor", "Around", "AskedWord", "Bits", "Embed", "Features", "Floats", "InvertedIndex",
    "Key", "Kin", "LEARNED", "LateInteraction", "Learning", "Ledger", "Lookup", "MONTHS", "NEAR",
    "NONE", "Period", "Question", "RELATIVES", "Ranked", "Recall", "Rounded",
    "Rows", "SELF", "Shown", "Signs", "SoftLookup", "Span", "Table", "TurnFeatures",
    "TurnRanking", "Vocabulary", "WIDE", "Window", "Wording", "anchor_in", "bits_of", "bm25",
    "confidence", "confidence_features", "dates_in", "differing", "ends_asking", "expanded",
    "idf", "normalised_entropy", "part_of", "rank_sessions", "rest_days", "rounded",
    "session_features", "signs_of", "spans_in", "speaks_of_time", "stems_of", "weighed",
    "windows_in", "words_in",
)  # fmt: skip


def test_public_names_are_sorted_and_importable() -> None:
    names = agentmem_retrievers.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert len(names) <= 22
    assert all(hasattr(agentmem_retrievers, name) for name in names)


@pytest.mark.parametrize("name", FORMER)
def test_former_names_work_with_a_warning(name: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"\.{name} is deprecated; use agentmem"):
        assert getattr(agentmem_retrievers, name) is not None


@pytest.mark.parametrize(
    ("name", "successor"),
    [("Recall", SearchResult), ("AskedWord", QueryToken), ("windows_in", find_windows)],
)
def test_former_names_are_their_successors(name: str, successor: object) -> None:
    with pytest.warns(DeprecationWarning, match=name):
        assert getattr(agentmem_retrievers, name) is successor


def test_unknown_names_raise_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = agentmem_retrievers.Nonsense

"""Spreading activation."""

from __future__ import annotations

import pytest

from agentmem_retrievers import neighbourhood, personalised_pagerank

CHAIN = {"a": {"b": 0.9}, "b": {"a": 0.9, "c": 0.8}, "c": {"b": 0.8}, "x": {"y": 0.7}}


def test_weight_flows_to_what_is_associated_and_fades_with_distance() -> None:
    ranks = personalised_pagerank(CHAIN, {"a": 1.0})
    assert ranks["a"] > ranks["b"] > ranks["c"] > 0
    assert sum(ranks.values()) == pytest.approx(1)
    assert "x" not in ranks


def test_without_seeds_there_is_nothing() -> None:
    assert personalised_pagerank(CHAIN, {}) == {}
    assert personalised_pagerank(CHAIN, {"a": 0.0}) == {}


def test_a_seed_without_associations_keeps_its_weight() -> None:
    assert personalised_pagerank(CHAIN, {"lonely": 2.0}) == {"lonely": pytest.approx(1)}


def test_the_neighbourhood_is_bounded() -> None:
    star = {"hub": {f"n{i}": 0.5 for i in range(1000)}}
    assert len(neighbourhood(star, {"hub": 1.0}, limit=50)) == 50

"""Spreading activation."""

from __future__ import annotations

import random

import networkx as nx
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
    nodes, weights = neighbourhood(star, {"hub": 1.0}, limit=50)
    assert len(nodes) == 50
    assert nodes[0] == "hub"
    assert weights.shape == (50, 50)
    assert (weights == weights.T).all()


def test_agrees_with_networkx() -> None:
    rng = random.Random(0)
    graph = nx.gnm_random_graph(60, 120, seed=0)
    nx.set_edge_attributes(graph, {e: rng.uniform(0.4, 1) for e in graph.edges}, "weight")
    edges = {str(n): {str(m): d["weight"] for m, d in graph[n].items()} for n in graph}
    seeds = {"3": 0.5, "20": 0.3, "41": 0.2}
    known = nx.node_connected_component
    around = set.union(*(known(graph, int(seed)) for seed in seeds))
    expected = nx.pagerank(
        graph.subgraph(around), alpha=0.5, personalization={int(s): w for s, w in seeds.items()}
    )
    found = personalised_pagerank(edges, seeds)
    assert found == {str(n): pytest.approx(rank, abs=1e-4) for n, rank in expected.items()}

"""Topics are communities: linked turns share one, and the same graph gives the same topics."""

from __future__ import annotations

import numpy as np

from agentmem.maintenance.topics import MIN_ROWS, communities

# Two cliques of six, and two turns that nothing links; the vectors of the last two are near one
# clique each.
VECTORS = np.array([[1, 0]] * 6 + [[0, 1]] * 6 + [[0.9, 0.1], [0.1, 0.9]], dtype=np.float32)
EDGES = [(a, b, 0.8) for group in (range(6), range(6, 12)) for a in group for b in group if a < b]


def test_linked_turns_share_a_topic() -> None:
    labels = communities([*EDGES, (0, 6, 0.4)], VECTORS)
    assert len(set(labels[:6].tolist())) == len(set(labels[6:12].tolist())) == 1
    assert labels[0] != labels[6]


def test_a_turn_without_links_joins_the_nearest_topic() -> None:
    labels = communities(EDGES, VECTORS)
    assert labels[12] == labels[0]
    assert labels[13] == labels[6]


def test_the_same_graph_gives_the_same_topics() -> None:
    assert communities(EDGES, VECTORS).tolist() == communities(EDGES, VECTORS).tolist()


def test_few_turns_are_one_topic() -> None:
    assert communities([], VECTORS[: MIN_ROWS - 1]).tolist() == [0] * (MIN_ROWS - 1)
    assert communities([], VECTORS[:0]).tolist() == []


def test_turns_without_any_link_have_a_topic_each_or_share_one() -> None:
    assert set(communities([], VECTORS).tolist()) == {0}

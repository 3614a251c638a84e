"""Topics are the communities of the association graph."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Vectors

__all__ = ["MIN_ROWS", "NEXT_WEIGHT", "communities"]

# Fewer turns are one topic.
MIN_ROWS = 8
# Weight of the edge between a turn and the next one of its session; associations have their cosine,
# 0.4 to 1. Without these edges short turns such as "Yes, twice." belong to no topic. Measured as
# normalized mutual information with the sessions of LoCoMo, 0.51; with weight 1 0.36, without 0.26.
# As many clusters of the embeddings by Gaussian mixtures reach 0.37 (`benchmarks topics`).
NEXT_WEIGHT = 2.0
# A smaller community says nothing that is worth a summary; its turns join the nearest one.
_MIN_SIZE = 4


def communities(edges: Iterable[tuple[int, int, float]], vectors: Vectors) -> NDArray[np.intp]:
    """Return the topic of each turn, numbered from 0.

    Louvain's method (Blondel et al. 2008) maximizes the modularity of the weighted graph. The same
    turns in the same order get the same topics.

    Args:
        edges: pairs of turns, by number, and their weight; weights of the same pair add up.
        vectors: embeddings of the turns in their context, float32 of shape (n, dimension).
    """
    import networkx as nx

    n = len(vectors)
    if n < MIN_ROWS:
        return np.zeros(n, dtype=np.intp)
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    for a, b, weight in edges:
        before = graph.get_edge_data(a, b, {}).get("weight", 0.0)
        graph.add_edge(a, b, weight=before + weight)
    communities = nx.community.louvain_communities(graph, weight="weight", seed=0)
    groups = sorted(
        (sorted(group) for group in communities), key=lambda group: (-len(group), group)
    )
    large = [group for group in groups if len(group) >= _MIN_SIZE] or groups[:1]
    centroids = np.stack([vectors[group].mean(axis=0) for group in large])
    labels = np.asarray((vectors @ centroids.T).argmax(axis=1), dtype=np.intp)
    for number, group in enumerate(large):
        labels[group] = number
    return labels

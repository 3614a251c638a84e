"""The association graph as the page draws it: messages, their links and their topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from agentmem.plots.layout import lay_out
from agentmem.server.page.lists import Links
from agentmem.server.page.views import MemoryView, Presenter
from agentmem_stores import Memory

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Network", "NodeView", "TopicView", "network", "topic_views"]

# A browser still draws this many nodes smoothly.
MAX_NODES = 250
# Colors of topics in the style sheet; further topics share the neutral one.
_COLORS = 8
# Pixels of the drawing per unit of the layout, in which two linked messages are about 1 apart.
_UNIT = 95
# Characters of a label in the drawing, and keywords in the name of a topic.
_LABEL, _WORDS = 34, 3
# Characters of a message below the drawing, and neighbors of one in the table.
_TEXT, _NEIGHBORS = 300, 6


@dataclass(frozen=True)
class TopicView:
    """A topic.

    Attributes:
        color: number of its color, from 0; -1 for the neutral one.
        members: ids of its messages.
    """

    id: str
    name: str
    color: int
    members: frozenset[str]


@dataclass(frozen=True)
class NodeView:
    """A message of the graph.

    Attributes:
        degree: how many messages of the graph it is linked with.
        neighbors: the closest of those, with their similarity.
    """

    memory: MemoryView
    topic: TopicView | None
    degree: int
    neighbors: tuple[tuple[MemoryView, float], ...]


@dataclass(frozen=True)
class Network:
    """The graph.

    Attributes:
        nodes: the best linked first.
        edges: how many links are drawn.
        unlinked: how many messages have no link, and so are not drawn.
        left_out: how many linked messages are not drawn, because they are too many.
        elements: nodes and edges for the graph library, as JSON holds them.
    """

    nodes: tuple[NodeView, ...]
    edges: int
    unlinked: int
    left_out: int
    elements: dict[str, Any]


def topic_views(topics: Sequence[Memory]) -> list[TopicView]:
    """Return topics, the largest first."""
    return [
        TopicView(
            topic.id,
            _name(topic),
            number if number < _COLORS else -1,
            frozenset(topic.sources),
        )
        for number, topic in enumerate(topics)
    ]


def network(
    links: Links, memories: Mapping[str, Memory], topics: Sequence[TopicView], presenter: Presenter
) -> Network:
    """Return the graph of some messages.

    Args:
        links: between the messages.
        memories: the messages, by id.
        topics: of the owner.
    """
    # A copy, because views of networkx look every node up again.
    graph = links.graph.subgraph(memories).copy()
    order = [node for node in links.graph if node in memories]
    views = {node: presenter.memory(memories[node]) for node in order}
    topic_of = {member: topic for topic in topics for member in topic.members}
    nodes = tuple(
        NodeView(
            views[node], topic_of.get(node), graph.degree(node), _neighbors(graph, node, views)
        )
        for node in order
    )
    return Network(
        nodes,
        edges=graph.number_of_edges(),
        unlinked=links.unlinked,
        left_out=links.left_out,
        elements=_elements(graph, nodes),
    )


def _neighbors(
    graph: nx.Graph, node: str, views: Mapping[str, MemoryView]
) -> tuple[tuple[MemoryView, float], ...]:
    weights = {other: float(data["weight"]) for other, data in graph[node].items()}
    closest = sorted(weights, key=lambda i: (-weights[i], i))[:_NEIGHBORS]
    return tuple((views[i], weights[i]) for i in closest)


def _elements(graph: nx.Graph, nodes: Sequence[NodeView]) -> dict[str, Any]:
    if not nodes:
        return {"nodes": [], "edges": []}
    edges = tuple(sorted((*sorted((a, b)), w) for a, b, w in graph.edges(data="weight")))
    places = _places(tuple(sorted(graph)), edges)
    return {
        "nodes": [
            {
                "data": {
                    "id": node.memory.id,
                    "label": _shorten(node.memory.text, _LABEL),
                    "text": _shorten(node.memory.text, _TEXT),
                    "url": node.memory.url,
                    "about": _about(node),
                    "color": -1 if node.topic is None else node.topic.color,
                    "retention": round(node.memory.retention, 3),
                    "degree": node.degree,
                    "hub": _is_hub(graph, node.memory.id),
                },
                "position": {
                    "x": round(_UNIT * places[node.memory.id][0], 1),
                    "y": round(-_UNIT * places[node.memory.id][1], 1),
                },
            }
            for node in nodes
        ],
        "edges": [
            {"data": {"source": a, "target": b, "weight": round(float(weight), 3)}}
            for a, b, weight in graph.edges(data="weight")
        ],
    }


@lru_cache(maxsize=16)
def _places(
    nodes: tuple[str, ...], edges: tuple[tuple[Any, ...], ...]
) -> Mapping[str, tuple[float, float]]:
    """Lay out a graph; that takes half of the time of the page, and a graph rarely changes."""
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(nodes)
    graph.add_weighted_edges_from(edges)
    return lay_out(graph).places


def _is_hub(graph: nx.Graph, node: str) -> bool:
    """Whether no neighbor has more links; the labels of hubs appear first."""
    return all((graph.degree(node), node) >= (graph.degree(i), i) for i in graph[node])


def _about(node: NodeView) -> str:
    topic = "" if node.topic is None else f" · {node.topic.name}"
    memory = node.memory
    return f"{memory.speaker}, {memory.said_at.date}, retention {memory.percent}{topic}"


def _name(topic: Memory) -> str:
    words = topic.metadata.get("keywords")
    if topic.version > 1 or not isinstance(words, list) or not words:
        return _shorten(topic.text, _LABEL)
    return ", ".join(map(str, words[:_WORDS]))


def _shorten(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"

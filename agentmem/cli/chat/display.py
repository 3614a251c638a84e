"""How the chatbot shows a life in order, and what is associated with what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from agentmem.cli.render import line, short_id, show
from agentmem_stores import Memory

if TYPE_CHECKING:
    import networkx as nx

    from agentmem.feedback.plans import Plan

__all__ = ["print_graph", "print_help", "print_plans", "print_topics"]

_TREES = 8
_BRANCHES = 6
_TEXT = 72


def print_graph(graph: nx.Graph) -> None:
    """Print the best connected memories, each with what it is most strongly associated with."""
    linked = sorted((n for n in graph if graph.degree(n)), key=lambda n: (-graph.degree(n), n))
    lonely = len(graph) - len(linked)
    seen: set[str] = set()
    trees = 0
    for node in linked:
        if trees == _TREES:
            break
        if node not in seen:
            trees += 1
            seen |= {node, *graph[node]}
            show(_tree(graph, node))
    rest = f", {lonely} associated with nothing" if lonely else ""
    show(Text(f"{len(graph)} memories, {graph.number_of_edges()} associations{rest}", style="dim"))


def _tree(graph: nx.Graph, node: str) -> Tree:
    tree = Tree(_label(graph, node), guide_style="dim")
    near = sorted(graph[node].items(), key=lambda pair: -pair[1]["weight"])
    for other, edge in near[:_BRANCHES]:
        tree.add(Text.assemble((f"{edge['weight']:.2f} ", "green"), _label(graph, other)))
    if len(near) > _BRANCHES:
        tree.add(Text(f"and {len(near) - _BRANCHES} more", style="dim"))
    return tree


def _label(graph: nx.Graph, node: str) -> Text:
    data = graph.nodes[node]
    text = line(str(data["text"]), _TEXT)
    return Text.assemble(text, (f"  {data['granularity']} {short_id(node)}", "dim"))


def print_topics(topics: Iterable[Memory]) -> None:
    """Print what topics are about, each with how many turns it sums up."""
    for topic in topics:
        keywords = ", ".join(map(str, topic.metadata.get("keywords", ())))
        head = Text(line(keywords, _TEXT), style="bold")
        show(head.append(f"  {len(topic.sources)} turns, {short_id(topic.id)}", style="dim"))
        show(Padding(Text(line(topic.text, 400)), (0, 0, 0, 2)))


def print_plans(plans: Iterable[Plan]) -> None:
    """Print plans with how they went, and their steps."""
    for plan in plans:
        tried = plan.succeeded + plan.failed
        went = f"worked {plan.succeeded} of {tried} times" if tried else "not tried yet"
        head = Text(line(plan.goal, _TEXT), style="bold")
        show(head.append(f"  {went}, {short_id(plan.id)}", style="dim"))
        for number, step in enumerate(plan.steps, start=1):
            show(Padding(Text(f"{number}. {line(step, 200)}"), (0, 0, 0, 2)))


def print_help(rows: Iterable[tuple[str, str]]) -> None:
    """Print commands with what they do."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for usage, summary in rows:
        table.add_row(usage, summary)
    show(table)

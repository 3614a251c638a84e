"""How memories, facts, events, topics, plans and statistics look in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from agentmem import (
    Event,
    Fact,
    Granularity,
    Memory,
    Plan,
    ProfileLine,
    RecalledMemory,
    Routing,
    SearchResult,
    State,
    Stats,
)
from agentmem.cli.terminal import date, line, plain, short_id, show

if TYPE_CHECKING:
    import networkx as nx

__all__ = [
    "print_events", "print_facts", "print_graph", "print_help", "print_memories", "print_memory",
    "print_plans", "print_profile", "print_results", "print_stats", "print_topics",
]  # fmt: skip

_Row = TypeVar("_Row")

# Metadata keys under which data sets store a turn's own id.
_TURN_IDS = ("dia_id", "turn_id")
# Characters of a text: in a list, and in the lines of a graph or a heading.
_TEXT, _LABEL = 400, 72
# Memories of a graph, and neighbors of each: about a screen.
_TREES, _BRANCHES = 8, 6


def print_results(result: SearchResult) -> None:
    """Print a block for each hit, then the confidence and, if explained, the routing."""
    show(*(_hit(rank, hit) for rank, hit in enumerate(result, start=1)))
    if result:
        show(Text(f"confidence {result.confidence:.2f}", style="dim"))
    if any(hit.contributions for hit in result):
        show(_routing(result.routing))


def _hit(rank: int, hit: RecalledMemory) -> Group:
    memory = hit.memory
    details = [
        f"score {hit.score:.3f}",
        f"retention {hit.retention:.0%}",
        *(line(str(memory.metadata[n])) for n in _TURN_IDS if n in memory.metadata),
        date(memory.said_at),
        line(memory.session_id, 40),
        short_id(memory.id),
    ]
    if memory.state != "active":
        details.append(memory.state.value)
    if memory.granularity != "turn":
        details.append(memory.granularity.value)
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", min_width=2)
    table.add_column()
    table.add_row(Text(str(rank), style="bold cyan"), _utterance(memory))
    table.add_row("", Text("  ".join(details), style="dim"))
    if hit.contributions:
        table.add_row("", Text(_contributions(hit.contributions), style="dim green"))
    return Group(table, Text())


def _utterance(memory: Memory) -> Text:
    text = Text()
    if memory.speaker:
        text.append(f"{line(memory.speaker)}: ", style="bold")
    return text.append(plain(memory.text).strip())


def _contributions(contributions: Mapping[str, float]) -> str:
    parts = sorted(contributions.items(), key=lambda part: -abs(part[1]))
    # Smaller ones would be printed as 0.000.
    return "  ".join(f"{name} {share:+.3f}" for name, share in parts if abs(share) >= 0.0005)


def _routing(routing: Routing) -> Table:
    table = Table("granularity", "trust", "entropy", box=None, padding=(0, 2, 0, 0))
    for granularity in Granularity:
        if granularity in routing.weights:
            weight, entropy = routing.weights[granularity], routing.entropies.get(granularity)
            bits = "" if entropy is None else f"{entropy:.2f}"
            table.add_row(granularity.value, f"{weight:.0%}", bits)
    return table


def print_memories(memories: Iterable[tuple[Memory, float]]) -> None:
    """Print memories with their retention, one per line."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, width in (("id", 12), ("date", 16), ("kind", 8), ("retention", 9)):
        table.add_column(name, no_wrap=True, min_width=width)
    table.add_column("text", no_wrap=True, overflow="ellipsis", ratio=1)
    for memory, retention in memories:
        active = memory.state == "active"
        table.add_row(
            short_id(memory.id),
            date(memory.said_at),
            memory.granularity.value,
            f"{retention:.0%}" if active else memory.state.value,
            Text(line(_utterance(memory).plain, _TEXT), overflow="ellipsis", no_wrap=True),
            style="" if active else "dim",
        )
    show(table)


def print_memory(
    memory: Memory,
    retention: float,
    versions: Sequence[Memory],
    neighbors: Sequence[tuple[Memory, float]],
    sources: Sequence[Memory],
) -> None:
    """Print everything about one memory.

    Args:
        retention: of the memory, in [0, 1].
        versions: former versions and the present one.
        neighbors: associated memories with the weights of the associations.
        sources: the memories it was derived from.
    """
    show(_utterance(memory), "", _grid([row for row in _details(memory, retention) if row[1]]))
    if len(versions) > 1:
        _section("versions", [(f"{v.version}", date(v.written_at), line(v.text)) for v in versions])
    _section("associated with", [(f"{w:.2f}", short_id(m.id), line(m.text)) for m, w in neighbors])
    _section("derived from", [("", short_id(m.id), line(m.text)) for m in sources])


def _details(memory: Memory, retention: float) -> list[tuple[str, str]]:
    last = memory.last_recalled_at
    return [
        ("id", line(memory.id)),
        ("kind", memory.granularity.value),
        ("session", f"{line(memory.session_id)}, turn {memory.position + 1}"),
        ("role", line(memory.role)),
        ("date", f"{date(memory.said_at)} UTC"),
        ("written", f"{date(memory.written_at)} UTC"),
        ("retention", f"{retention:.0%}, strength {memory.strength:.1f} days"),
        ("recalled", f"{memory.recall_count} times, last {date(last)} UTC" if last else ""),
        ("state", memory.state.value),
        ("version", str(memory.version) if memory.version > 1 else ""),
        ("metadata", line(", ".join(f"{k}={v}" for k, v in memory.metadata.items()))),
    ]


def print_stats(stats: Stats) -> None:
    """Print the statistics of an owner."""
    kinds = [f"{stats.memories.get(g.value, 0)} {g.value}" for g in Granularity]
    states = [f"{stats.states.get(s.value, 0)} {s.value}" for s in State]
    rows = [
        ("owner", line(stats.scope)),
        ("memories", ", ".join(kinds)),
        ("states", ", ".join(states)),
        ("former versions", str(stats.versions)),
        ("sessions", str(stats.sessions)),
        ("associations", str(stats.associations)),
        ("mean retention", f"{stats.mean_retention:.0%}"),
        ("embedder", f"{line(stats.embedder.name)}, {stats.embedder.dimension} dimensions"),
    ]
    show(_grid(rows))


def _section(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    if rows:
        show("", Text(title, style="bold"), Padding(_grid(rows), (0, 0, 0, 2)))


def _grid(rows: Sequence[tuple[str, ...]]) -> Table:
    """Rows whose last column is the text and whose others are dim."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in rows[0][1:]:
        table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="ellipsis")
    for row in rows:
        table.add_row(*row)
    return table


def print_profile(lines: Iterable[ProfileLine]) -> None:
    """Print a profile by section."""
    _print_groups(
        lines,
        lambda part: part.section,
        lambda part: (line(part.text, _TEXT), f"{part.retention:.0%}", short_id(part.id)),
    )


def print_facts(facts: Iterable[Fact]) -> None:
    """Print facts by subject."""

    def row(fact: Fact) -> tuple[str, str, str]:
        status = f"since {fact.date:%Y-%m-%d}"
        if fact.superseded_by:
            status += ", superseded"
        elif fact.contradicts:
            status += ", contradicted"
        return line(f"{fact.attribute}: {fact.value}", _TEXT), status, short_id(fact.id)

    _print_groups(facts, lambda fact: fact.subject, row)


def print_events(events: Iterable[Event]) -> None:
    """Print events by day; of an event known to the month, the first day."""

    def row(event: Event) -> tuple[str, str, str]:
        when = f"{event.when:%H:%M}"
        if event.dated:
            days = (event.until - event.when).days
            length = f"{days} days, " if days > 1 else ""
            when = f"{length}mentioned {event.memory.said_at:%Y-%m-%d}"
        return line(event.text, _TEXT), when, short_id(event.memory.id)

    _print_groups(events, lambda event: f"{event.when:%A, %Y-%m-%d}", row)


def _print_groups(
    items: Iterable[_Row],
    heading: Callable[[_Row], str],
    row: Callable[[_Row], tuple[str, str, str]],
) -> None:
    """Print a heading for each run of items that share it, and below it a row for each."""
    for title, group in groupby(items, key=heading):
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(overflow="fold")
        table.add_column(style="dim", no_wrap=True)
        table.add_column(style="dim", no_wrap=True)
        for item in group:
            table.add_row(*row(item))
        show(Text(line(title), style="bold"), Padding(table, (0, 0, 0, 2)))


def print_graph(graph: nx.Graph) -> None:
    """Print the best connected memories, each with its strongest associations."""
    linked = sorted((n for n in graph if graph.degree(n)), key=lambda n: (-graph.degree(n), n))
    printed: set[str] = set()
    trees = 0
    for node in linked:
        if trees == _TREES:
            break
        if node not in printed:
            trees += 1
            printed |= {node, *graph[node]}
            show(_tree(graph, node))
    isolated = len(graph) - len(linked)
    rest = f", {isolated} without associations" if isolated else ""
    show(Text(f"{len(graph)} memories, {graph.number_of_edges()} associations{rest}", style="dim"))


def _tree(graph: nx.Graph, node: str) -> Tree:
    tree = Tree(_label(graph, node), guide_style="dim")
    neighbors = sorted(graph[node].items(), key=lambda pair: -pair[1]["weight"])
    for other, edge in neighbors[:_BRANCHES]:
        tree.add(Text.assemble((f"{edge['weight']:.2f} ", "green"), _label(graph, other)))
    if len(neighbors) > _BRANCHES:
        tree.add(Text(f"and {len(neighbors) - _BRANCHES} more", style="dim"))
    return tree


def _label(graph: nx.Graph, node: str) -> Text:
    data = graph.nodes[node]
    text = line(str(data["text"]), _LABEL)
    return Text.assemble(text, (f"  {data['granularity']} {short_id(node)}", "dim"))


def print_topics(topics: Iterable[Memory]) -> None:
    """Print topics with their keywords and the number of turns that each summarizes."""
    for topic in topics:
        keywords = ", ".join(map(str, topic.metadata.get("keywords", ())))
        head = Text(line(keywords, _LABEL), style="bold")
        show(head.append(f"  {len(topic.sources)} turns, {short_id(topic.id)}", style="dim"))
        show(Padding(Text(line(topic.text, _TEXT)), (0, 0, 0, 2)))


def print_plans(plans: Iterable[Plan]) -> None:
    """Print plans with their success rate and their steps."""
    for plan in plans:
        attempts = plan.succeeded + plan.failed
        outcome = f"worked {plan.succeeded} of {attempts} times" if attempts else "not tried yet"
        head = Text(line(plan.goal, _LABEL), style="bold")
        show(head.append(f"  {outcome}, {short_id(plan.id)}", style="dim"))
        for number, step in enumerate(plan.steps, start=1):
            show(Padding(Text(f"{number}. {line(step, _TEXT)}"), (0, 0, 0, 2)))


def print_help(rows: Iterable[tuple[str, str]]) -> None:
    """Print the usage and the summary of each command."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for usage, summary in rows:
        table.add_row(usage, summary)
    show(table)

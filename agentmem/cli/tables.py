"""How memories look in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agentmem import Granularity, Memory, RecalledMemory, Routing, SearchResult, State
from agentmem.cli.render import date, line, plain, short_id, show
from agentmem.maintenance.stats import Stats

__all__ = ["print_life", "print_memories", "print_recall", "print_stats"]

# Names under which data sets keep a turn's own id in the metadata.
_TURN_IDS = ("dia_id", "turn_id")


def print_recall(recall: SearchResult) -> None:
    """Print what a search found: a block for each hit, then how sure the search is."""
    show(*(_hit(rank, hit) for rank, hit in enumerate(recall, start=1)))
    if recall:
        show(Text(f"confidence {recall.confidence:.2f}", style="dim"))
    if any(hit.contributions for hit in recall):
        show(_routing(recall.routing))


def _hit(rank: int, hit: RecalledMemory) -> Group:
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", min_width=2)
    table.add_column()
    table.add_row(Text(str(rank), style="bold cyan"), _said(hit.memory))
    facts = [f"score {hit.score:.3f}", f"retention {hit.retention:.0%}", *_facts(hit.memory)]
    table.add_row("", Text("  ".join(facts), style="dim"))
    if hit.contributions:
        table.add_row("", Text(_sum(hit.contributions), style="dim green"))
    return Group(table, Text())


def _said(memory: Memory) -> Text:
    said = Text()
    if memory.speaker:
        said.append(f"{line(memory.speaker)}: ", style="bold")
    return said.append(plain(memory.text).strip())


def _facts(memory: Memory) -> list[str]:
    turn_ids = [line(str(memory.metadata[n])) for n in _TURN_IDS if n in memory.metadata]
    state = [] if memory.state == "active" else [memory.state.value]
    return [
        *turn_ids,
        date(memory.said_at),
        line(memory.session_id, 40),
        short_id(memory.id),
        *state,
    ]


def _sum(contributions: Mapping[str, float]) -> str:
    parts = sorted(contributions.items(), key=lambda part: -abs(part[1]))
    return "  ".join(f"{name} {share:+.3f}" for name, share in parts if abs(share) >= 0.0005)


def _routing(routing: Routing) -> Table:
    table = Table("granularity", "trust", "entropy", box=None, padding=(0, 2, 0, 0))
    for granularity in Granularity:
        if granularity in routing.weights:
            weight, entropy = routing.weights[granularity], routing.entropies.get(granularity)
            table.add_row(
                granularity.value,
                f"{weight:.0%}",
                "" if entropy is None else f"{entropy:.2f}",
            )
    return table


def print_memories(memories: Sequence[tuple[Memory, float]]) -> None:
    """Print memories with their retention, one a line."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, width in (("id", 12), ("said", 16), ("kind", 8), ("kept", 8)):
        table.add_column(name, no_wrap=True, min_width=width)
    table.add_column("text", no_wrap=True, overflow="ellipsis", ratio=1)
    for memory, retention in memories:
        faded = "" if memory.state == "active" else "dim"
        table.add_row(
            short_id(memory.id),
            date(memory.said_at),
            memory.granularity.value,
            f"{retention:.0%}" if memory.state == "active" else memory.state.value,
            Text(line(_said(memory).plain, 400), overflow="ellipsis", no_wrap=True),
            style=faded,
        )
    show(table)


def print_life(
    memory: Memory,
    retention: float,
    versions: Sequence[Memory],
    linked: Sequence[tuple[Memory, float]],
    sources: Sequence[Memory],
) -> None:
    """Print one memory with its facts, its versions and what it is linked to."""
    facts = [(name, value) for name, value in _life(memory, retention) if value]
    show(_said(memory), "", _grid(facts))
    if len(versions) > 1:
        _section("versions", [(f"{v.version}", date(v.written_at), line(v.text)) for v in versions])
    _section("associated with", [(f"{w:.2f}", short_id(m.id), line(m.text)) for m, w in linked])
    _section("derived from", [("", short_id(m.id), line(m.text)) for m in sources])


def print_stats(stats: Stats) -> None:
    """Print how much there is of what."""
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


def _life(memory: Memory, retention: float) -> list[tuple[str, str]]:
    recalled = memory.last_recalled_at
    return [
        ("id", line(memory.id)),
        ("kind", memory.granularity.value),
        ("session", f"{line(memory.session_id)}, turn {memory.position + 1}"),
        ("role", line(memory.role)),
        ("said", f"{date(memory.said_at)} UTC"),
        ("written", f"{date(memory.written_at)} UTC"),
        ("retention", f"{retention:.0%}, strength {memory.strength:.1f} days"),
        ("recalled", f"{memory.recall_count} times, last {date(recalled)} UTC" if recalled else ""),
        ("state", memory.state.value),
        ("version", str(memory.version) if memory.version > 1 else ""),
        ("metadata", line(", ".join(f"{k}={v}" for k, v in memory.metadata.items()))),
    ]


def _section(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    if rows:
        show("", Text(title, style="bold"), Padding(_grid(rows), (0, 0, 0, 2)))


def _grid(rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    *heads, _ = rows[0]
    for _ in heads:
        table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="ellipsis")
    for row in rows:
        table.add_row(*row)
    return table

"""`search`, `list`, `show` and `users`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentmem.cli.options import (
    DEFAULT_STORE,
    DEFAULT_USER,
    FIND,
    Json,
    K,
    Kind,
    OwnerOptions,
    RestrictionOptions,
    Store,
    Time,
    examples,
    find_memory,
    open_store,
    with_groups,
)
from agentmem.cli.terminal import line, memory_json, note, print_json

if TYPE_CHECKING:
    from agentmem import Client, Memory, MemoryController, SearchResult

__all__ = ["app", "list_", "search", "show", "users"]

app = typer.Typer()


@app.command(
    rich_help_panel=FIND,
    epilog=examples(
        'agentmem search "What is my dog called?"',
        'agentmem search --as-of 2026-01-31 --k 3 --explain "Where do I live?"',
        'agentmem search --json "Where do I live?" | jq -r ".hits[0].memory.text"',
        'agentmem search --filter \'{"stars": {"$gte": 3}}\' --since 2026-03-01 "green tea"',
    ),
)
@with_groups
def search(
    query: Annotated[str, typer.Argument(help="A question or search terms.")],
    owner: OwnerOptions,
    restrictions: RestrictionOptions,
    k: K = 5,
    kind: Kind = None,
    as_of: Annotated[
        datetime | None, typer.Option(help="Search the memory as of this time.", **Time)
    ] = None,
    include_archived: Annotated[
        bool,
        typer.Option(
            "--include-archived",
            help="Also find archived memories; the hits that are strengthened become active.",
        ),
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what each feature contributed to the scores.")
    ] = False,
    min_confidence: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Return no hits if the confidence is lower."),
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Find the memories that answer a question, best first.

    Hits that are about as good as the best are strengthened. Searches with --as-of strengthen
    nothing.
    """
    from agentmem import Granularity

    with owner.open() as memory:
        result = memory.search(
            query,
            k=k,
            granularity=Granularity(kind or "turn"),
            as_of=as_of,
            include_archived=include_archived,
            explain=explain,
            min_confidence=min_confidence,
            **restrictions.arguments,
        )
        # The routing is computed on demand, from the open store.
        data = _result_json(result) if as_json else None
    if data is not None:
        print_json(data)
        return
    from agentmem.cli.render import print_results

    print_results(result)
    if not result:
        note(f"no memories of {owner.scope}" + (" at that time" if as_of else ""))


def _result_json(result: SearchResult) -> dict[str, Any]:
    return {
        "query": result.query,
        "confidence": result.confidence,
        "asked_at": result.asked_at.isoformat(),
        "routing": {
            "weights": {g.value: weight for g, weight in result.routing.weights.items()},
            "entropies": {g.value: entropy for g, entropy in result.routing.entropies.items()},
        },
        "hits": [
            {
                "rank": rank,
                "score": hit.score,
                "retention": hit.retention,
                "contributions": dict(hit.contributions),
                "memory": memory_json(hit.memory),
            }
            for rank, hit in enumerate(result, start=1)
        ],
    }


@app.command(
    "list",
    rich_help_panel=FIND,
    epilog=examples("agentmem list --limit 5", "agentmem list --granularity summary"),
)
@with_groups
def list_(
    owner: OwnerOptions,
    restrictions: RestrictionOptions,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, help="Number of memories; 0 for all.")
    ] = 20,
    offset: Annotated[int, typer.Option(min=0, help="How many of the newest to skip.")] = 0,
    kind: Kind = None,
    as_json: Json = False,
) -> None:
    """List the newest memories, oldest first."""
    from agentmem import Granularity

    with owner.open() as memory:
        memories = memory.get_all(
            limit=limit or None,
            offset=offset,
            granularity=Granularity(kind) if kind else None,
            **restrictions.arguments,
        )
        now = memory.clock()
    rows = [(m, memory.curve.retention_of(m, now)) for m in memories]
    if as_json:
        print_json([memory_json(m) | {"retention": retention} for m, retention in rows])
    elif rows:
        from agentmem.cli.render import print_memories

        print_memories(rows)
    else:
        note(f"no memories of {owner.scope}")


@app.command(rich_help_panel=FIND, epilog=examples("agentmem show 3f2a9c1b7e04"))
@with_groups
def show(
    memory_id: Annotated[str, typer.Argument(metavar="ID", help="An id, or a prefix of one.")],
    owner: OwnerOptions,
    as_json: Json = False,
) -> None:
    """Show everything about one memory: details, versions, associations and sources."""
    with owner.open() as memory:
        target = find_memory(memory, memory_id)
        retention = memory.curve.retention_of(target, memory.clock())
        versions = [] if target.version_of else memory.history(target.id)
        neighbors, sources = _related(memory, target)
    if as_json:
        print_json(
            memory_json(target)
            | {
                "retention": retention,
                "history": [memory_json(version) for version in versions],
                "linked": [{"id": m.id, "text": m.text, "weight": w} for m, w in neighbors],
            }
        )
        return
    from agentmem.cli.render import print_memory

    print_memory(target, retention, versions, neighbors, sources)


@app.command(rich_help_panel=FIND, epilog=examples("agentmem users --store ./memories"))
@with_groups
def users(store: Store = DEFAULT_STORE, as_json: Json = False) -> None:
    """List the users who own memories in the store, and their agents."""
    from agentmem import Scope

    with open_store(store, Scope(DEFAULT_USER)) as memory:
        owners = [(scope, memory.stats(scope=scope)) for scope in memory.owners()]
    if as_json:
        print_json(
            [
                {
                    "user_id": scope.user_id,
                    "agent_id": scope.agent_id,
                    "memories": sum(stats.memories.values()),
                }
                for scope, stats in owners
            ]
        )
        return
    for scope, stats in owners:
        typer.echo(f"{line(str(scope))}  {sum(stats.memories.values())} memories")
    if not owners:
        note("no users")


def _related(
    memory: MemoryController | Client, target: Memory
) -> tuple[list[tuple[Memory, float]], list[Memory]]:
    """Return associated memories with weights, strongest first, and the sources of a memory."""
    graph = memory.graph()
    by_id = {m.id: m for m in memory.get_all(limit=None)}
    edges = graph[target.id].items() if target.id in graph else ()
    neighbors = [(by_id[i], float(edge["weight"])) for i, edge in edges if i in by_id]
    neighbors.sort(key=lambda pair: -pair[1])
    return neighbors, [by_id[i] for i in target.sources if i in by_id]

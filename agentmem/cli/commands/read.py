"""`search`, `list` and `show`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentmem.cli.app import FIND, app, examples
from agentmem.cli.options import (
    DEFAULT_STORE,
    DEFAULT_USER,
    Agent,
    Json,
    Kind,
    Store,
    Time,
    User,
    find_id,
    open_memory,
)
from agentmem.cli.render import memory_json, note, print_json

if TYPE_CHECKING:
    from agentmem import Memory, MemoryController, SearchResult

__all__ = ["list_", "search", "show"]


@app.command(
    rich_help_panel=FIND,
    epilog=examples(
        'agentmem search "What is my dog called?"',
        'agentmem search --as-of 2026-01-31 --k 3 --explain "Where do I live?"',
        'agentmem search --json "Where do I live?" | jq -r ".hits[0].memory.text"',
    ),
)
def search(
    query: Annotated[str, typer.Argument(help="A question, or what to look for.")],
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="How many to show.")] = 5,
    kind: Kind = None,
    as_of: Annotated[
        datetime | None, typer.Option(help="Answer as the memory stood then.", **Time)
    ] = None,
    include_archived: Annotated[
        bool,
        typer.Option("--include-archived", help="Also find what has faded; found, it is back."),
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what every part contributed to each score.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find the memories that answer a question, best first.

    What is found is strengthened, as if somebody had thought of it again; a search --as-of the
    past strengthens nothing.
    """
    from agentmem import Granularity

    with open_memory(store, user, agent) as memory:
        recall = memory.search(
            query,
            k=k,
            granularity=Granularity(kind or "turn"),
            as_of=as_of,
            include_archived=include_archived,
            explain=explain,
        )
        # Asks the store, which must be open for it.
        found = _recall_json(recall) if as_json else None
    if found is not None:
        print_json(found)
        return
    from agentmem.cli.tables import print_recall

    print_recall(recall)
    if not recall:
        note(f"nothing is remembered for {memory.scope}" + (" at that time" if as_of else ""))


def _recall_json(recall: SearchResult) -> dict[str, Any]:
    return {
        "query": recall.query,
        "confidence": recall.confidence,
        "asked_at": recall.asked_at.isoformat(),
        "routing": {
            "weights": {g.value: weight for g, weight in recall.routing.weights.items()},
            "entropies": {g.value: entropy for g, entropy in recall.routing.entropies.items()},
        },
        "hits": [
            {
                "rank": rank,
                "score": hit.score,
                "retention": hit.retention,
                "contributions": dict(hit.contributions),
                "memory": memory_json(hit.memory),
            }
            for rank, hit in enumerate(recall, start=1)
        ],
    }


@app.command(
    "list",
    rich_help_panel=FIND,
    epilog=examples("agentmem list --limit 5", "agentmem list --granularity summary"),
)
def list_(
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, help="How many of the newest; 0 for all.")
    ] = 20,
    kind: Kind = None,
    session: Annotated[
        str | None, typer.Option(help="Only this conversation.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """List the newest memories, in the order in which they were said."""
    from agentmem import Granularity

    with open_memory(store, user, agent) as memory:
        found = memory.get_all(
            limit=limit or None,
            granularity=Granularity(kind) if kind else None,
            session_id=session,
        )
        now = memory.clock()
    if as_json:
        print_json(
            [memory_json(m) | {"retention": memory.curve.retention_of(m, now)} for m in found]
        )
        return
    from agentmem.cli.tables import print_memories

    if found:
        print_memories([(m, memory.curve.retention_of(m, now)) for m in found])
    else:
        note(f"nothing is remembered for {memory.scope}")


@app.command(rich_help_panel=FIND, epilog=examples("agentmem show 3f2a9c1b7e04"))
def show(
    memory_id: Annotated[str, typer.Argument(metavar="ID", help="An id, or the beginning of one.")],
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Show everything about one memory: its life, its versions, what it is linked to."""
    with open_memory(store, user, agent) as memory:
        found = find_id(memory, memory_id)
        life = _Life(memory, found)
    if as_json:
        print_json(life.json())
        return
    from agentmem.cli.tables import print_life

    print_life(life.memory, life.retention, life.versions, life.linked, life.sources)


class _Life:
    """A memory with what surrounds it.

    Attributes:
        linked: associated memories with the weight of the association, strongest first.
        sources: what it was derived from, in order.
    """

    def __init__(self, controller: MemoryController, memory: Memory) -> None:
        graph = controller.graph()
        held = {m.id: m for m in controller.get_all(limit=None)}
        self.memory = memory
        self.retention = controller.curve.retention_of(memory, controller.clock())
        self.versions = [] if memory.version_of else controller.history(memory.id)
        near = graph[memory.id].items() if memory.id in graph else ()
        self.linked = sorted(
            ((held[other], float(edge["weight"])) for other, edge in near if other in held),
            key=lambda pair: -pair[1],
        )
        self.sources = [held[source] for source in memory.sources if source in held]

    def json(self) -> dict[str, Any]:
        return memory_json(self.memory) | {
            "retention": self.retention,
            "history": [memory_json(version) for version in self.versions],
            "linked": [{"id": m.id, "text": m.text, "weight": weight} for m, weight in self.linked],
        }

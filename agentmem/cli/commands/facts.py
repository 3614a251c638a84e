"""`profile`, `facts` and `timeline`: what memory makes of what was said."""

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
    Store,
    Time,
    User,
    open_memory,
)
from agentmem.cli.render import note, print_json

if TYPE_CHECKING:
    from agentmem.controller.timeline import Event
    from agentmem.facts.views import Fact

__all__ = ["facts", "profile", "timeline"]


@app.command(
    rich_help_panel=FIND, epilog=examples("agentmem profile", "agentmem profile --limit 5 --json")
)
def profile(
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", min=1, help="Only the best remembered.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the portrait of a user, a line for each thing that holds now.

    `agentmem forget ID` removes a line, and it does not come back.
    """
    with open_memory(store, user, agent) as memory:
        lines = memory.profile(limit=limit)
    if as_json:
        names = ("id", "section", "text", "retention")
        rows = [{name: getattr(line, name) for name in names} for line in lines]
        print_json([r | {"sources": list(p.sources)} for r, p in zip(rows, lines, strict=True)])
        return
    from agentmem.cli.facts_view import print_profile

    if lines:
        print_profile(lines)
    else:
        note(f"nothing is known of {memory.scope}; facts are found when a conversation ends")


@app.command(
    rich_help_panel=FIND,
    epilog=examples("agentmem facts", "agentmem facts --attribute home --superseded"),
)
def facts(
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    subject: Annotated[
        str | None, typer.Option(help="Only facts about them.", show_default=False)
    ] = None,
    attribute: Annotated[
        str | None, typer.Option(help="Only facts of this attribute.", show_default=False)
    ] = None,
    superseded: Annotated[
        bool, typer.Option("--superseded", help="Also what no longer holds.")
    ] = False,
    as_of: Annotated[datetime | None, typer.Option(help="As they stood then.", **Time)] = None,
    as_json: Json = False,
) -> None:
    """Show what was said of people: of whom, what of them, and since when."""
    with open_memory(store, user, agent) as memory:
        found = memory.facts(
            subject=subject, attribute=attribute, superseded=superseded, as_of=as_of
        )
    if as_json:
        print_json([_fact_json(fact) for fact in found])
        return
    from agentmem.cli.facts_view import print_facts

    if found:
        print_facts(found)
    else:
        note(f"there are no such facts for {memory.scope}")


def _fact_json(fact: Fact) -> dict[str, Any]:
    return {
        "id": fact.id,
        "subject": fact.subject,
        "attribute": fact.attribute,
        "value": fact.value,
        "date": fact.date.isoformat(),
        "state": fact.memory.state.value,
        "text": fact.memory.text,
        "retention": fact.retention,
        "sources": list(fact.memory.sources),
        "supersedes": list(fact.supersedes),
        "superseded_by": list(fact.superseded_by),
        "contradicts": list(fact.contradicts),
    }


@app.command(
    rich_help_panel=FIND,
    epilog=examples(
        "agentmem timeline --since 2026-03-01",
        'agentmem timeline "What happened last week?"',
        'agentmem timeline "What came first, the wedding or the move?"',
    ),
)
def timeline(
    query: Annotated[
        str | None, typer.Argument(help="What it is about; all by default.", show_default=False)
    ] = None,
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only what happened from then on.", **Time)
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Only what happened before.", **Time)
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="How many to show, at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Show what happened, in the order in which it did, whenever it was told."""
    with open_memory(store, user, agent) as memory:
        events = memory.timeline(query, since=since, until=until, k=k)
    if as_json:
        print_json([_event_json(event) for event in events])
        return
    from agentmem.cli.facts_view import print_events

    if events:
        print_events(events)
    else:
        note(f"nothing is known to have happened to {memory.scope} then")


def _event_json(event: Event) -> dict[str, Any]:
    return {
        "when": event.when.isoformat(),
        "until": event.until.isoformat(),
        "text": event.text,
        "id": event.memory.id,
    }

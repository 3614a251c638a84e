"""`profile`, `facts` and `timeline`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentmem.cli.options import FIND, Json, K, OwnerOptions, Time, examples, with_groups
from agentmem.cli.terminal import note, print_json

if TYPE_CHECKING:
    from agentmem import Event, Fact, ProfileLine

__all__ = ["app", "facts", "profile", "timeline"]

app = typer.Typer()


@app.command(
    rich_help_panel=FIND, epilog=examples("agentmem profile", "agentmem profile --limit 5 --json")
)
@with_groups
def profile(
    owner: OwnerOptions,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", min=1, help="Only the best remembered lines.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the profile of a user: one line for each current fact.

    `agentmem edit ID TEXT` corrects a line and `agentmem forget ID` removes it, both permanently.
    """
    with owner.open() as memory:
        lines = memory.profile(limit=limit)
    if as_json:
        print_json([_profile_json(line) for line in lines])
    elif lines:
        from agentmem.cli.render import print_profile

        print_profile(lines)
    else:
        note(f"no profile of {owner.scope} yet; facts are extracted when a conversation ends")


def _profile_json(line: ProfileLine) -> dict[str, Any]:
    return {
        "id": line.id,
        "section": line.section,
        "text": line.text,
        "retention": line.retention,
        "sources": list(line.sources),
    }


@app.command(
    rich_help_panel=FIND,
    epilog=examples("agentmem facts", "agentmem facts --attribute home --superseded"),
)
@with_groups
def facts(
    owner: OwnerOptions,
    subject: Annotated[
        str | None, typer.Option(help="Only facts about this person or thing.", show_default=False)
    ] = None,
    attribute: Annotated[
        str | None,
        typer.Option(help="Only facts of this attribute, such as home.", show_default=False),
    ] = None,
    superseded: Annotated[
        bool, typer.Option("--superseded", help="Include facts that no longer hold.")
    ] = False,
    as_of: Annotated[
        datetime | None, typer.Option(help="Show the facts as of this time.", **Time)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show facts about people: subject, attribute, value and since when."""
    with owner.open() as memory:
        matches = memory.facts(
            subject=subject, attribute=attribute, superseded=superseded, as_of=as_of
        )
    if as_json:
        print_json([_fact_json(fact) for fact in matches])
    elif matches:
        from agentmem.cli.render import print_facts

        print_facts(matches)
    else:
        note(f"no matching facts for {owner.scope}")


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
@with_groups
def timeline(
    owner: OwnerOptions,
    query: Annotated[
        str | None,
        typer.Argument(help="Question that selects events. Default: all.", show_default=False),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only events at or after this time.", **Time)
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Only events before this time.", **Time)
    ] = None,
    k: K = 20,
    as_json: Json = False,
) -> None:
    """Show events in the order in which they happened."""
    with owner.open() as memory:
        events = memory.timeline(query, since=since, until=until, k=k)
    if as_json:
        print_json([_event_json(event) for event in events])
    elif events:
        from agentmem.cli.render import print_events

        print_events(events)
    else:
        note(f"no matching events for {owner.scope}")


def _event_json(event: Event) -> dict[str, Any]:
    return {
        "when": event.when.isoformat(),
        "until": event.until.isoformat(),
        "text": event.text,
        "id": event.memory.id,
    }

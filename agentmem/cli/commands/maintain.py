"""`sweep`, `consolidate`, `check` and `stats`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from agentmem.cli.app import KEEP, app, examples
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
from agentmem.cli.render import plain, print_json

__all__ = ["check", "consolidate", "stats", "sweep"]


@app.command(
    rich_help_panel=KEEP, epilog=examples("agentmem sweep", "agentmem sweep --now 2027-01-01")
)
def sweep(
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    now: Annotated[
        datetime | None, typer.Option(help="Sweep as if it were then; now by default.", **Time)
    ] = None,
    as_json: Json = False,
) -> None:
    """Archive what has faded below the threshold.

    Archived memories are out of ordinary search, and come back when
    `agentmem search --include-archived` finds them. Nothing is deleted.
    """
    with open_memory(store, user, agent) as memory:
        report = memory.sweep(now)
    if as_json:
        print_json({"archived": list(report.archived), "kept": report.kept})
    else:
        typer.echo(f"archived {len(report.archived)}, kept {report.kept}")


@app.command(
    rich_help_panel=KEEP,
    epilog=examples("agentmem consolidate", "agentmem consolidate --budget 20 --keep 5000"),
)
def consolidate(
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    budget: Annotated[
        int | None,
        typer.Option(min=0, help="Do so many pieces of work at most.", show_default=False),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Archive the weakest, unused and redundant turns beyond so many.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """End open conversations, merge what says the same, and sum up topics and days.

    It can be interrupted; the next run goes on. Nothing is deleted.
    """
    from agentmem.cli.progress import Bars

    with open_memory(store, user, agent) as memory, Bars() as bars:
        report = memory.consolidate(budget=budget, keep=keep, progress=bars)
    if as_json:
        print_json(asdict(report))
        return
    typer.echo(
        f"ended {len(report.ended)} conversations, merged {len(report.merged)} turns into others, "
        f"summed up {len(report.topics)} topics and {len(report.days)} days, "
        f"archived {len(report.archived)}"
    )
    if not report.finished:
        typer.echo("more is left to do; run it again to go on")


@app.command(
    rich_help_panel=KEEP, epilog=examples("agentmem check", "agentmem check --repair --json")
)
def check(
    store: Store = DEFAULT_STORE,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make anew what is derived from what was said.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look for damage, of all users of the store; exit with 1 where some is left.

    --repair embeds texts whose vectors were lost, drops links to nothing and digests conversations
    again. What people said is never touched.
    """
    with open_memory(store, DEFAULT_USER, repair=repair) as memory:
        reports = {str(s): memory.check(repair=repair, scope=s) for s in memory.owners()}
    if as_json:
        print_json({name: asdict(report) for name, report in reports.items()})
    else:
        for name, report in reports.items():
            for kind, said in (("repaired", report.repaired), ("problem", report.problems)):
                for sentence in said:
                    typer.echo(plain(f"{kind} of {name}: {sentence}"))
        typer.echo(f"{sum(len(r.problems) for r in reports.values())} problems are left")
    if not all(report.ok for report in reports.values()):
        raise typer.Exit(1)


@app.command(rich_help_panel=KEEP, epilog=examples("agentmem stats --user ada"))
def stats(
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Count what is remembered."""
    with open_memory(store, user, agent) as memory:
        counted = memory.stats()
    if as_json:
        print_json(asdict(counted))
        return
    from agentmem.cli.tables import print_stats

    print_stats(counted)

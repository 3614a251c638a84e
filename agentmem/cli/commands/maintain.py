"""`sweep`, `consolidate`, `check`, `reembed` and `stats`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from agentmem.cli.options import (
    DEFAULT_STORE,
    DEFAULT_USER,
    MAINTAIN,
    Json,
    OwnerOptions,
    Store,
    Time,
    examples,
    open_store,
    with_groups,
)
from agentmem.cli.terminal import plain, print_json

__all__ = ["app", "check", "consolidate", "reembed", "stats", "sweep"]

app = typer.Typer()


@app.command(
    rich_help_panel=MAINTAIN, epilog=examples("agentmem sweep", "agentmem sweep --now 2027-01-01")
)
@with_groups
def sweep(
    owner: OwnerOptions,
    now: Annotated[
        datetime | None, typer.Option(help="Sweep as of this time. Default: now.", **Time)
    ] = None,
    as_json: Json = False,
) -> None:
    """Archive memories whose retention has fallen below the threshold.

    A search finds archived memories only if it is unsure without them, or with --include-archived.
    An archived memory becomes active again when it is used. Nothing is deleted.
    """
    with owner.open() as memory:
        report = memory.sweep(now)
    if as_json:
        print_json({"archived": list(report.archived), "kept": report.kept})
    else:
        typer.echo(f"archived {len(report.archived)}, kept {report.kept}")


@app.command(
    rich_help_panel=MAINTAIN,
    epilog=examples("agentmem consolidate", "agentmem consolidate --budget 20 --keep 5000"),
)
@with_groups
def consolidate(
    owner: OwnerOptions,
    budget: Annotated[
        int | None,
        typer.Option(min=0, help="Maximum number of steps.", show_default=False),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Keep at most this many turns active; archive weak, unused and redundant ones.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """End open conversations, merge duplicates, and summarize topics and days.

    It can be interrupted; the next run resumes. Nothing is deleted.
    """
    from agentmem.cli.progress import ProgressBars

    with owner.open() as memory, ProgressBars() as bars:
        report = memory.consolidate(budget=budget, keep=keep, progress=bars)
    if as_json:
        print_json(asdict(report))
        return
    typer.echo(
        f"ended {len(report.ended)} conversations, merged {len(report.merged)} duplicates, "
        f"summarized {len(report.topics)} topics and {len(report.days)} days, "
        f"archived {len(report.archived)}"
    )
    if not report.finished:
        typer.echo("work is left; run the command again to continue")


@app.command(
    rich_help_panel=MAINTAIN, epilog=examples("agentmem check", "agentmem check --repair --json")
)
@with_groups
def check(
    store: Store = DEFAULT_STORE,
    repair: Annotated[bool, typer.Option("--repair", help="Rebuild derived data.")] = False,
    as_json: Json = False,
) -> None:
    """Check integrity for all users of the store. Exits with 1 if problems remain.

    --repair embeds texts whose vectors were lost, removes dangling links and summarizes
    conversations again. It never changes what people said.
    """
    with open_store(store, OwnerOptions(user=DEFAULT_USER).scope, repair=repair) as memory:
        reports = {str(s): memory.check(repair=repair, scope=s) for s in memory.owners()}
    if as_json:
        print_json({name: asdict(report) for name, report in reports.items()})
    else:
        for name, report in reports.items():
            for kind, messages in (("repaired", report.repaired), ("problem", report.problems)):
                for message in messages:
                    typer.echo(plain(f"{kind} of {name}: {message}"))
        typer.echo(f"{sum(len(r.problems) for r in reports.values())} problems left")
    if not all(report.ok for report in reports.values()):
        raise typer.Exit(1)


@app.command(
    rich_help_panel=MAINTAIN,
    epilog=examples(
        "agentmem reembed --model sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        "agentmem reembed --model ./my-model --store ./memories",
    ),
)
def reembed(
    model: Annotated[
        str,
        typer.Option(
            help="A sentence-transformers model (name or folder), or a LangChain name such as "
            "openai:text-embedding-3-small.",
            show_default=False,
        ),
    ],
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Move a store to another embedding model, in place and for all users.

    Nothing is lost: ids, texts, strengths, links, versions and citations stay the same. It can be
    interrupted; until it is done the store stays as it was, and the next run continues unless
    something was written meanwhile. Needs disk space for a second copy.
    """
    from agentmem.cli.progress import ProgressBars
    from agentmem.embedding.resolve import resolve_embeddings
    from agentmem.folders import expand_home
    from agentmem.maintenance.reembed import reembed as run
    from agentmem_stores import StoreUnavailableError, is_vacant

    path = expand_home(store)
    if is_vacant(path):
        raise StoreUnavailableError(f"no store at {path}; pass --store")
    with ProgressBars() as bars:
        report = run(path, resolve_embeddings(model), progress=bars)
    if as_json:
        print_json(asdict(report))
        return
    resumed = f", {report.resumed:,} in an earlier run" if report.resumed else ""
    typer.echo(
        f"embedded {report.embedded:,} memories of {report.scopes:,} owners with "
        f"{plain(model)}{resumed}"
    )


@app.command(rich_help_panel=MAINTAIN, epilog=examples("agentmem stats --user ada"))
@with_groups
def stats(owner: OwnerOptions, as_json: Json = False) -> None:
    """Count memories, sessions and associations."""
    with owner.open() as memory:
        counts = memory.stats()
    if as_json:
        print_json(asdict(counts))
        return
    from agentmem.cli.render import print_stats

    print_stats(counts)

"""`forget`, `sweep`, `consolidate` and `stats`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ._app import KEEP, app, examples
from ._options import (
    DEFAULT_STORE,
    DEFAULT_USER,
    Agent,
    Json,
    Store,
    Time,
    User,
    find_id,
    open_memory,
)
from ._output import line, plain, print_json, short_id

if TYPE_CHECKING:
    from agentmem import Memory, MemoryController

__all__ = ["consolidate", "forget", "stats", "sweep"]


@app.command(
    rich_help_panel=KEEP,
    epilog=examples(
        "agentmem forget 3f2a9c1b7e04",
        "agentmem forget --session trip --yes",
        "agentmem forget --all --user ada",
    ),
)
def forget(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Ids, or beginnings of ids.", show_default=False),
    ] = None,
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    session: Annotated[
        str | None, typer.Option(help="Forget this whole conversation.", show_default=False)
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Forget everything of this user.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete memories for good, with their former versions and what was derived from them.

    This is not fading: what fades is archived by `agentmem sweep` and can come back.
    """
    if sum([bool(ids), session is not None, everything]) != 1:
        raise typer.BadParameter("name ids, or a --session, or --all")
    with open_memory(store, user, agent) as memory:
        if everything:
            _agree(f"Forget everything of {memory.scope}?", yes)
            typer.echo(f"forgot {memory.delete_all()} records of {plain(str(memory.scope))}")
        elif session is not None:
            _agree(f"Forget the conversation {session} of {memory.scope}?", yes)
            _forget_session(memory, session)
        else:
            # All are found before the first is deleted, so that a typing error deletes nothing.
            for found in [find_id(memory, beginning) for beginning in ids or ()]:
                memory.delete(found.id)
                typer.echo(f"forgot {short_id(found.id)}  {line(found.text, 80)}")


def _agree(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here; add --yes to go ahead")
    typer.confirm(plain(question), abort=True)


def _forget_session(memory: MemoryController, session: str) -> None:
    from agentmem import Granularity, MemoryNotFoundError

    held = memory.get_all(limit=None, session_id=session)
    if not held:
        raise MemoryNotFoundError(f"{memory.scope} has no session {session!r}")

    def turns_last(m: Memory) -> bool:
        return m.granularity is Granularity.TURN

    # What is derived goes first, else it would be written anew after every turn.
    for found in sorted(held, key=turns_last):
        memory.delete(found.id)
    typer.echo(f"forgot {len(held)} memories of {line(session)}")


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
    from ._bars import Bars

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
    from ._tables import print_stats

    print_stats(counted)

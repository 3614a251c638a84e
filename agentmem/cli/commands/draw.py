"""`forgetting-curve` and `graph`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentmem.cli.app import MOVE, app, examples
from agentmem.cli.options import DEFAULT_STORE, DEFAULT_USER, Agent, Store, User, open_memory
from agentmem.cli.render import plain

__all__ = ["forgetting_curve", "graph"]

Out = Annotated[Path, typer.Option("--out", "-o", help="The picture: .png, .svg or .pdf.")]


@app.command(
    "forgetting-curve",
    rich_help_panel=MOVE,
    epilog=examples(
        "agentmem forgetting-curve",
        "agentmem forgetting-curve --recall 1 --recall 7 --recall 30 --out curve.png",
        "agentmem forgetting-curve --importance 1 --until 365 --out important.svg",
    ),
)
def forgetting_curve(
    recalls: Annotated[
        list[float] | None,
        typer.Option(
            "--recall",
            "-r",
            metavar="DAY",
            min=0.0,
            help="It is recalled on this day; may be given several times.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        float | None,
        typer.Option(metavar="DAY", help="Where the picture ends; by default, with the memory."),
    ] = None,
    surprise: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How unlike anything known it is.")
    ] = 0.5,
    importance: Annotated[float, typer.Option(min=0.0, max=1.0, help="How much it matters.")] = 0.0,
    out: Out = Path("forgetting-curve.png"),
) -> None:
    """Draw how one memory fades, with the recalls given and without any."""
    from agentmem import ForgettingCurve
    from agentmem.plots import plot_forgetting_curve

    written = plot_forgetting_curve(
        ForgettingCurve(),
        recalls or [],
        until,
        out.expanduser(),
        surprise=surprise,
        importance=importance,
    )
    typer.echo(plain(str(written)))


@app.command(rich_help_panel=MOVE, epilog=examples("agentmem graph --user ada --out graph.svg"))
def graph(
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    out: Out = Path("graph.png"),
) -> None:
    """Draw which memories of a user are associated with which."""
    from agentmem.plots import plot_graph

    with open_memory(store, user, agent) as memory:
        associations = memory.graph()
    typer.echo(plain(str(plot_graph(associations, out.expanduser(), title=str(memory.scope)))))

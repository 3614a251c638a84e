"""`forgetting-curve` and `graph`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentmem.cli.options import EXPORT, OwnerOptions, examples, expand, with_groups
from agentmem.cli.terminal import plain

__all__ = ["app", "forgetting_curve", "graph"]

app = typer.Typer()

Out = Annotated[Path, typer.Option("--out", "-o", help="Output file: .png, .svg or .pdf.")]


@app.command(
    "forgetting-curve",
    rich_help_panel=EXPORT,
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
            help="Recall the memory on this day. Can be repeated.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        float | None,
        typer.Option(
            metavar="DAY",
            help="Last day of the plot. Default: when the memory has faded.",
            show_default=False,
        ),
    ] = None,
    surprise: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How much it differs from all known memories.")
    ] = 0.5,
    importance: Annotated[float, typer.Option(min=0.0, max=1.0, help="How important it is.")] = 0.0,
    out: Out = Path("forgetting-curve.png"),
) -> None:
    """Plot how a memory fades, with the given recalls and without any."""
    from agentmem import ForgettingCurve
    from agentmem.plots import plot_forgetting_curve

    path = plot_forgetting_curve(
        ForgettingCurve(),
        recalls or [],
        until,
        expand(out),
        surprise=surprise,
        importance=importance,
    )
    typer.echo(plain(str(path)))


@app.command(rich_help_panel=EXPORT, epilog=examples("agentmem graph --user ada --out graph.svg"))
@with_groups
def graph(owner: OwnerOptions, out: Out = Path("graph.png")) -> None:
    """Plot the association graph of a user's memories."""
    from agentmem.plots import plot_graph

    with owner.open() as memory:
        associations = memory.graph()
    typer.echo(plain(str(plot_graph(associations, expand(out), title=str(owner.scope)))))

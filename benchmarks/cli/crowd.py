"""`crowd`: several clients at one server."""

from __future__ import annotations

from typing import Annotated

import typer

from agentmem.cli.app import examples
from agentmem.cli.measuring import MEASURE
from benchmarks.cli.app import app

__all__ = ["crowd"]


@app.command(
    rich_help_panel=MEASURE,
    epilog=examples(
        "python -m benchmarks crowd --port 8000",
        "python -m benchmarks crowd --clients 8 --seconds 60",
    ),
)
def crowd(
    host: Annotated[str, typer.Option(help="Where the Chroma server is.")] = "localhost",
    port: Annotated[int, typer.Option(help="Its port.")] = 8000,
    clients: Annotated[int, typer.Option(min=2, help="How many processes use it.")] = 4,
    seconds: Annotated[float, typer.Option(min=1, help="For how long.")] = 300.0,
) -> None:
    """Let several client processes write to and search the same memories on a Chroma server.

    Ends with an error if a call failed or an acknowledged write is not there afterwards. Needs an
    empty database: start one with `chroma run --path FOLDER`.
    """
    from agentmem.cli.render import note
    from benchmarks.crowd import crowd as let_loose

    together = let_loose(host=host, port=port, clients=clients, seconds=seconds)
    for line in together.lines():
        note(line)
    if together.errors or together.lost:
        raise typer.Exit(1)

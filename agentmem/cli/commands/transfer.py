"""`export` and `import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentmem.cli.app import MOVE, app, examples
from agentmem.cli.options import DEFAULT_STORE, DEFAULT_USER, Agent, Store, User, open_memory
from agentmem.cli.render import plain

__all__ = ["export", "import_"]


@app.command(rich_help_panel=MOVE, epilog=examples("agentmem export backup.jsonl --user ada"))
def export(
    file: Annotated[Path, typer.Argument(help="The file to write.", show_default=False)],
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
) -> None:
    """Write all memories of a user to a file of JSON lines, one memory a line.

    Ids, strengths, states, links and former versions are kept; vectors are made anew on import.
    """
    with open_memory(store, user, agent) as memory:
        count = memory.export(file)
    typer.echo(f"{count} records of {plain(str(memory.scope))} written to {plain(str(file))}")


@app.command(
    "import", rich_help_panel=MOVE, epilog=examples("agentmem import backup.jsonl --user ada")
)
def import_(
    file: Annotated[Path, typer.Argument(help="A file of `agentmem export`.", show_default=False)],
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
) -> None:
    """Read a file of `agentmem export` into the memories of a user.

    Memories of the same id are replaced, so importing twice changes nothing. A file with a
    defect is refused whole.
    """
    with open_memory(store, user, agent, create=True) as memory:
        count = memory.import_(file)
    typer.echo(f"{count} records of {plain(str(file))} read into {plain(str(memory.scope))}")

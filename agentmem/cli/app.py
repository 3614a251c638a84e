"""The command that holds all others, and how errors leave it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from agentmem.cli.render import complain

__all__ = ["FIND", "KEEP", "MOVE", "TALK", "CommandGroup", "app", "examples"]

# Headings of `agentmem --help`.
TALK = "Talk and write"
FIND = "Find"
KEEP = "Keep in order"
MOVE = "Take along and draw"


_ORDER = (
    "chat",
    "add",
    "ingest",
    "search",
    "list",
    "show",
    "profile",
    "facts",
    "timeline",
    "forget",
    "compact",
    "sweep",
    "consolidate",
    "stats",
)


class CommandGroup(TyperGroup):
    """Turns an error of agentmem into one line on stderr and exit code 1."""

    def list_commands(self, ctx: Any) -> list[str]:
        names = super().list_commands(ctx)
        return sorted(names, key=lambda n: _ORDER.index(n) if n in _ORDER else len(_ORDER))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            from agentmem import AgentMemError

            if not isinstance(error, AgentMemError):
                raise
            complain(str(error))
            raise typer.Exit(1) from error


def examples(*lines: str) -> str:
    """An epilog of `--help` with one command a line."""
    return "\n\n".join(["Examples:", *(f"- `{line}`" for line in lines)])


app = typer.Typer(
    cls=CommandGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "agentmem chat",
        'agentmem add "I adopted a beagle called Biscuit."',
        'agentmem search "What is my dog called?"',
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"agentmem {version('ebbinghaus-agentmem')}")
        except PackageNotFoundError:
            typer.echo("agentmem, not installed")
        raise typer.Exit


@app.callback()
def agentmem(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A memory for agents: it associates, forgets, and finds again.

    Memories live in a folder (`--store`, or AGENTMEM_STORE) and belong to one user
    (`--user`, or AGENTMEM_USER). Everything runs on this machine; nothing needs a key.
    """

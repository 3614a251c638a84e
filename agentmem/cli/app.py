"""The command `agentmem`: its subcommands, and how errors become exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from agentmem.cli.commands import (
    abilities,
    chat,
    draw,
    facts,
    forget,
    hook,
    maintain,
    read,
    serve,
    transfer,
    write,
)
from agentmem.cli.options import MEASURE, SERVE, JsonGroup, examples
from agentmem.cli.terminal import print_error

__all__ = ["CommandGroup", "app", "main"]

# The order in which `agentmem --help` lists the commands of a panel; others come after these.
_ORDER = (
    "chat",
    "add",
    "ingest",
    "search",
    "list",
    "show",
    "users",
    "profile",
    "facts",
    "timeline",
    "edit",
    "forget",
    "compact",
    "sweep",
    "consolidate",
    "stats",
    "serve",
    "mcp",
    "install",
    "hook",
    "token",
)

# Characters of a command's description in `agentmem --help`; longer ones are cut.
_SHORT_HELP = 120


class CommandGroup(JsonGroup):
    """Print an `AgentMemError` as one line on stderr and exit with 1."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands in the order of `--help`."""
        names = super().list_commands(ctx)
        return sorted(names, key=lambda n: _ORDER.index(n) if n in _ORDER else len(_ORDER))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help as plain text: importing Rich takes 0.15 s, as long as all else."""
        self.rich_markup_mode = None
        super().format_help(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, panel by panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            row = (name, command.get_short_help_str(_SHORT_HELP))
            panels.setdefault(command.rich_help_panel or "Commands", []).append(row)
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            from agentmem import AgentMemError

            if not isinstance(error, AgentMemError):
                raise
            print_error(str(error))
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=CommandGroup,
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
for commands in (chat, write, read, facts, forget, maintain, serve, hook, transfer, draw):
    app.add_typer(commands.app)
app.add_typer(serve.token_app, name="token", rich_help_panel=SERVE)
# `abilities` adds its commands to those of `evaluate`.
app.add_typer(abilities.app, name="eval", rich_help_panel=MEASURE)


def _print_version(requested: bool) -> None:
    if requested:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"agentmem {version('ebbinghaus-agentmem')}")
        except PackageNotFoundError:
            typer.echo("agentmem (not installed)")
        raise typer.Exit


@app.callback()
def agentmem(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Long-term memory for agents: it associates, forgets, and retrieves.

    Memories live in a folder (`--store` or AGENTMEM_STORE) and belong to one user (`--user` or
    AGENTMEM_USER). Everything runs on this machine; nothing needs an API key.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: without the program's name; None for those of the process.

    Raises:
        SystemExit: always. 0 on success, 1 after an `AgentMemError`, 2 after a usage error.
    """
    app(args=arguments, prog_name="agentmem")

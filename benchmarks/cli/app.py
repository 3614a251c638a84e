"""The command group of `python -m benchmarks`."""

from __future__ import annotations

import typer

from agentmem.cli.app import CommandGroup

__all__ = ["app"]

app = typer.Typer(
    cls=CommandGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Measure what agentmem costs on top of Chroma, and fit the weights of its search.",
)

"""How `eval` shows what it found."""

from __future__ import annotations

import json as json_
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from agentmem.cli.render import console, plain

if TYPE_CHECKING:
    from agentmem.evaluation.report import Report

__all__ = ["check_outputs", "write", "write_json"]


def check_outputs(json: Path | None, plot: Path | None) -> None:
    """Find out before hours of work whether what they lead to can be written.

    Raises:
        InvalidInputError: the picture's ending names no kind of picture.
        MissingExtraError: matplotlib is not installed.
        StoreUnavailableError: there is no such folder.
    """
    from agentmem import StoreUnavailableError
    from agentmem.evaluation.plot import check_plot

    if plot is not None:
        check_plot(plot)
    for path in (json, plot):
        if path is not None and not path.expanduser().absolute().parent.is_dir():
            raise StoreUnavailableError(f"cannot write {path}: there is no such folder")


def write(report: Report, json: Path | None, plot: Path | None) -> None:
    """Print a report's tables, and write the files asked for.

    Raises:
        StoreUnavailableError: a file cannot be written.
    """
    from agentmem.evaluation.plot import plot_report
    from agentmem.evaluation.tables import tables

    shown = console()
    for table in tables(report):
        shown.print(table)
        shown.print()
    if json is not None:
        write_json(report.to_json(), json)
    if plot is not None:
        typer.echo(plain(str(plot_report(report, plot.expanduser()))))


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write what was found to a file, and say where.

    Raises:
        StoreUnavailableError: it cannot be written.
    """
    from agentmem import StoreUnavailableError

    try:
        path.expanduser().write_text(json_.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreUnavailableError(f"cannot write {path}: {error}") from error
    typer.echo(plain(str(path)))

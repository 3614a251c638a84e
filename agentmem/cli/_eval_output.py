"""How `eval` shows how far it is, and what it found."""

from __future__ import annotations

import json as json_
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

from ._output import console, note, plain

if TYPE_CHECKING:
    from rich.progress import TaskID

    from agentmem.evaluation import Report

__all__ = ["Bars", "check_outputs", "write"]


class Bars:
    """A progress bar for each stage, on stderr, gone at the end."""

    def __init__(self) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (TextColumn("{task.description}", markup=False), BarColumn(),
                   MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())  # fmt: skip
        shown = console(stderr=True)
        # Where nobody watches, even a bar that is gone at the end would leave an empty line.
        self._progress = Progress(
            *columns, console=shown, transient=True, disable=not shown.is_terminal
        )
        self._stages: dict[str, TaskID] = {}
        self._totals: dict[str, int] = {}

    def expect(self, stage: str, count: int) -> None:
        """Make a stage's bar longer."""
        self._totals[stage] = self._totals.get(stage, 0) + count
        if stage not in self._stages:
            self._stages[stage] = self._progress.add_task(stage, total=0)
        self._progress.update(self._stages[stage], total=self._totals[stage])

    def advance(self, stage: str, count: int) -> None:
        """Fill a stage's bar."""
        self._progress.advance(self._stages[stage], count)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()
        if isinstance(error, KeyboardInterrupt):
            note("interrupted; what was ingested is kept, run the same command again to go on")


def check_outputs(json: Path | None, plot: Path | None) -> None:
    """Find out before hours of work whether what they lead to can be written.

    Raises:
        InvalidInputError: the picture's ending names no kind of picture.
        MissingExtraError: matplotlib is not installed.
        StoreUnavailableError: there is no such folder.
    """
    from agentmem import StoreUnavailableError
    from agentmem.evaluation import check_plot

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
    from agentmem import StoreUnavailableError
    from agentmem.evaluation import plot_report, tables

    shown = console()
    for table in tables(report):
        shown.print(table)
        shown.print()
    if json is not None:
        text = json_.dumps(report.to_json(), indent=2) + "\n"
        try:
            json.expanduser().write_text(text, encoding="utf-8")
        except OSError as error:
            raise StoreUnavailableError(f"cannot write {json}: {error}") from error
        typer.echo(plain(str(json)))
    if plot is not None:
        typer.echo(plain(str(plot_report(report, plot.expanduser()))))

"""How a command shows how far it is."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from ._output import console, note

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["Bars"]


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
            note("interrupted; what was done is kept, run the same command again to go on")

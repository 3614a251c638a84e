"""How a command shows how far it is."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agentmem.cli.render import console, note

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["Bars"]

# Where nobody watches, in seconds: what is over sooner is not spoken of, and after so long
# something is said though no stage has ended.
_SOON, _LONG = 10.0, 30.0


class Bars:
    """A progress bar for the stage that is under way, on stderr, gone at the end.

    Where stderr is no terminal, a plain line for each stage that ends and for every half minute.
    """

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
        self._watched = shown.is_terminal
        self._progress = Progress(
            *columns, console=shown, transient=True, disable=not self._watched
        )
        self._stages: dict[str, TaskID] = {}
        self._totals: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._begun = self._told = time.monotonic()

    def expect(self, stage: str, count: int) -> None:
        """Make a stage's bar longer."""
        self._totals[stage] = self._totals.get(stage, 0) + count
        if stage not in self._stages:
            self._stages[stage] = self._progress.add_task(stage, total=0, visible=False)
        self._progress.update(self._stages[stage], total=self._totals[stage])
        self._show()

    def advance(self, stage: str, count: int) -> None:
        """Fill a stage's bar."""
        done = self._done[stage] = self._done.get(stage, 0) + count
        ended = done >= self._totals[stage]
        self._progress.advance(self._stages[stage], count)
        if ended:
            self._show()
        if not self._watched:
            self._tell(stage, ended=ended)

    def _show(self) -> None:
        """Show the bar of the first stage that has not ended."""
        left = (name for name, total in self._totals.items() if self._done.get(name, 0) < total)
        current = next(left, None)
        for name, bar in self._stages.items():
            self._progress.update(bar, visible=name == current)

    def _tell(self, stage: str, *, ended: bool) -> None:
        now = time.monotonic()
        if now - self._told >= _LONG or (ended and now - self._begun >= _SOON):
            self._told = now
            taken = f"{now - self._begun:.0f} s"
            note(f"{stage}: {self._done[stage]} of {self._totals[stage]} after {taken}")

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

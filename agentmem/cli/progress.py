"""Progress bars of commands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agentmem.cli.terminal import console, note

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["ProgressBars", "show_waiting"]

# Where stderr is not a terminal, in seconds: shorter work prints nothing, and longer stages print
# a line this often, so that logs show a sign of life without filling up.
_QUIET, _INTERVAL = 10.0, 30.0


@contextmanager
def show_waiting(what: str, *, after: float = 3.0) -> Iterator[None]:
    """Print on stderr what a command waits for, if that takes longer than `after` seconds."""
    timer = Timer(after, note, [f"{what} …"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class ProgressBars:
    """Show a bar on stderr for the current stage, and remove it at the end.

    Implements `agentmem.progress.Progress`. If stderr is not a terminal, print a line when a stage
    ends and every half minute.
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
        screen = console(stderr=True)
        # Without a terminal even a bar that is removed would leave an empty line.
        self._interactive = screen.is_terminal
        self._progress = Progress(
            *columns, console=screen, transient=True, disable=not self._interactive
        )
        self._stages: dict[str, TaskID] = {}
        self._totals: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._start = self._last_line = time.monotonic()

    def expect(self, stage: str, count: int) -> None:
        """Add `count` steps to a stage."""
        self._totals[stage] = self._totals.get(stage, 0) + count
        if stage not in self._stages:
            self._stages[stage] = self._progress.add_task(stage, total=0, visible=False)
        self._progress.update(self._stages[stage], total=self._totals[stage])
        self._show()

    def advance(self, stage: str, count: int) -> None:
        """Complete `count` steps of a stage."""
        done = self._done[stage] = self._done.get(stage, 0) + count
        ended = done >= self._totals[stage]
        self._progress.advance(self._stages[stage], count)
        if ended:
            self._show()
        if not self._interactive:
            self._print(stage, ended=ended)

    def _show(self) -> None:
        """Show the bar of the first unfinished stage."""
        unfinished = (
            name for name, total in self._totals.items() if self._done.get(name, 0) < total
        )
        current = next(unfinished, None)
        for name, bar in self._stages.items():
            self._progress.update(bar, visible=name == current)

    def _print(self, stage: str, *, ended: bool) -> None:
        now = time.monotonic()
        elapsed = now - self._start
        if now - self._last_line >= _INTERVAL or (ended and elapsed >= _QUIET):
            self._last_line = now
            note(f"{stage}: {self._done[stage]} of {self._totals[stage]} after {elapsed:.0f} s")

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
            note("interrupted; run the same command again to resume")

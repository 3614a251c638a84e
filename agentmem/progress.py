"""Report the progress of long operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol, runtime_checkable

__all__ = ["NullProgress", "Progress", "observe_waiting", "waiting"]

# The observer of this process, such as the command line; at most one.
_observers: list[Callable[[str], AbstractContextManager[object]]] = []


def observe_waiting(observer: Callable[[str], AbstractContextManager[object]]) -> None:
    """Enter `observer(what)` while this process waits for something, such as loading weights."""
    _observers[:] = [observer]


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Report to the observer, if any, what this process waits for inside the context."""
    with ExitStack() as stack:
        for observer in _observers:
            stack.enter_context(observer(what))
        yield


@runtime_checkable
class Progress(Protocol):
    """Receives the progress of an operation, stage by stage."""

    def expect(self, stage: str, count: int) -> None:
        """Add to the number of steps that a stage has."""

    def advance(self, stage: str, count: int) -> None:
        """Add to the number of steps that a stage has completed."""


class NullProgress:
    """A `Progress` that does nothing."""

    def expect(self, stage: str, count: int) -> None:
        """Do nothing."""

    def advance(self, stage: str, count: int) -> None:
        """Do nothing."""

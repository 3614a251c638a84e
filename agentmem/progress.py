"""Report the progress of long operations."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["NullProgress", "Progress"]


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

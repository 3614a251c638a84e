"""Hearing how far something long is."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """Hears how far work is; `stage` is what is being done."""

    def expect(self, stage: str, count: int) -> None:
        """Announce that so many more are to be done."""

    def advance(self, stage: str, count: int) -> None:
        """Say that so many more have been done."""


class Silent:
    """Progress that nobody hears."""

    def expect(self, stage: str, count: int) -> None:
        """Do nothing."""

    def advance(self, stage: str, count: int) -> None:
        """Do nothing."""

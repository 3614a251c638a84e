"""Times taken in turns, and the ratios of their medians."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

__all__ = ["Ratio", "in_turns", "seconds"]


@dataclass(frozen=True)
class Ratio:
    """One line of a benchmark.

    Attributes:
        name: what was compared with what.
        value: measured / floor, medians.
        measured, floor: in the unit.
        unit: `ms` or `MB`.
        at_most: what the ratio must not exceed; None where nothing is promised.
        note: how it was measured, where that is not plain.
        parts: what the measured side consists of, in the unit.
    """

    name: str
    measured: float
    floor: float
    unit: str = "ms"
    at_most: float | None = None
    note: str = ""
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """Measured / floor."""
        return float(self.measured / max(self.floor, 1e-9))

    @property
    def holds(self) -> bool | None:
        """Whether it stays within what is promised; None where nothing is."""
        return None if self.at_most is None else bool(self.value <= self.at_most)


def seconds(work: Callable[[], object]) -> float:
    """How long something takes once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(
    measured: Callable[[int], object], floor: Callable[[int], object], rounds: int
) -> tuple[float, float]:
    """Return the medians of both, in milliseconds; taken alternately, the first turn not counted.

    Args:
        measured, floor: called with the number of the round, so that no two rounds ask the same.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for work, times in zip((measured, floor), taken, strict=True):
            start = time.perf_counter()
            work(number)
            times.append(1e3 * (time.perf_counter() - start))
    return median(taken[0][1:]), median(taken[1][1:])

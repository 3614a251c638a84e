"""What is measured, how often, and as which ratio to a floor."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

from agentmem_stores import InvalidInputError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from benchmarks.corpus import Corpus

T = TypeVar("T")

__all__ = [
    "BENCHES", "BenchSettings", "Ratio", "alternate", "anonymous_memory", "in_process",
    "peak_memory", "resident_memory", "seconds",
]  # fmt: skip

BENCHES = (
    "search",
    "recall",
    "filters",
    "scopes",
    "ingest",
    "add",
    "opening",
    "throughput",
    "startup",
)


def _ignore(_: str) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class BenchSettings:
    """Everything a benchmark depends on.

    Attributes:
        sizes: memories of one owner, of all granularities, for which searches are measured.
        scopes: owners that share a store.
        per_scope: memories of each of them.
        turns: how many turns are ingested and added.
        rounds: repetitions of each measurement; the median is reported.
        only: which of `BENCHES` to run.
        folder: caches stores between runs.
        report_progress: called with a line about what is being done.

    Raises:
        InvalidInputError: a number is out of range, or there is no such benchmark.
    """

    corpus: Corpus
    embeddings: Embeddings
    folder: Path
    sizes: tuple[int, ...] = (2_000, 20_000, 200_000)
    scopes: int = 1_000
    per_scope: int = 200
    turns: int = 300
    rounds: int = 30
    only: tuple[str, ...] = BENCHES
    report_progress: Callable[[str], None] = _ignore

    def __post_init__(self) -> None:
        unknown = sorted(set(self.only) - set(BENCHES))
        if unknown:
            raise InvalidInputError(
                f"unknown benchmarks {', '.join(unknown)}; choose from {', '.join(BENCHES)}"
            )
        numbers = (*self.sizes, self.scopes, self.per_scope, self.turns, self.rounds)
        if not self.sizes or min(numbers) < 1:
            raise InvalidInputError("sizes, scopes, turns and rounds must be >= 1")

    @property
    def middle(self) -> int:
        """The size at which a whole search is compared with its floor: the second, if any."""
        return sorted(self.sizes)[min(1, len(self.sizes) - 1)]


@dataclass(frozen=True)
class Ratio:
    """One line of a benchmark.

    Attributes:
        name: what is compared with what.
        measured, floor: medians, in the unit.
        unit: `ms` or `MB`.
        at_most: bound on the ratio; None if nothing is promised.
        note: how it is measured, where that is not obvious.
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
        """Whether the bound holds; None without one."""
        return None if self.at_most is None else bool(self.value <= self.at_most)


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternate(
    measured: Callable[[int], object], floor: Callable[[int], object], rounds: int
) -> tuple[float, float]:
    """Run both alternately, and return their median times in milliseconds without the first round.

    Args:
        measured, floor: called with the number of the round, so that no question repeats.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for work, column in zip((measured, floor), times, strict=True):
            start = time.perf_counter()
            work(number)
            column.append(1e3 * (time.perf_counter() - start))
    return median(times[0][1:]), median(times[1][1:])


def in_process(work: Callable[..., T], *args: Any) -> T:
    """Return what a module's function returns in a new process; arguments must be picklable."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *args).result()


def resident_memory(pid: int | None = None) -> float:
    """Return the resident memory of a process in MB.

    Where /proc is missing, the peak of this process, and NaN for another one.

    Args:
        pid: by default this process.
    """
    return _memory("VmRSS", pid)


def anonymous_memory() -> float:
    """Return how much of this process's resident memory no file backs, in MB.

    The system can drop pages that are mapped from a file, and read them again. Where /proc is
    missing, the peak of all resident memory.
    """
    return _memory("RssAnon")


def peak_memory() -> float:
    """Return the peak of the resident memory of this process in MB."""
    return _memory("VmHWM")


def _memory(field: str, pid: int | None = None) -> float:
    try:
        lines = Path(f"/proc/{pid or 'self'}/status").read_text().splitlines()
    except OSError:
        if pid is not None:
            return float("nan")
        import resource

        # In bytes on macOS, which has no /proc, else in kB.
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    sizes = (int(line.split()[1]) / 1024 for line in lines if line.startswith(field))
    return next(sizes, float("nan"))

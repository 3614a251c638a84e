"""All benchmarks in one run."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from benchmarks.measure import Ratio
from benchmarks.opening import opening
from benchmarks.searching import Searching, opened
from benchmarks.settings import BenchSettings
from benchmarks.stages import SEARCH_STAGES, WRITE_STAGES, by_stage
from benchmarks.stores import Shape, owner
from benchmarks.writing import adding, ingest_once, ingesting

__all__ = ["BenchReport", "bench", "stages"]


@dataclass(frozen=True)
class BenchReport:
    """What was measured, and where.

    Attributes:
        ratios: in the order in which they were measured.
        stages: milliseconds of each stage of a search and of writing, where asked for.
    """

    corpus: str
    ratios: Sequence[Ratio]
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=lambda: _machine())

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        rows = [
            {
                "name": r.name,
                "ratio": round(r.value, 3),
                "at_most": r.at_most,
                "holds": r.holds,
                "measured": round(float(r.measured), 3),
                "floor": round(float(r.floor), 3),
                "unit": r.unit,
                "note": r.note,
                "parts": {name: round(float(value), 1) for name, value in r.parts.items()},
            }
            for r in self.ratios
        ]
        return {
            "corpus": self.corpus, "machine": self.machine, "ratios": rows, "stages": self.stages,
        }  # fmt: skip


def bench(settings: BenchSettings, *, staged: bool = False) -> BenchReport:
    """Measure.

    Args:
        staged: also break a search and an ingest down into stages.

    Raises:
        StoreUnavailableError: the folder cannot be written.
    """
    ratios: list[Ratio] = []
    searching = Searching(settings)
    if "search" in settings.only:
        ratios.append(searching.with_floor(settings.middle))
        ratios += [searching.with_floor(n, embedded=False) for n in sorted(settings.sizes)]
        if settings.smallest < settings.largest:
            ratios += searching.with_size()
    if "scopes" in settings.only:
        ratios += searching.among_owners()
    if "ingest" in settings.only:
        ratios += ingesting(settings)
    if "add" in settings.only:
        ratios.append(adding(settings))
    if "opening" in settings.only:
        ratios += opening(settings, searching)
    found = stages(settings, searching) if staged else {}
    return BenchReport(settings.corpus.name, ratios, found)


def stages(settings: BenchSettings, searching: Searching) -> dict[str, dict[str, float]]:
    """Where the time goes: of one search in the middle store, and of ingesting."""
    place = searching.place(Shape(1, settings.middle))
    with opened(place, settings.embeddings, owner(0)) as memory:
        memory.search(searching.asked[0], reinforce=False)
        asked = searching.asked[1 : 1 + settings.rounds]
        taken = by_stage(lambda: [memory.search(q, reinforce=False) for q in asked], SEARCH_STAGES)
    return {
        "search": {name: ms / len(asked) for name, ms in taken.items()},
        "ingest": by_stage(lambda: ingest_once(settings), WRITE_STAGES),
    }


def _machine() -> dict[str, Any]:
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "chromadb": version("chromadb"),
        "numpy": version("numpy"),
    }

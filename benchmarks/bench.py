"""All benchmarks in one run, and where the time of a search and of an ingest goes."""

from __future__ import annotations

import cProfile
import inspect
import os
import platform
import pstats
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pkgutil import resolve_name
from types import CodeType
from typing import Any

from benchmarks.measure import BENCHES, BenchSettings, Ratio
from benchmarks.searching import SearchBench, measure_opening, open_memory
from benchmarks.stores import Shape, owner
from benchmarks.throughput import measure_startup, measure_throughput
from benchmarks.writing import ingest_once, measure_add, measure_ingest

__all__ = ["SEARCH_STAGES", "WRITE_STAGES", "BenchReport", "bench", "stages", "time_by_stage"]


# The functions whose time, including what they call, makes up a stage.
SEARCH_STAGES: Mapping[str, tuple[str, ...]] = {
    "embedding the question": (
        "agentmem.embedding.embedder:Embedder.query",
        "agentmem.embedding.embedder:Embedder.query_tokens",
    ),
    "embedding words": ("agentmem.embedding.embedder:Embedder.query_words",),
    "derived index": ("agentmem_retrievers.index.indexed_store:IndexedStore.reading",),
    "term expansion": ("agentmem_retrievers.index.inverted_index:Vocabulary.similar_terms",),
    "postings": ("agentmem_retrievers.features.lexical:LexicalFeatures.__init__",),
    "nearest neighbors": ("agentmem_retrievers.ranking.pipeline:CandidateSources.nearest",),
    "candidates": ("agentmem_retrievers.ranking.pipeline:candidate_rows",),
    "features": ("agentmem_retrievers.features.turn:turn_features",),
    "second stage": ("agentmem_retrievers.features.turn:second_stage_features",),
    "confidence": ("agentmem_retrievers.ranking.pipeline:TurnRanking.confidence",),
    "reading the hits": ("agentmem_retrievers.index.table:Table.turns",),
}
WRITE_STAGES: Mapping[str, tuple[str, ...]] = {
    "embedding": (
        "agentmem.embedding.embedder:Embedder.documents",
        "agentmem.embedding.embedder:Embedder.turns",
    ),
    "nearest neighbors": ("agentmem_stores:ChromaStore.nearest",),
    "association": ("agentmem.writing.association:Association.edges",),
    "writing to Chroma": ("agentmem_stores:ChromaStore.write",),
    "derived index": ("agentmem_retrievers.index.scope_index:ScopeIndex.apply",),
    "digests": ("agentmem.digest.digest:Digester.digest",),
}


def time_by_stage(
    work: Callable[[], object], stages: Mapping[str, tuple[str, ...]]
) -> dict[str, float]:
    """Return the milliseconds of each stage of `work`, and of `everything else`.

    A profiler measures them, which makes Python look slower relative to native code than it is.

    Args:
        stages: functions by stage, as `pkgutil.resolve_name` takes them.

    Raises:
        AttributeError: there is no such function.
    """
    code_of = {
        name: [inspect.unwrap(resolve_name(path)).__code__ for path in paths]
        for name, paths in stages.items()
    }
    profile = cProfile.Profile()
    profile.runcall(work)
    stats: Any = pstats.Stats(profile)

    def cumulative(code: CodeType) -> float:
        key = (code.co_filename, code.co_firstlineno, code.co_name)
        return float(stats.stats.get(key, (0, 0, 0.0, 0.0, {}))[3])

    times = {name: 1e3 * sum(map(cumulative, codes)) for name, codes in code_of.items()}
    times["everything else"] = max(1e3 * stats.total_tt - sum(times.values()), 0.0)
    return times


@dataclass(frozen=True)
class BenchReport:
    """The results of a benchmark.

    Attributes:
        ratios: in the order in which they were measured.
        stages: milliseconds of each stage of a search and of an ingest, if requested.
        figures: what was measured without a floor, as text.
    """

    corpus: str
    ratios: Sequence[Ratio]
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=lambda: _machine())

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
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
            "corpus": self.corpus,
            "machine": self.machine,
            "ratios": rows,
            "stages": self.stages,
            "figures": self.figures,
        }


def bench(settings: BenchSettings, *, staged: bool = False) -> BenchReport:
    """Run the benchmarks.

    Args:
        staged: also break a search and an ingest down into stages.

    Raises:
        StoreUnavailableError: the folder cannot be written.
    """
    searching = SearchBench(settings)
    measured: dict[str, Callable[[], list[Ratio]]] = {
        "search": lambda: _searches(settings, searching),
        "recall": lambda: [searching.with_recall()],
        "filters": searching.with_filters,
        "scopes": searching.among_owners,
        "ingest": lambda: measure_ingest(settings),
        "add": lambda: [measure_add(settings)],
        "opening": lambda: measure_opening(settings, searching, Shape(1, max(settings.sizes))),
        "throughput": lambda: measure_throughput(settings),
        "startup": lambda: measure_startup(settings),
    }
    ratios = [ratio for name in BENCHES if name in settings.only for ratio in measured[name]()]
    breakdown = stages(settings, searching) if staged else {}
    return BenchReport(settings.corpus.name, ratios, breakdown)


def _searches(settings: BenchSettings, searching: SearchBench) -> list[Ratio]:
    ratios = [searching.with_floor(settings.middle)]
    ratios += [searching.with_floor(n, embedded=False) for n in sorted(settings.sizes)]
    if min(settings.sizes) < max(settings.sizes):
        ratios += searching.with_size()
    return ratios


def stages(settings: BenchSettings, searching: SearchBench) -> dict[str, dict[str, float]]:
    """Return milliseconds by stage: of one search in the middle store, and of one ingest."""
    place = searching.place(Shape(1, settings.middle))
    with open_memory(place, settings.embeddings, owner(0)) as memory:
        memory.search(searching.questions[0], reinforce=False)
        questions = searching.questions[1 : 1 + settings.rounds]
        times = time_by_stage(
            lambda: [memory.search(q, reinforce=False) for q in questions], SEARCH_STAGES
        )
    return {
        "search": {name: ms / len(questions) for name, ms in times.items()},
        "ingest": time_by_stage(lambda: ingest_once(settings), WRITE_STAGES),
    }


def _machine() -> dict[str, Any]:
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "chromadb": version("chromadb"),
        "numpy": version("numpy"),
    }

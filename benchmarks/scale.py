"""What a store of a million memories costs: building, opening, searching, writing, compacting."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from agentmem_retrievers import ForgettingCurve
from agentmem_stores import ChromaStore, Granularity
from agentmem_stores.chroma.files.directory import DERIVED
from benchmarks.bench import BenchReport
from benchmarks.measure import BenchSettings, Ratio, alternate, in_process, peak_memory
from benchmarks.searching import SearchBench, bare_collections, measure_opening, open_memory
from benchmarks.stores import BEGUN, BETWEEN_SESSIONS, STRENGTH, Shape, build_store, owner

__all__ = ["measure_scale"]

# Owners that are searched in turn. Indexes of less than 1,000 memories are not saved in files.
_OWNERS = 8
# The sessions that have faded at the time of the measured sweep.
_SESSIONS_TO_FADE = 30


def measure_scale(settings: BenchSettings, shape: Shape, *, compacts: bool = True) -> BenchReport:
    """Build a store with drawn vectors, and measure it; each result is reported at once.

    The store is cached, so that a second run measures it again without building it. Writes are
    measured on a copy, which needs as much room again, and compacting twice as much.

    Args:
        compacts: also compact the copy, which takes about as long as building it.

    Raises:
        StoreUnavailableError: the folder cannot be written.
        StoreError: the disk is full.
    """
    figures: dict[str, str] = {}
    ratios: list[Ratio] = []

    def record(name: str, figure: str) -> None:
        figures[name] = figure
        settings.report_progress(f"{name}: {figure}")

    def compare(ratio: Ratio) -> None:
        ratios.append(ratio)
        both = f"{ratio.measured:,.1f} and {ratio.floor:,.1f} {ratio.unit}"
        settings.report_progress(f"{ratio.name}: {ratio.value:.2f} ({both})")

    searching = SearchBench(settings)
    precomputed, questions = searching.precomputed, searching.questions
    name = f"{shape.owners:,} x {shape.memories:,} memories"
    settings.report_progress(f"a store of {name}; a new one of a million takes an hour or more")
    arguments = (settings.folder, shape, settings.corpus, searching.sample, searching.spec)
    (place, is_new), elapsed, peak = _observed(_build, *arguments)
    if is_new:
        record("building, without embedding", f"{elapsed / 60:.1f} min, peak {peak:,.0f} MB")
    shutil.rmtree(place / DERIVED, ignore_errors=True)
    among = min(shape.owners, _OWNERS)
    _, elapsed, peak = _observed(_search_each, place, precomputed, questions[-1], among)
    label = f"first opening and a search of {among} owners, without derived indexes"
    record(label, f"{elapsed:.1f} s, peak {peak:,.0f} MB")
    for kind, size in _sizes(place).items():
        record(f"size of the {kind}", f"{size:,.1f} MB")
    for ratio in measure_opening(settings, searching, shape):
        compare(ratio)

    smallest = searching.place(Shape(1, min(settings.sizes)))
    asked = questions[: settings.rounds + 2]
    (ours, small), _, _ = _observed(_searches, place, smallest, precomputed, asked, among)
    label = f"search without embedding, {name} / 1 x {min(settings.sizes):,}"
    compare(Ratio(label, ours, small, note="vectors drawn, questions embedded before"))

    with tempfile.TemporaryDirectory(dir=settings.folder, prefix="scale-") as folder:
        settings.report_progress("copying the store, to write to the copy")
        copied = Path(folder) / "copy"
        shutil.copytree(place, copied)
        texts = questions[: 2 * settings.rounds + 2]
        (ours, bare), _, peak = _observed(_adds, copied, precomputed, texts)
        label = "one add, not embedding / one bare upsert"
        compare(Ratio(label, ours, bare, note="vectors drawn"))
        record("peak memory of a process that adds", f"{peak:,.0f} MB")
        for work in (_sweep, _compact) if compacts else (_sweep,):
            result, elapsed, peak = _observed(work, copied, precomputed)
            record(work.__name__.strip("_"), f"{result}: {elapsed:.1f} s, peak {peak:,.0f} MB")
    return BenchReport(settings.corpus.name, ratios, figures=figures)


def _observed(work: Callable[..., Any], *args: Any) -> tuple[Any, float, float]:
    """Return what a function returns in a process of its own, its seconds and peak megabytes."""
    return in_process(_observe, work, *args)


def _observe(work: Callable[..., Any], *args: Any) -> tuple[Any, float, float]:
    start = time.perf_counter()
    result = work(*args)
    return result, time.perf_counter() - start, peak_memory()


def _build(folder: Path, shape: Shape, *args: Any) -> tuple[Path, bool]:
    before = set(folder.iterdir())
    place = build_store(folder, shape, *args)
    return place, place not in before


def _sizes(place: Path) -> dict[str, float]:
    """Return the megabytes of derived indexes, Chroma's vector indexes and its database."""
    sizes = {"derived indexes": 0, "vector indexes": 0, "database": 0}
    for path in place.rglob("*"):
        if path.is_file():
            kind = "database" if path.parent == place else "vector indexes"
            kind = "derived indexes" if DERIVED in path.parts else kind
            sizes[kind] += path.stat().st_size
    return {kind: size / 2**20 for kind, size in sizes.items()}


def _search_each(place: Path, embeddings: Any, question: str, among: int) -> None:
    with open_memory(place, embeddings, owner(0)) as memory:
        for number in range(among):
            memory.search(question, k=10, scope=owner(number), reinforce=False)


def _searches(
    place: Path, smallest: Path, embeddings: Any, questions: Sequence[str], among: int
) -> tuple[float, float]:
    """Return the median milliseconds of a search here and in the smallest store.

    Args:
        questions: the last is asked before anything is measured.
        among: search so many owners in turn.
    """
    with (
        open_memory(place, embeddings, owner(0)) as larger,
        open_memory(smallest, embeddings, owner(0)) as smaller,
    ):
        for number in range(among):
            larger.search(questions[-1], scope=owner(number), reinforce=False)
        smaller.search(questions[-1], reinforce=False)
        return alternate(
            lambda i: larger.search(questions[i], k=10, scope=owner(i % among), reinforce=False),
            lambda i: smaller.search(questions[i], k=10, reinforce=False),
            len(questions) - 2,
        )


def _adds(place: Path, embeddings: Any, texts: Sequence[str]) -> tuple[float, float]:
    """Return the median milliseconds of adding a turn, and of a bare upsert, without embedding.

    Args:
        texts: each side adds half of them.
    """
    ours, others = list(texts[::2]), list(texts[1::2])
    vectors = embeddings.embed_documents(others)
    with (
        open_memory(place, embeddings, owner(0)) as memory,
        bare_collections(place) as collections,
    ):
        turns = collections[Granularity.TURN]
        try:
            return alternate(
                lambda i: memory.add(f"{ours[i]} Again.", session_id="added"),
                lambda i: turns.upsert(
                    ids=[others[i]], embeddings=[vectors[i]], documents=[others[i]]
                ),
                len(ours) - 1,
            )
        finally:
            # Rows without the metadata of a memory must not stay.
            turns.delete(ids=others)


def _sweep(place: Path, embeddings: Any) -> str:
    """Archive what has faded when the first sessions have, and return what was done."""
    curve = ForgettingCurve()
    faded = timedelta(days=curve.days_until(curve.archive_below, STRENGTH))
    with open_memory(place, embeddings, owner(0)) as memory:
        report = memory.sweep(now=BEGUN + faded + _SESSIONS_TO_FADE * BETWEEN_SESSIONS)
    return f"{len(report.archived):,} of one owner's memories archived, {report.kept:,} kept"


def _compact(place: Path, embeddings: Any) -> str:
    with ChromaStore.open(place, embeddings.spec) as store:
        sizes = store.compact()
    return f"{sizes.before / 2**20:,.0f} to {sizes.after / 2**20:,.0f} MB"

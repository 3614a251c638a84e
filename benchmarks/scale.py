"""What a store of a million memories costs: building, opening, searching, writing, compacting."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from agentmem_retrievers import ForgettingCurve
from agentmem_stores import ChromaStore
from agentmem_stores.chroma.files.directory import DERIVED
from benchmarks.bench import BenchReport
from benchmarks.measure import BenchSettings, Ratio, alternate, seconds
from benchmarks.searching import SearchBench, bare_turns, measure_opening, open_memory
from benchmarks.stores import BEGUN, BETWEEN_SESSIONS, STRENGTH, Shape, build_store, owner

__all__ = ["measure_scale"]

# Owners whose indexes are used in turn, and written before anything is measured.
_OWNERS = 8
# About so many memories fade at the time of the measured sweep.
_SESSIONS_TO_FADE = 30


def measure_scale(settings: BenchSettings, shape: Shape, *, compacts: bool = True) -> BenchReport:
    """Build a store with drawn vectors, and measure it; each result is reported at once.

    The store is cached, so that a second run measures it again without building it. Writes are
    measured on a copy, which needs as much room again, and compacting twice as much.

    Args:
        compacts: also compact the copy, which takes about as long as building it.

    Raises:
        StoreUnavailableError: the folder cannot be written.
    """
    figures: dict[str, str] = {}
    ratios: list[Ratio] = []

    def record(name: str, value: str | Ratio) -> None:
        if isinstance(value, Ratio):
            ratios.append(value)
            value = f"{value.value:.2f} ({value.measured:,.1f} and {value.floor:,.1f} {value.unit})"
        else:
            figures[name] = value
        settings.report_progress(f"{name}: {value}")

    searching = SearchBench(settings)
    precomputed, questions = searching.precomputed, searching.questions
    name = f"{shape.owners:,} x {shape.memories:,} memories"
    settings.report_progress(f"a store of {name}; building a million takes an hour or more")
    arguments = (settings.folder, shape, settings.corpus, searching.sample, searching.spec)
    (place, is_new), elapsed, peak = _in_process(_build, *arguments)
    if is_new:
        record("building, without embedding", f"{elapsed / 60:.1f} min, peak {peak:,.0f} MB")
    shutil.rmtree(place / DERIVED, ignore_errors=True)
    _, elapsed, peak = _in_process(_search_once, place, precomputed, questions[-1])
    written = f"{elapsed:.1f} s, peak {peak:,.0f} MB"
    record("first opening and search, which write the derived index", written)
    for kind, size in _sizes(place).items():
        record(f"size of the {kind}", f"{size:,.1f} MB")
    for ratio in measure_opening(settings, searching, shape):
        record(ratio.name, ratio)

    smallest = searching.place(Shape(1, min(settings.sizes)))
    among = min(shape.owners, _OWNERS)
    asked = questions[: settings.rounds + 2]
    (ours, small), _, _ = _in_process(_searches, place, smallest, precomputed, asked, among)
    label = f"search without embedding, {name} / 1 x {min(settings.sizes):,}"
    record(label, Ratio(label, ours, small, note="vectors drawn, questions embedded before"))

    with tempfile.TemporaryDirectory(dir=settings.folder, prefix="scale-") as folder:
        settings.report_progress("copying the store, to write to the copy")
        copied = Path(folder) / "copy"
        shutil.copytree(place, copied)
        texts = questions[: 2 * settings.rounds + 2]
        (ours, bare), _, peak = _in_process(_adds, copied, precomputed, texts)
        label = "one add, not embedding / one bare upsert"
        record(label, Ratio(label, ours, bare, note="vectors drawn"))
        record("peak memory of a process that adds", f"{peak:,.0f} MB")
        for work in (_sweep, _compact) if compacts else (_sweep,):
            result, elapsed, peak = _in_process(work, copied, precomputed)
            record(work.__name__.strip("_"), f"{result}: {elapsed:.1f} s, peak {peak:,.0f} MB")
    return BenchReport(settings.corpus.name, ratios, figures=figures)


def _in_process(work: Callable[..., Any], *args: Any) -> tuple[Any, float, float]:
    """Return what a function returns in a process of its own, its seconds and peak megabytes."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_observe, work, *args).result()


def _observe(work: Callable[..., Any], *args: Any) -> tuple[Any, float, float]:
    start = time.perf_counter()
    result = work(*args)
    return result, time.perf_counter() - start, _peak()


def _peak() -> float:
    """Return the peak of the resident memory of this process in MB."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    [peak] = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak) / 1024


def _build(folder: Path, shape: Shape, *args: Any) -> tuple[Path, bool]:
    before = set(folder.iterdir())
    place = build_store(folder, shape, *args)
    return place, place not in before


def _sizes(place: Path) -> dict[str, float]:
    """Return the megabytes of the derived index, Chroma's vector index and its database."""
    sizes = {"derived index": 0, "vector index": 0, "database": 0}
    for path in place.rglob("*"):
        if path.is_file():
            kind = "vector index" if path.suffix in (".bin", ".pickle") else "database"
            kind = "derived index" if DERIVED in path.parts else kind
            sizes[kind] += path.stat().st_size
    return {kind: size / 2**20 for kind, size in sizes.items()}


def _search_once(place: Path, embeddings: Any, question: str) -> None:
    with open_memory(place, embeddings, owner(0)) as memory:
        memory.search(question, k=10, reinforce=False)


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
        texts: each side adds half of them; its first one is not measured.
    """
    half = len(texts) // 2
    with open_memory(place, embeddings, owner(0)) as memory:
        ours = [
            seconds(partial(memory.add, f"{text} Again.", session_id="added"))
            for text in texts[:half]
        ]
    vectors = embeddings.embed_documents(texts[half:])
    with bare_turns(place) as turns:
        bare = [
            seconds(partial(turns.upsert, ids=[text], embeddings=[vector], documents=[text]))
            for text, vector in zip(texts[half:], vectors, strict=True)
        ]
        # Rows without the metadata of a memory must not stay.
        turns.delete(ids=list(texts[half:]))
    return 1e3 * median(ours[1:]), 1e3 * median(bare[1:])


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

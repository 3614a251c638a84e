"""How many searches a process answers per second for callers in several threads, and start-up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from threading import Barrier, Lock, Thread
from typing import Any

from agentmem.embedding.embedder import Embedder
from agentmem.embedding.loading import MINILM, packaged_minilm
from agentmem_stores import ChromaStore
from benchmarks.measure import BenchSettings, Ratio
from benchmarks.stores import NOW, Shape, build_store, owner

__all__ = ["Load", "measure_startup", "measure_throughput", "run_callers"]

_ROUNDS = 3

# Asks the question with the number, of the owner with the number, in the calling thread.
Ask = Callable[[int, str], object]


@dataclass(frozen=True)
class Load:
    """What callers measured who asked at the same time.

    Attributes:
        ms: milliseconds of the whole run for each question.
        p50, p95: how long a caller waited for an answer, in milliseconds.
    """

    ms: float
    p50: float
    p95: float

    @classmethod
    def median(cls, loads: Sequence[Load]) -> Load:
        """Return the medians of several runs."""
        return cls(
            *(median(getattr(load, name) for load in loads) for name in ("ms", "p50", "p95"))
        )


def run_callers(ask: Ask, questions: Sequence[str], callers: int) -> Load:
    """Let threads ask questions, each the next one as soon as it has an answer."""
    numbers, lock, barrier = iter(range(len(questions))), Lock(), Barrier(callers + 1)
    waited: list[float] = []
    errors: list[BaseException] = []

    def call() -> None:
        barrier.wait()
        try:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                start = time.perf_counter()
                ask(number, questions[number])
                waited.append(1e3 * (time.perf_counter() - start))
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    barrier.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    elapsed = 1e3 * (time.perf_counter() - start)
    waited.sort()
    return Load(
        elapsed / len(waited), waited[len(waited) // 2], waited[int(0.95 * (len(waited) - 1))]
    )


def measure_throughput(
    settings: BenchSettings,
    *,
    callers: Sequence[int] = (1, 4, 16, 64),
    owners: int = 16,
    memories: int = 600,
) -> list[Ratio]:
    """Compare callers in threads with as many that embed the question and query bare Chroma.

    One floor embeds with `SentenceTransformer.encode`, as an application does that uses Chroma
    alone; the other with agentmem's embeddings, whose threads share passes of the model. All run
    alternately. A bound holds for as many callers as owners.

    Args:
        callers: how many threads ask at once; every number is measured.
        owners: owners of the store that the callers share; one owner is measured too.
        memories: of each owner.
    """
    spec = Embedder(settings.embeddings).spec
    sample = settings.corpus.vectors(settings.embeddings)
    ratios: list[Ratio] = []
    for n_owners in (1, owners):
        settings.report_progress(f"callers of {n_owners} owners")
        shape = Shape(n_owners, memories)
        place = build_store(settings.folder, shape, settings.corpus, sample, spec)
        with tempfile.TemporaryDirectory(dir=settings.folder, prefix="bare-") as bare:
            shutil.copytree(place, bare, dirs_exist_ok=True)
            for n_callers, loads in _loads(settings, place, Path(bare), n_owners, callers):
                is_bound = n_callers == n_owners == owners
                ratios += _ratios(loads, n_callers, n_owners, is_bound=is_bound)
    return ratios


def _loads(
    settings: BenchSettings, place: Path, bare: Path, owners: int, callers: Sequence[int]
) -> Iterator[tuple[int, Mapping[str, Load]]]:
    """Yield each number of callers with the loads that they measured, by side."""
    from agentmem import MemoryController

    questions = settings.corpus.questions()
    floors = {
        "floor": bare_queries(bare, plain_encoder()),
        "floor that shares passes": bare_queries(bare, settings.embeddings.embed_query),
    }
    store = ChromaStore.open(place, Embedder(settings.embeddings).spec)
    with MemoryController(
        store, embeddings=settings.embeddings, clock=lambda: NOW, linger=None
    ) as memory:

        def ask(number: int, question: str) -> object:
            return memory.search(question, k=10, scope=owner(number % owners), reinforce=False)

        sides = {"search": ask, **floors}
        for side in sides.values():
            run_callers(side, list(islice(questions, 2 * owners)), 1)
        for n_callers in callers:
            loads: dict[str, list[Load]] = {name: [] for name in sides}
            for _ in range(_ROUNDS):
                for name, side in sides.items():
                    batch = list(islice(questions, max(settings.rounds, 2 * n_callers)))
                    loads[name].append(run_callers(side, batch, n_callers))
            yield n_callers, {name: Load.median(runs) for name, runs in loads.items()}


def _ratios(
    loads: Mapping[str, Load], callers: int, owners: int, *, is_bound: bool
) -> Iterator[Ratio]:
    ours, title = loads["search"], f"{callers} callers of {owners} owners"
    for name, floor in loads.items():
        if name != "search":
            yield Ratio(
                f"time per search, {title} / {name}", ours.ms, floor.ms,
                # At least 0.75 of the floor's throughput.
                at_most=1 / 0.75 if is_bound and name == "floor" else None,
                parts={"p50": ours.p50, "p95": ours.p95, "searches per second": 1e3 / ours.ms},
            )  # fmt: skip
    if callers > 1:
        yield Ratio(f"p95 / p50, {title}", ours.p95, ours.p50, at_most=3.0 if is_bound else None)


def plain_encoder() -> Callable[[Any], Any]:
    """Return a function that embeds a text, or a list of texts, without agentmem."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(packaged_minilm() or MINILM))
    return lambda texts: model.encode(texts, normalize_embeddings=True, show_progress_bar=False)


def bare_queries(place: Path, embed: Callable[[str], Any]) -> Ask:
    """Return a function that embeds a question and queries one of Chroma's turn collections."""
    import chromadb
    from chromadb.config import Settings

    client: Any = chromadb.PersistentClient(place, Settings(anonymized_telemetry=False))
    collections = [c for c in client.list_collections() if c.name.startswith("turn")]

    def ask(number: int, text: str) -> object:
        return collections[number % len(collections)].query(
            query_embeddings=[embed(text)],
            n_results=30,
            include=["documents", "distances"],
        )

    return ask


def measure_startup(settings: BenchSettings) -> list[Ratio]:
    """Compare `agentmem search` with a process that imports the embedder and embeds once."""
    from agentmem import MemoryController

    question = next(settings.corpus.questions())
    with tempfile.TemporaryDirectory(dir=settings.folder, prefix="startup-") as folder:
        with MemoryController.open(
            folder, scope=owner(0), embeddings=settings.embeddings
        ) as memory:
            memory.add([turn.text for turn in settings.corpus.sessions[0].turns])
        search = [
            *(sys.executable, "-m", "agentmem", "search", question),
            *("--store", folder, "--user", owner(0).user_id),
        ]
        embed = [
            *(sys.executable, "-c"),
            "from agentmem.embedding.sentence_embeddings import default_embeddings\n"
            f"default_embeddings().embed_query({question!r})",
        ]
        _process_seconds(search)
        times: dict[str, list[float]] = {"search": [], "embed": []}
        for _ in range(_ROUNDS):
            times["search"].append(_process_seconds(search))
            times["embed"].append(_process_seconds(embed))
    ours, floor = (1e3 * median(column) for column in times.values())
    return [
        Ratio("agentmem search / importing the embedder and embedding", ours, floor, at_most=1.3)
    ]


def _process_seconds(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "NO_COLOR": "1"})
    return time.perf_counter() - start

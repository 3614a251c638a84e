"""What it takes to open a store and answer a first question, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from agentmem_stores import Granularity, Vectors
from benchmarks.measure import Ratio
from benchmarks.searching import Searching, opened
from benchmarks.settings import BenchSettings
from benchmarks.stores import Shape, owner

__all__ = ["opening"]

ROUNDS = 3


def opening(settings: BenchSettings, searching: Searching) -> list[Ratio]:
    """Compare time and memory with those of a bare client on the very same files."""
    size, rounds = settings.largest, min(ROUNDS, settings.rounds)
    place = searching.place(Shape(1, size))
    # What a first opening may leave beside the store, to be quicker the next time, is there.
    _apart(_with_agentmem, place, searching.by_heart, searching.asked[0])
    ours, bare = [], []
    for number in range(rounds):
        settings.tell(f"opening a store of {size:,}, {number + 1} of {rounds}")
        question = searching.asked[number + 1]
        vector = searching.by_heart.embed_query(question)
        ours.append(_apart(_with_agentmem, place, searching.by_heart, question))
        bare.append(_apart(_bare, place, vector, question))
    times, kept = zip(*ours, strict=True), zip(*bare, strict=True)
    seconds, megabytes = ([median(column) for column in rows] for rows in (times, kept))
    return [
        Ratio(
            f"opening {size:,} and the first answer / bare", 1e3 * seconds[0],
            1e3 * megabytes[0], at_most=2.0, note="libraries loaded before, embedding left out",
        ),
        Ratio(
            f"resident memory with {size:,} / bare", seconds[1], megabytes[1], "MB", at_most=1.5,
            note="after a query of every granularity, without the embedder",
        ),
    ]  # fmt: skip


def _apart(work: Callable[..., tuple[float, float]], *args: Any) -> tuple[float, float]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *args).result()


def _with_agentmem(place: Path, embeddings: Any, question: str) -> tuple[float, float]:
    import chromadb  # noqa: F401

    # Which loads what would else be loaded when it is first used.
    from agentmem import ChromaStore, MemoryController  # noqa: F401

    start = time.perf_counter()
    with opened(place, embeddings, owner(0)) as memory:
        memory.search(question, k=10, reinforce=False)
        return time.perf_counter() - start, _resident()


def _bare(place: Path, vector: Vectors, _: str) -> tuple[float, float]:
    import chromadb
    from chromadb.config import Settings

    import agentmem  # noqa: F401

    start = time.perf_counter()
    client: Any = chromadb.PersistentClient(place, Settings(anonymized_telemetry=False))
    try:
        held = sorted(client.list_collections(), key=lambda c: not c.name.startswith("turn"))
        taken = 0.0
        for collection in held:
            if collection.name.startswith(tuple(g.value for g in Granularity)):
                collection.query(
                    query_embeddings=[vector], n_results=30, include=["documents", "distances"]
                )
            taken = taken or time.perf_counter() - start
        return taken, _resident()
    finally:
        client.close()


def _resident() -> float:
    """Megabytes of this process in memory; the most it ever had where only that is told."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    import os

    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

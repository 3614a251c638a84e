"""Several client processes write to and search the same memories on one Chroma server."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem_stores import ChromaStore, EmbedderSpec, Granularity, Scope
from benchmarks.corpus import SampledEmbeddings, SampledVectors

if TYPE_CHECKING:
    from agentmem import MemoryController

__all__ = ["CrowdReport", "crowd"]

SPEC = EmbedderSpec("drawn", 64)
SHARED = Scope("everybody")
# Seconds that a client waits until it finds what another client has written.
TIMEOUT = 30.0


@dataclass
class CrowdReport:
    """The results of all clients.

    Attributes:
        written: ids that `add` returned.
        lost: those of them that are not in the store.
        errors: messages of exceptions.
        adds, searches: seconds of each call.
        seen_after: seconds from the return of an `add` in one client until a search in another
            finds it.
    """

    clients: int
    seconds: float
    written: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    adds: list[float] = field(default_factory=list)
    searches: list[float] = field(default_factory=list)
    seen_after: list[float] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield the report as lines of text."""
        rate = (len(self.adds) + len(self.searches)) / max(self.seconds, 1e-9)
        yield f"{self.clients} clients, {self.seconds:.0f} s, {rate:.1f} calls a second"
        yield f"{len(self.written):,} turns written, {len(self.lost)} lost"
        yield f"{len(self.errors)} errors" + "".join(f"; {error}" for error in self.errors[:3])
        for name, times in (
            ("add", self.adds),
            ("search", self.searches),
            ("seen by another client after", self.seen_after),
        ):
            if times:
                slow = float(np.quantile(times, 0.95))
                yield f"{name}: median {1e3 * median(times):.0f} ms, 95% {1e3 * slow:.0f} ms"


def crowd(*, host: str, port: int, clients: int = 4, seconds: float = 300.0) -> CrowdReport:
    """Run clients against a server's default database, and count what is stored afterwards.

    Vectors are drawn, so the server and the clients are measured and not an embedder.

    Raises:
        StoreUnavailableError: the server does not answer.
    """
    _memory(host, port).close()
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager, ProcessPoolExecutor(clients, spawn) as pool:
        board: Any = manager.dict()
        jobs = [
            pool.submit(_client, host, port, number, clients, seconds, board)
            for number in range(clients)
        ]
        parts = [job.result() for job in jobs]
    total = CrowdReport(clients, seconds)
    for name in ("written", "errors", "adds", "searches", "seen_after"):
        for part in parts:
            getattr(total, name).extend(getattr(part, name))
    with _opened(host, port) as memory:
        stored = {m.id for m in memory.get_all(granularity=Granularity.TURN, limit=None)}
    total.lost = [i for i in total.written if i not in stored]
    return total


def _memory(host: str, port: int) -> MemoryController:
    from agentmem import MemoryController

    store = ChromaStore.connect(host=host, port=port, embedder=SPEC)
    rng = np.random.default_rng(0)
    known = rng.standard_normal((50, SPEC.dimension), dtype=np.float32)
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    embeddings: Any = SampledEmbeddings(SPEC, {}, SampledVectors(known))
    return MemoryController(store, scope=SHARED, embeddings=embeddings, linger=None)


@contextmanager
def _opened(host: str, port: int) -> Iterator[MemoryController]:
    memory = _memory(host, port)
    try:
        yield memory
    finally:
        memory.close()


def _client(
    host: str, port: int, number: int, clients: int, seconds: float, board: Any
) -> CrowdReport:
    """Write, publish what was written, and search for what the next client has written."""
    done = CrowdReport(clients, seconds)
    rng = random.Random(f"{number} {os.getpid()}")
    last = ""
    with _opened(host, port) as memory:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                _add(memory, done, number, rng, board)
                last = _seek(memory, done, (number + 1) % clients, last, board)
            except Exception as error:
                done.errors.append(f"{type(error).__name__}: {error}")
    return done


def _add(
    memory: MemoryController, done: CrowdReport, number: int, rng: random.Random, board: Any
) -> None:
    # The digits make it an identifier, which is found whatever vectors are drawn.
    word = "".join(rng.choices("bcdfghjklmnpqrstvwxz", k=6)) + f"{rng.randrange(10**6):06}"
    start = time.monotonic()
    [turn] = memory.add(f"The word of client {number} is {word}.", session_id=f"client-{number}")
    end = time.monotonic()
    done.adds.append(end - start)
    done.written.append(turn.id)
    board[number] = (word, end)


def _seek(memory: MemoryController, done: CrowdReport, other: int, last: str, board: Any) -> str:
    word, written = board.get(other, ("", 0.0))
    if not word or word == last:
        return last
    while True:
        start = time.monotonic()
        result = memory.search(f"{word}?", k=10, reinforce=False)
        end = time.monotonic()
        done.searches.append(end - start)
        if any(word in hit.memory.text for hit in result):
            done.seen_after.append(end - written)
            return str(word)
        if end - written > TIMEOUT:
            raise TimeoutError(f"{word} not found {TIMEOUT:.0f} s after it was written")

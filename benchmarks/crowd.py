"""Several client processes at one Chroma server, all writing to and searching the same memories."""

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

__all__ = ["Crowd", "crowd"]

SPEC = EmbedderSpec("drawn", 64)
SHARED = Scope("everybody")
# A client asks for what another one has written, and waits no longer for it.
PATIENCE = 30.0


@dataclass
class Crowd:
    """What a crowd of clients did, together.

    Attributes:
        written: ids that `add` returned.
        lost: those of them that are not in the store.
        errors: what was raised, in words.
        adds, searches: seconds that each took.
        seen_after: seconds from an `add` returning in one client until a search in another
            finds it by its words alone.
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
        """What there is to say of it."""
        rate = (len(self.adds) + len(self.searches)) / max(self.seconds, 1e-9)
        yield f"{self.clients} clients, {self.seconds:.0f} s, {rate:.1f} calls a second"
        yield f"{len(self.written):,} turns written, {len(self.lost)} lost"
        yield f"{len(self.errors)} errors" + "".join(f"; {error}" for error in self.errors[:3])
        for name, taken in (
            ("add", self.adds),
            ("search", self.searches),
            ("seen by another client after", self.seen_after),
        ):
            if taken:
                worst = float(np.quantile(taken, 0.95))
                yield f"{name}: median {1e3 * median(taken):.0f} ms, 95% {1e3 * worst:.0f} ms"


def crowd(*, host: str, port: int, clients: int = 4, seconds: float = 300.0) -> Crowd:
    """Let clients loose on a server's default database, and count what is there afterwards.

    Vectors are drawn: what is measured is the server and the clients, not an embedder.

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
    together = Crowd(clients, seconds)
    for name in ("written", "errors", "adds", "searches", "seen_after"):
        for part in parts:
            getattr(together, name).extend(getattr(part, name))
    with _opened(host, port) as memory:
        held = {m.id for m in memory.get_all(granularity=Granularity.TURN, limit=None)}
    together.lost = [i for i in together.written if i not in held]
    return together


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


def _client(host: str, port: int, number: int, clients: int, seconds: float, board: Any) -> Crowd:
    """Write, tell the others what was written, and look for what the next one has written."""
    done = Crowd(clients, seconds)
    rng = random.Random(f"{number} {os.getpid()}")
    sought = ""
    with _opened(host, port) as memory:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                _add(memory, done, number, rng, board)
                sought = _seek(memory, done, (number + 1) % clients, sought, board)
            except Exception as error:
                done.errors.append(f"{type(error).__name__}: {error}")
    return done


def _add(
    memory: MemoryController, done: Crowd, number: int, rng: random.Random, board: Any
) -> None:
    # With digits it is found as an identifier is, whatever vectors are drawn for it.
    word = "".join(rng.choices("bcdfghjklmnpqrstvwxz", k=6)) + f"{rng.randrange(10**6):06}"
    start = time.monotonic()
    [turn] = memory.add(f"The word of client {number} is {word}.", session_id=f"client-{number}")
    end = time.monotonic()
    done.adds.append(end - start)
    done.written.append(turn.id)
    board[number] = (word, end)


def _seek(memory: MemoryController, done: Crowd, other: int, sought: str, board: Any) -> str:
    word, written = board.get(other, ("", 0.0))
    if not word or word == sought:
        return sought
    while True:
        start = time.monotonic()
        found = memory.search(f"{word}?", k=10, reinforce=False)
        end = time.monotonic()
        done.searches.append(end - start)
        if any(word in hit.memory.text for hit in found):
            done.seen_after.append(end - written)
            return str(word)
        if end - written > PATIENCE:
            raise TimeoutError(f"{word} is not found {PATIENCE:.0f} s after it was written")

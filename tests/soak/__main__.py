"""Work on one memory with several threads; memory and open files must level off."""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from rich.progress import track

from agentmem import Granularity, Memory, MemoryController, MemoryNotFoundError, Scope
from tests.torture._embedding import WordEmbeddings

__all__ = ["Figures", "place", "soak"]

OWNERS = [Scope(f"owner{n}") for n in range(4)]
# So many turns of an owner are kept: what levels off is the work, not a store that grows.
MAX_TURNS = 60
SAMPLES = 20
# In kB for every 1,000 operations, over the second half; a leak of a turn an operation, with what
# belongs to it, would be more.
MOST_GROWTH = 500.0


@dataclass
class Figures:
    """What was measured.

    Attributes:
        memory: the process's resident memory in MB, a sample after every twentieth of the work,
            when the store has been compacted.
        files: how many files it has open, sampled alike.
        turns: how many turns all owners have, sampled alike.
    """

    operations: int = 0
    seconds: float = 0.0
    memory: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def memory_grew(self) -> float:
        """The slope of memory over the second half, in kB for every 1,000 operations."""
        half = self.memory[len(self.memory) // 2 :]
        step = self.operations / len(self.memory)
        return float(np.polyfit(np.arange(len(half)) * step, half, 1)[0]) * 1e6

    @property
    def files_grew(self) -> int:
        """How many more files are open at the end than in the middle."""
        return self.files[-1] - self.files[len(self.files) // 2]


def soak(folder: Path, operations: int, workers: int, seed: int, samples: int = SAMPLES) -> Figures:
    """Do so many operations, and check what is left of the store."""
    figures, began = Figures(), time.monotonic()
    start = datetime.now(UTC)
    with (
        MemoryController.open(folder, embeddings=WordEmbeddings(), linger=0.2) as memory,
        ThreadPoolExecutor(workers) as pool,
    ):
        share = max(1, operations // samples // workers)
        rounds = range(samples)
        for n in track(rounds, description="soak", disable=not sys.stderr.isatty()):
            seeds = [seed * 1_000_003 + n * workers + w for w in range(workers)]
            done = [pool.submit(_work, memory, share, s, start) for s in seeds]
            figures.operations += sum(task.result() for task in done)
            # Until it is compacted, Chroma's index keeps an element for all that was ever written.
            memory.compact()
            figures.memory.append(_resident())
            figures.files.append(len(list(Path("/proc/self/fd").iterdir())))
            figures.turns.append(sum(len(_turns(memory, owner)) for owner in OWNERS))
        for owner in OWNERS:
            figures.problems += memory.check(scope=owner).problems
    figures.seconds = round(time.monotonic() - began, 1)
    return figures


def _work(memory: MemoryController, count: int, seed: int, start: datetime) -> int:
    rng = random.Random(seed)
    for n in range(count):
        _act(memory, rng.choice(OWNERS), rng, start + timedelta(minutes=n))
    return count


def _act(memory: MemoryController, owner: Scope, rng: random.Random, now: datetime) -> None:
    what = rng.random()
    if what < 0.45:
        memory.search(_text(rng), scope=owner, k=5)
    elif what < 0.70:
        # By session name, so that threads meet in one.
        memory.add([_text(rng), _text(rng)], session_id=f"s{rng.randrange(8)}", scope=owner)
    elif what < 0.75:
        memory.sweep(now, scope=owner)
    elif what < 0.77:
        memory.stats(scope=owner)
    else:
        _change(memory, owner, rng)


def _change(memory: MemoryController, owner: Scope, rng: random.Random) -> None:
    turns = _turns(memory, owner)
    for turn in _some(turns, rng):
        try:
            if len(turns) > MAX_TURNS:
                memory.delete(turn.id, scope=owner)
            else:
                memory.update(turn.id, text=_text(rng), scope=owner)
        except MemoryNotFoundError:
            continue  # Another thread was first.


def _turns(memory: MemoryController, owner: Scope) -> list[Memory]:
    return memory.get_all(scope=owner, limit=None, granularity=Granularity.TURN)


def _some(turns: list[Memory], rng: random.Random) -> Iterator[Memory]:
    yield from rng.sample(turns, min(len(turns), 4 if len(turns) > MAX_TURNS else 1))


def _text(rng: random.Random) -> str:
    return " ".join(f"word{rng.randrange(300)}" for _ in range(8))


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * resource.getpagesize() / 1e6, 1)


def place() -> Path | None:
    """Where to put a store: in memory if one can, as the disk is not on trial and slow."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else None


def main() -> None:
    """Read the arguments, print the figures as JSON, and fail where something grew."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the store is put")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder or place()) as folder:
        figures = soak(Path(folder), given.operations, given.workers, given.seed)
    print(json.dumps({**asdict(figures), "memory_grew": figures.memory_grew}))
    if figures.problems or figures.memory_grew > MOST_GROWTH or figures.files_grew > 4:
        sys.exit("memory or open files did not level off, or check() found problems")


if __name__ == "__main__":
    main()

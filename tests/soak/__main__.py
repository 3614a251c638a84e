"""Work on one memory with several threads; memory and open files must level off."""

from __future__ import annotations

import argparse
import json
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

from rich.progress import track

from agentmem import Granularity, Memory, MemoryController, MemoryNotFoundError, Scope
from tests.torture._embedding import WordEmbeddings

__all__ = ["Figures", "soak"]

OWNERS = [Scope(f"owner{n}") for n in range(4)]
# So many turns of an owner are kept: what levels off is the work, not a store that grows.
KEPT = 60
SAMPLES = 20


@dataclass
class Figures:
    """What was measured; memory in MB, a sample of memory and files after every twentieth."""

    operations: int = 0
    seconds: float = 0.0
    memory: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def memory_grew(self) -> float:
        """By which factor memory grew between the middle and the end."""
        return self.memory[-1] / self.memory[len(self.memory) // 2]

    @property
    def files_grew(self) -> int:
        """How many more files are open at the end than in the middle."""
        return self.files[-1] - self.files[len(self.files) // 2]


def soak(folder: Path, operations: int, workers: int, seed: int) -> Figures:
    """Do so many operations, and check what is left of the store."""
    figures, began = Figures(), time.monotonic()
    start = datetime.now(UTC)
    with (
        MemoryController.open(folder, embeddings=WordEmbeddings(), linger=0.2) as memory,
        ThreadPoolExecutor(workers) as pool,
    ):
        share = max(1, operations // SAMPLES // workers)
        rounds = range(SAMPLES)
        for n in track(rounds, description="soak", disable=not sys.stderr.isatty()):
            seeds = [seed * 1_000_003 + n * workers + w for w in range(workers)]
            done = [pool.submit(_work, memory, share, s, start) for s in seeds]
            figures.operations += sum(task.result() for task in done)
            figures.memory.append(_resident())
            figures.files.append(len(list(Path("/proc/self/fd").iterdir())))
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
    turns = memory.get_all(scope=owner, limit=None, granularity=Granularity.TURN)
    for turn in _some(turns, rng):
        try:
            if len(turns) > KEPT:
                memory.delete(turn.id, scope=owner)
            else:
                memory.update(turn.id, text=_text(rng), scope=owner)
        except MemoryNotFoundError:
            continue  # Another thread was first.


def _some(turns: list[Memory], rng: random.Random) -> Iterator[Memory]:
    yield from rng.sample(turns, min(len(turns), 4 if len(turns) > KEPT else 1))


def _text(rng: random.Random) -> str:
    return " ".join(f"word{rng.randrange(300)}" for _ in range(8))


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * resource.getpagesize() / 1e6, 1)


def main() -> None:
    """Read the arguments, print the figures as JSON, and fail where something grew."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = soak(Path(folder), given.operations, given.workers, given.seed)
    print(json.dumps(asdict(figures)))
    if figures.problems or figures.memory_grew > 1.15 or figures.files_grew > 4:
        sys.exit("memory or open files did not level off, or check() found problems")


if __name__ == "__main__":
    main()

"""Kill a process that uses or serves a memory, again and again, and check what it left."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from select import select

from rich.progress import track

from tests.torture._acknowledgments import AcknowledgmentLog
from tests.torture._server import Clients, run_server
from tests.torture._writer import run_writer

__all__ = ["Figures", "torture", "torture_server"]

# A writer that is not ready by then hangs.
PATIENCE = 60.0
# Seconds within which a writer is usually ready.
USUAL = 0.5
# Every so many writers begin with compacting, which takes so many seconds at most, and are killed
# while they do, or soon after.
COMPACTING, COMPACTED = 10, 2.5


# Begins when called, and calls what it is given when it has found everything in order.
Run = Callable[[Callable[[], object]], object]


@dataclass
class Figures:
    """What was survived.

    Attributes:
        kills: how many there were, and `opening` of them while the store was being opened.
        acknowledged: calls that returned; all that they wrote was found after every later kill.
        settled: calls that were cut off and found to be wholly there or not at all.
    """

    kills: int = 0
    opening: int = 0
    acknowledged: int = 0
    settled: int = 0
    turns: int = 0
    seconds: float = 0.0


def torture(folder: Path, kills: int, seed: int, *, longest: float = 0.5) -> Figures:
    """Run writers one after the other on one store; kill all but the last at a random moment.

    Raises:
        AssertionError: a writer found a difference; its traceback is on standard error.
    """
    rng = random.Random(seed)
    figures, began = Figures(), time.monotonic()
    for n in track(range(kills), description="kills", disable=not sys.stderr.isatty()):
        opening, compacting = rng.random() < 0.15, n % COMPACTING == COMPACTING - 1
        after = rng.uniform(0, COMPACTED if compacting and not opening else longest)
        run = partial(run_writer, folder, seed * 100_003 + n, compacting=compacting)
        figures.opening += _kill_one(run, after, opening)
        figures.kills += 1
    _kill_one(partial(run_writer, folder, seed * 100_003 + kills), 0.0, opening=False)
    log = AcknowledgmentLog(folder / "acknowledgments.jsonl")
    figures.acknowledged, figures.settled = log.acknowledged, log.settled
    figures.turns = len(log.texts["ada"])
    figures.seconds = round(time.monotonic() - began, 1)
    return figures


def torture_server(folder: Path, kills: int, seed: int) -> Figures:
    """Run servers one after the other on one store; kill each while four clients write.

    Raises:
        AssertionError: a client was told that something is stored, and it is not.
    """
    rng = random.Random(seed)
    clients, figures, began = Clients(folder, seed), Figures(), time.monotonic()
    for _ in track(range(kills), description="kills", disable=not sys.stderr.isatty()):
        opening = rng.random() < 0.15
        child, reader = _start(partial(run_server, folder))
        try:
            patience = rng.uniform(0, 0.5) if opening else PATIENCE
            is_ready = bool(select([reader], [], [], patience)[0])
            if is_ready:
                assert os.read(reader, 1), "a server ended before it was ready; see above"
                kill = partial(os.kill, child, signal.SIGKILL)
                clients.work(rng.randint(0, 20), rng.uniform(0, 0.05), kill)
        finally:
            _end(child, reader)
        assert is_ready or opening, f"the server did not start within {PATIENCE} s"
        figures.kills += 1
        figures.opening += not is_ready
    clients.check()
    figures.acknowledged = clients.acknowledged
    figures.turns = sum(len(user.texts) for user in clients.users)
    figures.seconds = round(time.monotonic() - began, 1)
    return figures


def _kill_one(run: Run, after: float, opening: bool) -> bool:
    """Start a writer, kill it after a while; return whether it was still opening the store."""
    begin = time.monotonic()
    child, reader = _start(run)
    try:
        is_ready = bool(select([reader], [], [], after if opening else PATIENCE)[0])
        if is_ready:
            # On a busy machine everything takes longer, so that kills would hit the first call.
            after *= max((time.monotonic() - begin) / USUAL, 1.0)
            # Nothing to read means that it ended: then there is no need to wait.
            assert os.read(reader, 1), "a writer ended before it was ready; see above"
            ended = select([reader], [], [], after)[0]
            assert not ended, "a writer ended while it worked; see above"
    finally:
        _end(child, reader)
    assert is_ready or opening, f"the store did not open within {PATIENCE} s"
    return not is_ready


def _start(run: Run) -> tuple[int, int]:
    """Fork a process; return its id, and the end of a pipe that it writes to when it is ready."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _run_child(run, writer)
    os.close(writer)
    return child, reader


def _end(child: int, reader: int) -> None:
    os.close(reader)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _run_child(run: Run, pipe: int) -> None:
    # Everything is imported already and nothing is open, so a fork is safe, and saves a second.
    try:
        run(lambda: os.write(pipe, b"!"))
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def main() -> None:
    """Read the arguments, and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many writers are killed")
    parser.add_argument("--seed", type=int, default=1, help="of kills and calls")
    parser.add_argument(
        "--folder", type=Path, help="where the store is kept; a new one if not given"
    )
    parser.add_argument(
        "--server", action="store_true", help="kill servers that clients write to instead"
    )
    given = parser.parse_args()
    _import_all()
    run = torture_server if given.server else torture
    with tempfile.TemporaryDirectory() as place:
        figures = run(given.folder or Path(place), given.kills, given.seed)
    print(json.dumps(asdict(figures)))


def _import_all() -> None:
    import chromadb.api.rust  # noqa: F401
    import sklearn.mixture  # noqa: F401

    from agentmem_retrievers.index.persistence import IndexPersistence

    # So that the derived index of a store as small as this one is kept in a file as well.
    IndexPersistence.min_size = 1


if __name__ == "__main__":
    main()

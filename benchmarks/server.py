"""What a server costs: time on top of the verbs, throughput of many clients, start of the rest."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agentmem import Client, MemoryController, Scope, connect
from agentmem.discovery import ServerFile, find_server
from agentmem.embedding.sentence_embeddings import default_embeddings

__all__ = ["measure_server"]

_TURNS = [
    "I adopted a beagle called Biscuit.",
    "I moved from Lisbon to Porto last spring.",
    "My sister Anna works as a nurse.",
    "We baked sourdough bread on Sunday.",
    "I am allergic to peanuts.",
]
_QUERIES = ["What is my dog called?", "Where do I live?", "What does Anna do?", "peanuts"]
_START_SECONDS = 120.0
_MEGABYTE = 2**20


def measure_server(*, searches: int, clients: int, requests: int) -> dict[str, float]:
    """Return the measurements by name.

    Args:
        searches: repetitions of one client's search.
        clients: threads, each with an owner of its own.
        requests: how many requests the growth of the server's memory is measured over.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        owners = [Scope(f"user{n}") for n in range(clients)]
        with MemoryController.open(store, embeddings=default_embeddings()) as memory:
            for owner in owners:
                memory.add_many({f"s{n}": _TURNS for n in range(4)}, scope=owner)
            direct = _median(lambda n: memory.search(_QUERIES[n % 4], scope=owners[0]), searches)
            alone = _throughput([_searcher(memory, owner) for owner in owners])
        with _served(store) as (server, process):
            opened = [connect(server.url, token=server.token, scope=owner) for owner in owners]
            through = _median(lambda n: opened[0].search(_QUERIES[n % 4]), searches)
            served = _throughput([_searcher(client, client.scope) for client in opened])
            handshake = min(_handshake(store) for _ in range(5))
            hook = min(_hook(store) for _ in range(5))
            grown = _growth(opened[0], process.pid, requests)
    return {
        "search (ms)": direct * 1e3,
        "search through the server (ms)": through * 1e3,
        "added (ms)": (through - direct) * 1e3,
        f"searches/s, {clients} threads": alone,
        f"searches/s, {clients} clients": served,
        "share of the throughput": served / alone,
        "MCP handshake (s)": handshake,
        "hook (s)": hook,
        f"growth over the second half of {requests} requests (MB)": grown,
    }


def _median(call: Callable[[int], object], times: int) -> float:
    for n in range(8):
        call(n)
    taken = []
    for n in range(times):
        begin = time.perf_counter()
        call(n)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def _searcher(memory: MemoryController | Client, scope: Scope) -> Callable[[int], object]:
    return lambda n: memory.search(_QUERIES[n % 4], scope=scope)


def _throughput(calls: list[Callable[[int], object]], seconds: float = 10.0) -> float:
    """Searches per second of threads that search at the same time."""
    counts = [0] * len(calls)
    for call in calls:
        call(0)
    end = time.perf_counter() + seconds

    def repeat(number: int) -> None:
        while time.perf_counter() < end:
            calls[number](counts[number])
            counts[number] += 1

    threads = [threading.Thread(target=repeat, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


@contextmanager
def _served(store: Path) -> Iterator[tuple[ServerFile, subprocess.Popen[bytes]]]:
    command = [sys.executable, "-m", "agentmem", "serve", "--store", str(store), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while (server := find_server(store)) is None:
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError("the server did not start")
            time.sleep(0.1)
        yield server, process
    finally:
        process.terminate()
        process.wait()


def _handshake(store: Path) -> float:
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "agentmem", "mcp", "--store", str(store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()
    process.stdout.readline()
    took = time.perf_counter() - begin
    process.communicate()
    return took


def _hook(store: Path) -> float:
    event = {"hook_event_name": "UserPromptSubmit", "prompt": _QUERIES[0]}
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "agentmem", "hook", "--store", str(store), "--user", "user0"],
        input=json.dumps(event).encode(),
        capture_output=True,
        check=True,
    )
    return time.perf_counter() - begin


def _growth(client: Client, pid: int, requests: int) -> float:
    """Megabytes by which the server grows over the second half of the requests."""
    for n in range(requests // 2):
        client.search(f"{_QUERIES[n % 4]} {n}", k=3)
    half = _resident(pid)
    for n in range(requests // 2, requests):
        client.search(f"{_QUERIES[n % 4]} {n}", k=3)
    return _resident(pid) - half


def _resident(pid: int) -> float:
    """The memory of a process in megabytes; Linux only, NaN elsewhere."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return float("nan")
    return pages * 4096 / _MEGABYTE

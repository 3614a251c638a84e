"""What a server costs: time added to its methods, throughput of many clients, memory, start."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from agentmem import MemoryController, Scope, connect
from agentmem.discovery import ServerFile, find_server
from agentmem.embedding.sentence_embeddings import default_embeddings
from agentmem.progress import Progress
from benchmarks.corpus import Corpus, generated
from benchmarks.measure import resident_memory
from benchmarks.throughput import Ask, run_callers

__all__ = ["measure_server"]

# Loading the embedder takes most of it on a busy machine.
_START_SECONDS = 120.0
_ROUNDS = 3
# What the growth is measured with: searches with questions of their own between cheap requests.
_GROWTH = (
    ("POST", "/v1/search"),
    ("GET", "/v1/memories?limit=20"),
    ("GET", "/v1/facts"),
    ("POST", "/v1/recall"),
    ("GET", "/v1/stats"),
)
_PARTS = 10
# Turns of a session.
_SESSION = 20


@dataclass
class _Requests:
    """Sends requests with one connection for each thread, and does not read what is answered.

    It takes a tenth of the processor time of `Client`, so that the server has both cores.
    """

    server: ServerFile
    _local: threading.local = field(default_factory=threading.local)

    def send(self, method: str, path: str, body: object, owner: Scope) -> None:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(*self.server.address)
            self._local.connection = connection
        headers = {
            "Authorization": f"Bearer {self.server.token}",
            "Content-Type": "application/json",
            "X-Agentmem-User": owner.user_id,
        }
        connection.request(method, path, json.dumps(body) if method == "POST" else None, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:200]!r}")


def measure_server(
    *, searches: int, clients: int, turns: int, requests: int, progress: Progress
) -> Mapping[str, float]:
    """Return the measurements by name.

    Every search asks another question, so that each is embedded, with a server and without one.
    Both sides have a store of their own with the same turns, and take turns. On a machine that
    does other work too, only processor time says something: that of this process and the server.

    Args:
        searches: how many each side answers in a round.
        clients: threads, each with an owner of its own.
        turns: of each owner.
        requests: how many requests the growth of the server's memory is measured over.
        progress: of the turns, searches and requests.
    """
    corpus = generated()
    owners = [Scope(f"user{n}") for n in range(clients)]
    with tempfile.TemporaryDirectory() as folder:
        store, copy = Path(folder) / "store", Path(folder) / "copy"
        _fill(store, owners, turns, corpus, progress)
        shutil.copytree(store, copy)
        with (
            MemoryController.open(copy, embeddings=default_embeddings()) as memory,
            _served(store) as (server, process),
        ):
            measured = _compare(memory, server, process.pid, owners, searches, corpus, progress)
            measured["MCP handshake (s)"] = min(_handshake(store) for _ in range(5))
            measured["hook (s)"] = min(_hook(store, owners[0]) for _ in range(5))
            measured |= _growth(server, process.pid, requests, corpus, progress)
    return measured


def _fill(store: Path, owners: list[Scope], turns: int, corpus: Corpus, progress: Progress) -> None:
    progress.expect("turns", turns * len(owners))
    with MemoryController.open(store, embeddings=default_embeddings()) as memory:
        for number, owner in enumerate(owners):
            copies = (text for _, texts in corpus.copies(seed=number) for text in texts)
            texts = list(islice(copies, turns))
            sessions = {f"s{n}": texts[n : n + _SESSION] for n in range(0, turns, _SESSION)}
            memory.add_many(sessions, scope=owner)
            progress.advance("turns", turns)


def _compare(
    memory: MemoryController,
    server: ServerFile,
    pid: int,
    owners: list[Scope],
    searches: int,
    corpus: Corpus,
    progress: Progress,
) -> dict[str, float]:
    """Let one caller and many callers search, without the server and with it, alternately."""
    light = _Requests(server)
    opened = [connect(server.url, token=server.token, scope=owner) for owner in owners]

    def ask_method(number: int, question: str) -> object:
        return memory.search(question, scope=owners[number % len(owners)])

    def ask_server(number: int, question: str) -> None:
        light.send("POST", "/v1/search", {"query": question}, owners[number % len(owners)])

    def ask_client(number: int, question: str) -> object:
        return opened[number % len(opened)].search(question)

    sides: dict[str, Ask] = {"method": ask_method, "server": ask_server, "client": ask_client}
    questions = corpus.questions()
    # Each owner's index is loaded, and the words of the questions are embedded.
    for ask in sides.values():
        run_callers(ask, list(islice(questions, 4 * len(owners))), 1)
    progress.expect("rounds", _ROUNDS)
    alone: dict[str, list[float]] = {side: [] for side in sides}
    together: dict[str, list[float]] = {side: [] for side in sides}
    used = dict.fromkeys(sides, 0.0)
    for _ in range(_ROUNDS):
        for side, ask in sides.items():
            alone[side].append(run_callers(ask, list(islice(questions, searches // 4)), 1).p50)
        for side, ask in sides.items():
            batch = list(islice(questions, searches))
            begin = time.process_time() + _processor_seconds(pid)
            together[side].append(1e3 / run_callers(ask, batch, len(owners)).ms)
            used[side] += time.process_time() + _processor_seconds(pid) - begin
        progress.advance("rounds", 1)
    waited = {side: statistics.median(samples) for side, samples in alone.items()}
    rate = {side: statistics.median(samples) for side, samples in together.items()}
    took = {side: 1e3 * seconds / (searches * _ROUNDS) for side, seconds in used.items()}
    return _figures(waited, rate, took, len(owners))


def _figures(
    waited: Mapping[str, float], rate: Mapping[str, float], took: Mapping[str, float], n: int
) -> dict[str, float]:
    """Return what is reported of the sides "method", "server" and "client".

    Args:
        waited: median milliseconds of one caller.
        rate: searches per second of many callers.
        took: milliseconds of processor time per search.
        n: how many callers are many.
    """
    return {
        "search, median (ms)": waited["method"],
        "added by the server (ms)": waited["server"] - waited["method"],
        "added by the server and Client (ms)": waited["client"] - waited["method"],
        f"searches/s, {n} threads": rate["method"],
        f"searches/s, {n} clients": rate["server"],
        f"searches/s, {n} Clients in one process": rate["client"],
        "share of the throughput": rate["server"] / rate["method"],
        f"processor time of a search, {n} threads (ms)": took["method"],
        f"processor time of a search, {n} clients (ms)": took["server"],
        f"processor time of a search, {n} Clients (ms)": took["client"],
        "share of the throughput by processor time": took["method"] / took["server"],
    }


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


def _hook(store: Path, owner: Scope) -> float:
    event = {"hook_event_name": "UserPromptSubmit", "prompt": "What is my dog called?"}
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "agentmem", "hook", "--store", str(store), "--user", owner.user_id],
        input=json.dumps(event).encode(),
        capture_output=True,
        check=True,
    )
    return time.perf_counter() - begin


def _growth(
    server: ServerFile, pid: int, requests: int, corpus: Corpus, progress: Progress
) -> dict[str, float]:
    """Return the server's memory after each tenth of the requests, in megabytes."""
    light, owner = _Requests(server), Scope("little")
    with connect(server.url, token=server.token, scope=owner) as client:
        client.add(["I adopted a beagle called Biscuit.", "I live in Porto."], session_id="s1")

    def ask(number: int, question: str) -> None:
        method, path = _GROWTH[number % len(_GROWTH)]
        light.send(method, path, {"query": question}, owner)

    questions, part = corpus.questions(), max(requests // _PARTS, 1)
    progress.expect("requests", part * _PARTS)
    resident = []
    for _ in range(_PARTS):
        run_callers(ask, list(islice(questions, part)), 8)
        resident.append(resident_memory(pid))
        progress.advance("requests", part)
    after = {f"MB after {part * (n + 1):,} requests": size for n, size in enumerate(resident)}
    return {**after, "growth over the second half (MB)": resident[-1] - resident[_PARTS // 2 - 1]}


def _processor_seconds(pid: int) -> float:
    """The processor time of a process; Linux only, NaN elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

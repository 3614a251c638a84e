"""A server process that the tests of a module share, and an application without a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from langchain_core.embeddings import Embeddings
from starlette.testclient import TestClient

from agentmem import InMemoryStore, MemoryController, Scope, connect
from agentmem.discovery import ServerFile, find_server
from agentmem.server.app import create_app
from agentmem.server.auth import TokenStore
from agentmem.server.limits import Limits

SECRET = "secret-of-the-folder"
# A busy machine takes long to import torch.
START_SECONDS = 120


@dataclass
class ServerProcess:
    """`agentmem serve` in a process of its own."""

    folder: Path
    process: subprocess.Popen[bytes]
    file: ServerFile

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def start(folder: Path, *options: str) -> ServerProcess:
    command = [sys.executable, "-m", "agentmem", "serve", "--store", str(folder)]
    command += ["--user", "ada", "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment())
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        file = find_server(folder)
        if file is not None and file.pid == process.pid:
            # A busy machine takes longer to load the embedder than a client waits.
            with connect(file.url, token=file.token, timeout=START_SECONDS) as memory:
                memory.search("tea")
            return ServerProcess(folder, process, file)
        time.sleep(0.05)
    process.kill()
    raise AssertionError("the server did not start")


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "agentmem", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        env=environment(),
        check=False,
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = start(tmp_path_factory.mktemp("served") / "store")
    yield server
    server.process.terminate()
    server.process.wait(timeout=60)


@pytest.fixture
def tokens(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path)


@pytest.fixture
def make_http(tmp_path: Path, embeddings: Embeddings) -> Iterator[Callable[..., TestClient]]:
    """Return a function that makes a client of a fresh application, for the user ada."""
    clients: list[TestClient] = []

    def make(*, token: str | None = SECRET, limits: Limits | None = None) -> TestClient:
        if not clients:
            memory = MemoryController(InMemoryStore(), embeddings=embeddings)
            app = create_app(
                memory, owner=Scope("ada"), folder=tmp_path, secret=SECRET, limits=limits
            )
            clients.append(TestClient(app, base_url="http://localhost"))
            clients[0].__enter__()
        client = (
            clients[0]
            if not clients[1:] and token == SECRET
            else TestClient(clients[0].app, base_url="http://localhost")
        )
        if client is not clients[0]:
            clients.append(client)
        if token is not None:
            client.headers["Authorization"] = f"Bearer {token}"
        return client

    yield make
    if clients:
        clients[0].__exit__(None, None, None)


@pytest.fixture
def http(make_http: Callable[..., TestClient]) -> TestClient:
    return make_http()

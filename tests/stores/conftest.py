"""A real Chroma server for the tests that need one."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentmem_stores import ChromaStore


class ChromaServer:
    """`chroma run` on a free port of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.port = free_port()
        self._count = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = Path(sys.executable).parent / "chroma"
        arguments = [
            "run",
            "--path",
            str(self.path),
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
        ]
        self._process = subprocess.Popen(
            [binary, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not self._responds():
            assert self._process.poll() is None, "chroma run has exited"
            assert time.monotonic() < deadline, "chroma run does not respond"
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def connect(self, **options: Any) -> ChromaStore:
        return ChromaStore.connect(host="127.0.0.1", port=self.port, **options)

    def new_database(self) -> str:
        name = f"test-{next(self._count)}"
        self._request("/tenants/default_tenant/databases", json.dumps({"name": name}).encode())
        return name

    def collections(self, database: str) -> set[str]:
        url = f"/tenants/default_tenant/databases/{database}/collections"
        return {collection["name"] for collection in json.loads(self._request(url))}

    def _responds(self) -> bool:
        try:
            self._request("/heartbeat")
        except OSError:
            return False
        return True

    def _request(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v2{path}", body)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=5) as response:
            content: bytes = response.read()
        return content


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    running = ChromaServer(tmp_path_factory.mktemp("server"))
    running.start()
    yield running
    running.stop()

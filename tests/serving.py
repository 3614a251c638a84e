"""Serve a memory from a thread of the test's own process, for examples of the documentation."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from agentmem import MemoryController, Scope
from agentmem.discovery import SERVER_FILE, ServerFile, write_private
from agentmem.server.app import create_app

__all__ = ["serving"]


@contextmanager
def serving(memory: MemoryController, folder: Path) -> Iterator[ServerFile]:
    """Serve a memory on loopback, and write its address into a folder."""
    folder.mkdir(exist_ok=True)
    app = create_app(memory, owner=Scope("ada"), folder=folder, secret="secret")
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    file = ServerFile(f"http://127.0.0.1:{port}", "secret")
    write_private(folder / SERVER_FILE, json.dumps({"url": file.url, "token": file.token}))
    try:
        yield file
    finally:
        server.should_exit = True
        thread.join()

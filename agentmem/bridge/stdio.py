"""Relay MCP messages between stdin and stdout and the `/mcp` of a server.

The handshake is answered here, because a client waits for it and a server takes seconds to load
the embedder. Everything else is answered by the server, which is started if none runs, so there is
one implementation of the tools. Only the standard library is imported, and only messages of the
protocol go to stdout.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from agentmem.bridge.handshake import PROTOCOL_VERSIONS, initialize_result
from agentmem.discovery import (
    SERVER_LOG,
    ServerFile,
    find_server,
    start_server,
    wait_for_server,
)

__all__ = ["Bridge", "run"]

_METHOD_NOT_FOUND, _INTERNAL, _PARSE, _INVALID = -32601, -32603, -32700, -32600
# A client sends few requests at once, and each waits for the server.
_THREADS = 8
# Half of the shortest idle time that makes sense: the server stays while a client is connected.
_PING_SECONDS = 30.0
_START_SECONDS = 90.0


@dataclass
class Bridge:
    """One client on stdin and stdout.

    Args:
        folder: the folder of the store.
        user, agent: whose memories the client reads and writes; no message can name another.
        idle_timeout: of a server that the bridge starts, in seconds.
        write: sends a message to the client.
    """

    folder: Path
    user: str
    agent: str | None
    idle_timeout: float
    write: Callable[[dict[str, Any]], None]
    client: str = "mcp"
    protocol: str = PROTOCOL_VERSIONS[0]
    _server: ServerFile | None = field(default=None, init=False)
    _starting: threading.Lock = field(default_factory=threading.Lock, init=False)

    def handle(self, line: bytes) -> Callable[[], None] | None:
        """Respond to a message at once, or return what responds to it in a thread."""
        try:
            message = json.loads(line)
        except ValueError:
            self.write(_error(None, _PARSE, "not JSON"))
            return None
        if not isinstance(message, dict):
            self.write(_error(None, _INVALID, "a message must be an object"))
            return None
        method = message.get("method")
        if "id" not in message or method is None:
            # Notifications get no response, and the server sends no requests.
            return None
        if method == "initialize":
            self._initialize(message)
        elif method == "ping":
            self.write({"jsonrpc": "2.0", "id": message["id"], "result": {}})
        elif method == "server/discover":
            self.write(_error(message["id"], _METHOD_NOT_FOUND, "use initialize"))
        else:
            return lambda: self._relay(message)
        return None

    def _initialize(self, message: dict[str, Any]) -> None:
        params = message.get("params") or {}
        result = initialize_result(str(params.get("protocolVersion")), _version())
        self.protocol = result["protocolVersion"]
        self.client = str((params.get("clientInfo") or {}).get("name") or "mcp")
        self.write({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _relay(self, message: dict[str, Any]) -> None:
        try:
            response = self._post(message)
        except (OSError, http.client.HTTPException, ValueError) as error:
            # A write that was sent may have been done, so it is not sent again.
            self._server = None
            response = _error(message["id"], _INTERNAL, f"{error}")
        self.write(response)

    def _post(self, message: dict[str, Any]) -> dict[str, Any]:
        connection = self._connect()
        try:
            connection.request("POST", "/mcp", json.dumps(message), self._headers())
            response = connection.getresponse()
            content = json.loads(response.read())
        finally:
            connection.close()
        if "jsonrpc" not in content:
            detail = str(content.get("detail", response.status))
            return _error(message["id"], _INTERNAL, detail)
        return dict(content)

    def _headers(self) -> dict[str, str]:
        assert self._server is not None
        headers = {
            "Authorization": f"Bearer {self._server.token}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": self.protocol,
            "X-Agentmem-User": quote(self.user, safe=""),
            "X-Agentmem-Client": quote(self.client, safe=""),
        }
        return (
            headers
            if self.agent is None
            else headers | {"X-Agentmem-Agent": quote(self.agent, safe="")}
        )

    def _connect(self) -> http.client.HTTPConnection:
        """Return a connection to the server, which is started if none runs.

        Raises:
            ConnectionError: the server could not be started.
        """
        server = self.find()
        connection = http.client.HTTPConnection(*server.address, timeout=600)
        try:
            connection.connect()
        except OSError:
            # It ended or was killed, and nothing was sent to it yet.
            self._server = None
            server = self.find()
            connection = http.client.HTTPConnection(*server.address, timeout=600)
        return connection

    def find(self) -> ServerFile:
        """Return the server, and start one if none runs.

        Raises:
            ConnectionError: it could not be started.
        """
        with self._starting:
            if self._server is None:
                self._server = find_server(self.folder)
            if self._server is None:
                process = start_server(
                    self.folder, user=self.user, agent=self.agent, idle_timeout=self.idle_timeout
                )
                self._server = wait_for_server(self.folder, process, seconds=_START_SECONDS)
            if self._server is None:
                raise ConnectionError(
                    f"no server for {self.folder}{_reason(self.folder)}; see {SERVER_LOG} there"
                )
            return self._server

    def ping(self) -> None:
        """Send the server a request, so that it does not stop while its client is connected."""
        server = self._server
        if server is None:
            return
        connection = http.client.HTTPConnection(*server.address, timeout=5)
        try:
            connection.request("GET", "/v1/whoami", headers=self._headers())
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            # The next request finds another server, or starts one.
            self._server = None
        finally:
            connection.close()


def _reason(folder: Path) -> str:
    """The last line that a server which could not start has logged, after a colon."""
    try:
        lines = (folder / SERVER_LOG).read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return f": {lines[-1].removeprefix('agentmem: ')}" if lines else ""


def _error(message_id: Any, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message_id, "error": {"code": code, "message": text}}


def run(
    folder: Path,
    *,
    user: str,
    agent: str | None = None,
    idle_timeout: float = 900.0,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
) -> None:
    """Serve one client until it closes stdin.

    Args:
        folder: the folder of the store.
        user, agent: whose memories the client reads and writes.
        idle_timeout: of a server that has to be started, in seconds.
    """
    source, sink = stdin or sys.stdin.buffer, stdout or sys.stdout.buffer
    writing = threading.Lock()

    def write(message: dict[str, Any]) -> None:
        with writing:
            sink.write(json.dumps(message).encode() + b"\n")
            sink.flush()

    bridge = Bridge(folder, user, agent, idle_timeout, write)
    closed = threading.Event()

    def keep_server_alive() -> None:
        while not closed.wait(_PING_SECONDS):
            bridge.ping()

    threading.Thread(target=keep_server_alive, daemon=True).start()
    # Started before the first request needs it, and after the handshake was answered.
    started = False
    with ThreadPoolExecutor(_THREADS) as pool:
        for line in source:
            if not line.strip():
                continue
            work = bridge.handle(line)
            if work is not None:
                pool.submit(work)
            if not started:
                started = True
                pool.submit(_start, bridge)
    closed.set()


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ebbinghaus-agentmem")
    except PackageNotFoundError:
        return "0"


def _start(bridge: Bridge) -> None:
    try:
        bridge.find()
    except OSError as error:
        # The first request that needs the server reports the error to the client.
        print(f"agentmem: {error}", file=sys.stderr)

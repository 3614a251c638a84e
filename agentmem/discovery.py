"""Find the server that owns a store, or start one.

A server writes its address and a secret into the folder of its store. Only the standard library is
imported here: a hook has 0.4 s for everything, and `agentmem mcp` answers before it can import
more.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

__all__ = [
    "SERVER_FILE",
    "SERVER_LOG",
    "ServerFile",
    "find_server",
    "proof",
    "read_server_file",
    "remove_server_file",
    "start_server",
    "wait_for_server",
    "write_private",
]

SERVER_FILE = "agentmem-server.json"
SERVER_LOG = "agentmem-server.log"
# A server on this machine answers `/healthz` within milliseconds, unless the machine is busy.
_HEALTH_SECONDS = 2.0


@dataclass(frozen=True)
class ServerFile:
    """What `agentmem-server.json` holds.

    Attributes:
        url: the address, such as `http://127.0.0.1:8377`.
        token: the secret. A process that can read the file may use the whole store.
        pid: the process.
    """

    url: str
    token: str
    pid: int = 0

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80


def write_private(path: Path, text: str) -> None:
    """Replace a file, readable and writable by its owner only, as a whole."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def read_server_file(folder: Path) -> ServerFile | None:
    """Return what the file in a store's folder says; None without a readable one."""
    try:
        data = json.loads((folder / SERVER_FILE).read_text("utf-8"))
        return ServerFile(str(data["url"]), str(data["token"]), int(data.get("pid", 0)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def proof(token: str, challenge: str) -> str:
    """Return the HMAC of a challenge, which proves that a server knows a token."""
    return hmac.new(token.encode(), challenge.encode(), hashlib.sha256).hexdigest()


def find_server(folder: Path, *, timeout: float = _HEALTH_SECONDS) -> ServerFile | None:
    """Return the server that owns a store, None if none runs.

    A file that a killed server left behind is recognized: nothing responds at its address, or what
    responds does not know the token. The token itself is sent only after the server has proved that
    it knows it.
    """
    server = read_server_file(folder)
    if server is None:
        return None
    challenge = secrets.token_hex(16)
    connection = http.client.HTTPConnection(*server.address, timeout=timeout)
    try:
        connection.request("GET", f"/healthz?challenge={challenge}")
        answer = json.loads(connection.getresponse().read())
        known = hmac.compare_digest(str(answer["proof"]), proof(server.token, challenge))
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()
    return server if known else None


def start_server(
    folder: Path, *, user: str, agent: str | None = None, idle_timeout: float = 900.0
) -> subprocess.Popen[bytes]:
    """Start a server of a store in the background; it ends when it is idle.

    Its output goes to `agentmem-server.log` in the folder. If another process starts one at the
    same time, the second finds the store locked and ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "agentmem", "serve", "--store", str(folder), "--user", user]
    command += ["--port", "0", "--idle-timeout", str(idle_timeout), "--no-link"]
    if agent is not None:
        command += ["--agent", agent]
    descriptor = os.open(folder / SERVER_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            # So that Ctrl-C in the client's terminal does not stop the server.
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


def wait_for_server(
    folder: Path, process: subprocess.Popen[bytes] | None, *, seconds: float = 60.0
) -> ServerFile | None:
    """Wait until a server answers; None if it does not within `seconds`, or its process ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        server = find_server(folder)
        if server is not None:
            return server
        if process is not None and process.poll() is not None:
            # Another server may have been faster, and is about to answer.
            process = None
            deadline = min(deadline, time.monotonic() + 15.0)
        time.sleep(0.05)
    return None


def remove_server_file(folder: Path, token: str) -> None:
    """Remove the file if it is still that of the server with this token."""
    server = read_server_file(folder)
    if server is not None and server.token == token:
        with suppress(OSError):
            (folder / SERVER_FILE).unlink()

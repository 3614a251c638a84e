"""Run a server: open the store, listen, tell others where, and stop without losing anything."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

import uvicorn
from fastapi import FastAPI

from agentmem.controller import MemoryController
from agentmem.discovery import SERVER_FILE, remove_server_file, write_private
from agentmem.server.access import Hosts
from agentmem.server.app import ServerState, create_app
from agentmem.server.auth import TokenStore
from agentmem.server.limits import Limits
from agentmem_stores import InvalidInputError, Scope, StoreUnavailableError

__all__ = ["ServeOptions", "require_tokens", "serve"]

_log = logging.getLogger("agentmem.server")
# Seconds that running requests get when the server stops.
_DRAIN_SECONDS = 20


@dataclass(frozen=True)
class ServeOptions:
    """How to serve a store.

    Attributes:
        folder: the folder of the store; the address and the secret are written into it.
        owner: whose memories the holder of the secret means.
        port: 0 for any that is free.
        allow_hosts: further names of the server, such as that of a proxy in front of it.
        idle_timeout: seconds without a request after which the server ends; None for never.
        limits: of requests.
    """

    folder: Path
    owner: Scope
    host: str = "127.0.0.1"
    port: int = 0
    allow_hosts: Sequence[str] = ()
    idle_timeout: float | None = None
    limits: Limits = field(default_factory=Limits)


def serve(
    memory: MemoryController, options: ServeOptions, ready: Callable[[str, ServerState], None]
) -> None:
    """Serve a memory until SIGTERM, SIGINT or the end of the idle time; then close it.

    Args:
        memory: the open store.
        ready: called with the address and the state when requests are accepted.

    Raises:
        InvalidInputError: the address is not of this machine's loopback, and there are no tokens.
        StoreUnavailableError: the port cannot be used.
    """
    require_tokens(options)
    listener = _listen(options.host, options.port)
    url = _url(options.host, listener.getsockname()[1])
    hosts = Hosts.of(options.host, *options.allow_hosts)
    secret = secrets.token_urlsafe(32)

    @asynccontextmanager
    async def publish_address(app: FastAPI) -> AsyncIterator[None]:
        options.folder.mkdir(parents=True, exist_ok=True)
        write_private(
            options.folder / SERVER_FILE,
            json.dumps({"url": url, "token": secret, "pid": os.getpid()}),
        )
        _warm_up(memory)
        watchers = [
            asyncio.create_task(_stop_when_idle(app.state.server, options, server)),
            asyncio.create_task(_close_silent_connections(server, options.limits.header_seconds)),
        ]
        ready(url, app.state.server)
        try:
            yield
        finally:
            for watcher in watchers:
                watcher.cancel()
            # First, so that new clients do not come to a server that is about to end.
            remove_server_file(options.folder, secret)

    app = create_app(
        memory,
        owner=options.owner,
        folder=options.folder,
        secret=secret,
        hosts=hosts,
        limits=options.limits,
        inner_lifespan=publish_address,
    )
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    with listener, suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def require_tokens(options: ServeOptions) -> None:
    """Refuse to listen on an address that others can reach, unless they need a token.

    Raises:
        InvalidInputError: the address is not of loopback, and the store has no tokens.
    """
    if not _is_loopback(options.host) and not TokenStore(options.folder).all():
        raise InvalidInputError(
            f"host={options.host!r} can be reached from other machines; create a token first: "
            "agentmem token create --user NAME"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Otherwise the port cannot be used while connections of a former server linger.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise StoreUnavailableError(f"cannot listen on {host}:{port}: {error}") from error
    return listener


def _url(host: str, port: int) -> str:
    # Only processes of this machine read the file.
    name = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _warm_up(memory: MemoryController) -> None:
    """Load the embedder while the first client is still getting ready."""

    def load() -> None:
        # The first search raises the same error, and reports it to its caller.
        with suppress(Exception):
            memory.embeddings.embed_query("What is my name?")

    threading.Thread(target=load, name="agentmem-warm-up", daemon=True).start()


async def _close_silent_connections(server: uvicorn.Server, seconds: float) -> None:
    """Close connections that have not sent a request, which uvicorn would keep forever."""
    silent_since: WeakKeyDictionary[object, float] = WeakKeyDictionary()
    while True:
        await asyncio.sleep(seconds / 3)
        now = time.monotonic()
        for connection in list(server.server_state.connections):
            # `cycle` is the first request, from when its headers are complete.
            if getattr(connection, "cycle", None) is not None:
                continue
            if now - silent_since.setdefault(connection, now) > seconds:
                connection.transport.close()


async def _stop_when_idle(
    state: ServerState, options: ServeOptions, server: uvicorn.Server
) -> None:
    if options.idle_timeout is not None:
        await state.activity.wait_until_idle(options.idle_timeout)
        _log.info("idle for %g s; stopping", options.idle_timeout)
        server.should_exit = True

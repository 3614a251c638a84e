"""Chroma's clients as agentmem uses them. Chroma is imported when a client is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from agentmem_stores.chroma.registry import REGISTRY, Layout
from agentmem_stores.errors import StoreFormatError, StoreUnavailableError

if TYPE_CHECKING:
    from chromadb.api.client import Client

__all__ = [
    "close_client",
    "create_registry",
    "create_store",
    "open_directory",
    "open_server",
]


def open_directory(path: Path) -> Client:
    """Open the embedded store in a directory.

    Raises:
        StoreFormatError: Chroma cannot start there.
    """
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient

    try:
        return cast("Client", chromadb.PersistentClient(path, settings=_settings()))
    except BaseException as error:
        # Otherwise Chroma would reuse what failed to start when the path is opened again.
        SharedSystemClient._identifier_to_system.pop(str(path), None)
        SharedSystemClient._identifier_to_refcount.pop(str(path), None)
        if not isinstance(error, AttributeError):
            raise
        # Chroma's cleanup fails on a client that never started, which hides the cause.
        raise StoreFormatError(
            f"{path}: Chroma cannot start ({error.__context__ or error}); restore the store from "
            "a backup, or create a new store and import an export"
        ) from error


def open_server(
    *,
    host: str,
    port: int,
    ssl: bool,
    headers: dict[str, str] | None,
    tenant: str | None,
    database: str | None,
    timeout: float,
) -> Client:
    """Connect to a server; `timeout` is in seconds.

    Raises:
        StoreUnavailableError: the server has no such database.
    """
    import chromadb
    import httpx
    from chromadb.api.base_http_client import BaseHTTPClient
    from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT

    headers = dict(headers or {})
    tenant, database = tenant or DEFAULT_TENANT, database or DEFAULT_DATABASE
    # Chroma's client has no timeout here either, and leaks its connection if this fails.
    url = BaseHTTPClient.resolve_url(
        chroma_server_host=host,
        chroma_server_http_port=port,
        chroma_server_ssl_enabled=ssl,
        default_api_path="/api/v2",
    )
    url += f"/tenants/{quote(tenant, safe='')}/databases/{quote(database, safe='')}"
    if httpx.get(url, headers=headers, timeout=timeout).status_code == 404:
        raise StoreUnavailableError(
            f"the Chroma server at {host}:{port} has no database {database!r} of tenant "
            f"{tenant!r}; create it with chromadb.AdminClient"
        )
    client = chromadb.HttpClient(
        host, port, ssl, headers, _settings(), tenant=tenant, database=database
    )
    for session in _sessions(client):
        # Chroma's own timeout is infinite, and no setting changes it.
        session.timeout = timeout
    return cast("Client", client)


def close_client(client: Client) -> None:
    """Close a client and the connections that Chroma leaves open."""
    sessions = _sessions(client)
    client.close()
    for session in sessions:
        session.close()


def create_store(path: Path, layout: Layout) -> None:
    """Create a store in an empty directory."""
    client = open_directory(path)
    try:
        client.create_collection(REGISTRY, metadata=layout.to_metadata(), embedding_function=None)
    finally:
        close_client(client)


def create_registry(client: Client, layout: Layout) -> None:
    """Create a store in a server's database if there is none."""
    from chromadb.errors import ChromaError, NotFoundError

    try:
        client.get_collection(REGISTRY, embedding_function=None)
    except NotFoundError:
        try:
            client.create_collection(
                REGISTRY, metadata=layout.to_metadata(), embedding_function=None
            )
        except ChromaError:
            # Raises again unless the cause was that another client has just created it.
            client.get_collection(REGISTRY, embedding_function=None)


def _sessions(client: object) -> list[Any]:
    """Return the HTTP sessions of a client and of the admin client that it creates."""
    clients = (client, getattr(client, "_admin_client", None))
    servers: list[Any] = [getattr(each, "_server", None) for each in clients]
    return [server._session for server in servers if hasattr(server, "_session")]


def _settings() -> Any:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)

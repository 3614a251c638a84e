"""Chroma's clients, made the way agentmem needs them. Chroma itself is loaded here, when used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from agentmem_stores.chroma.files.directory import REGISTRY
from agentmem_stores.chroma.registry import Layout
from agentmem_stores.errors import StoreFormatError, StoreUnavailableError

if TYPE_CHECKING:
    from chromadb.api.client import Client

__all__ = ["close", "create_on_disk", "embedded", "ensure_registry", "remote"]


def embedded(path: Path) -> Client:
    """Open a directory."""
    import chromadb

    try:
        return cast("Client", chromadb.PersistentClient(path, settings=_settings()))
    except BaseException as error:
        _forget_start(path)
        if not isinstance(error, AttributeError):
            raise
        # Chroma's clean-up stumbles over a client that never started, and hides what was wrong.
        raise StoreFormatError(
            f"{path}: Chroma cannot start ({error.__context__ or error}); restore it from a "
            "backup, or make a new store and import an export"
        ) from error


def _forget_start(path: Path) -> None:
    """Let a path be opened again, where Chroma would go on with what did not start."""
    from chromadb.api.shared_system_client import SharedSystemClient

    SharedSystemClient._identifier_to_system.pop(str(path), None)
    SharedSystemClient._identifier_to_refcount.pop(str(path), None)


def remote(
    *,
    host: str,
    port: int,
    ssl: bool,
    headers: dict[str, str] | None,
    tenant: str | None,
    database: str | None,
    timeout: float,
) -> Client:
    """Connect with a server."""
    import chromadb
    from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT

    given: Any = {"host": host, "port": port, "ssl": ssl, "headers": dict(headers or {})}
    place: Any = {"tenant": tenant or DEFAULT_TENANT, "database": database or DEFAULT_DATABASE}
    _check_there(**given, **place, timeout=timeout)
    client = chromadb.HttpClient(**given, **place, settings=_settings())
    for session in _sessions(client):
        # Chroma would wait for ever, and has no setting for it.
        session.timeout = timeout
    return cast("Client", client)


def _check_there(
    *,
    host: str,
    port: int,
    ssl: bool,
    headers: dict[str, str],
    tenant: str,
    database: str,
    timeout: float,
) -> None:
    # Chroma's client would wait for ever here too, and leave its connection open when it fails.
    import httpx
    from chromadb.api.base_http_client import BaseHTTPClient

    url = BaseHTTPClient.resolve_url(
        chroma_server_host=host,
        chroma_server_http_port=port,
        chroma_server_ssl_enabled=ssl,
        default_api_path="/api/v2",
    )
    place = f"/tenants/{quote(tenant, safe='')}/databases/{quote(database, safe='')}"
    if httpx.get(url + place, headers=headers, timeout=timeout).status_code == 404:
        raise StoreUnavailableError(
            f"the Chroma server at {host}:{port} has no database {database!r} of tenant "
            f"{tenant!r}; create it with chromadb.AdminClient"
        )


def close(client: Client) -> None:
    """Close a client, and the connections that Chroma itself leaves open."""
    sessions = _sessions(client)
    client.close()
    for session in sessions:
        session.close()


def create_on_disk(path: Path, layout: Layout) -> None:
    """Make a new store in an empty directory."""
    client = embedded(path)
    try:
        _create_registry(client, layout)
    finally:
        close(client)


def ensure_registry(client: Client, layout: Layout) -> None:
    """Make a new store in a server's database, unless one is there."""
    from chromadb.errors import ChromaError, NotFoundError

    try:
        client.get_collection(REGISTRY, embedding_function=None)
    except NotFoundError:
        try:
            _create_registry(client, layout)
        except ChromaError:
            # Another client was first; if it was something else, this raises.
            client.get_collection(REGISTRY, embedding_function=None)


def _create_registry(client: Client, layout: Layout) -> None:
    client.create_collection(REGISTRY, metadata=layout.metadata(), embedding_function=None)


def _sessions(client: object) -> list[Any]:
    """Return the HTTP sessions of a client, and of the one that it makes for itself."""
    clients = (client, getattr(client, "_admin_client", None))
    servers: list[Any] = [getattr(each, "_server", None) for each in clients]
    return [server._session for server in servers if hasattr(server, "_session")]


def _settings() -> Any:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)

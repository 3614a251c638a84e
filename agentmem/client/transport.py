"""Send requests to a server, and raise its problems as the errors of this package."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, urlsplit

import agentmem_stores.errors as errors
from agentmem.arguments import refusal, seconds, string
from agentmem_stores import (
    AgentMemError,
    ClosedError,
    InvalidInputError,
    InvalidScopeError,
    MissingExtraError,
    Scope,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    import httpx

__all__ = ["Transport", "in_path"]

# Bytes of a file that are read and sent at a time.
_CHUNK = 64 * 1024
_PREFIX = "urn:agentmem:problem:"
# By the last part of a problem's type: "memory-not-found" is MemoryNotFoundError.
_ERRORS: dict[str, type[AgentMemError]] = {
    getattr(errors, name).__name__.removesuffix("Error").lower(): getattr(errors, name)
    for name in errors.__all__
}


def in_path(value: str) -> str:
    """Return an id as a part of a path.

    >>> in_path("a/b"), in_path("..")
    ('a%2Fb', '%2E%2E')
    """
    # A part that is one dot or two would be taken for a step through the path.
    return quote(value, safe="") if value.strip(".") else value.replace(".", "%2E")


class Transport:
    """A connection to one server.

    Args:
        url: the address of the server.
        token: sent with every request.
        timeout: seconds to wait for a response.

    Raises:
        MissingExtraError: httpx is not installed.
        InvalidInputError: the address is not one of HTTP, or the token is empty.
    """

    def __init__(self, url: str, token: str, timeout: float) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtraError(
                "the client needs httpx; pip install 'ebbinghaus-agentmem[server]'"
            ) from error
        url = string("url", url)
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise refusal("url", url, "an address such as http://127.0.0.1:8377") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInputError(f"url={url!r} must be an address such as http://127.0.0.1:8377")
        if (
            not isinstance(token, str)
            or not token
            or not token.isprintable()
            or not token.isascii()
        ):
            raise InvalidInputError("token must be the text that `agentmem token create` printed")
        self.url = url.rstrip("/")
        # Proxies of the environment are not asked for a server on this machine.
        self._open = partial(
            httpx.Client,
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(seconds("timeout", timeout), connect=5.0),
            trust_env=False,
        )
        self._client, self._process = self._open(), os.getpid()

    @property
    def _http(self) -> httpx.Client:
        """Connections of this process: a forked one would read the responses of the other."""
        if self._client.is_closed:
            raise ClosedError("this Client is closed; connect again")
        if self._process != os.getpid():
            self._client, self._process = self._open(), os.getpid()
        return self._client

    def close(self) -> None:
        """Close the connection; calling it twice is allowed."""
        self._client.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        scope: Scope | None = None,
    ) -> Any:
        """Send a request and return the JSON of the response; None for an empty one.

        Args:
            params: of the query string; those that are None are left out.
            scope: the owner, for the holder of the secret in the store's folder.
        """
        given = {name: value for name, value in (params or {}).items() if value is not None}
        headers = _owner_headers(scope)
        if body is not None:
            headers["Content-Type"] = "application/json"
        with _unavailable(self.url):
            response = self._http.request(
                method,
                path,
                content=None if body is None else _to_json(body),
                params=given,
                headers=headers,
            )
        _raise_problem(response)
        return response.json() if response.content else None

    def download(self, path: str, target: Path, *, scope: Scope | None) -> int:
        """Write a response to a file; return how many lines it has."""
        lines = 0
        with (
            _unavailable(self.url),
            self._http.stream("GET", path, headers=_owner_headers(scope)) as response,
        ):
            if response.is_error:
                response.read()
            _raise_problem(response)
            try:
                with _replacing(target) as file:
                    for chunk in response.iter_bytes(_CHUNK):
                        lines += chunk.count(b"\n")
                        file.write(chunk)
            except OSError as error:
                raise StoreUnavailableError(f"cannot write {target}: {error}") from error
        return lines

    def upload(self, path: str, source: Path, *, scope: Scope | None) -> Any:
        """Send a file, and return the JSON of the response."""
        headers = {"Content-Type": "application/x-ndjson", **_owner_headers(scope)}
        with _open(source) as file, _unavailable(self.url):
            # Reading an import takes the embedder longer than any other request.
            response = self._http.post(path, content=_chunks(file), headers=headers, timeout=None)
        _raise_problem(response)
        return response.json()


def _to_json(body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"arguments must be serializable as JSON: {error}") from error


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise StoreUnavailableError(f"cannot read {path}: {error}") from error


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """Write a file aside, and put it in place of another one when it is complete."""
    aside = target.with_name(f".{target.name}.part")
    try:
        with aside.open("wb") as file:
            yield file
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _owner_headers(scope: Scope | None) -> dict[str, str]:
    if scope is None:
        return {}
    headers = {"X-Agentmem-User": quote(scope.user_id, safe="")}
    if scope.agent_id is not None:
        headers["X-Agentmem-Agent"] = quote(scope.agent_id, safe="")
    return headers


@contextmanager
def _unavailable(url: str) -> Iterator[None]:
    import httpx

    try:
        yield
    except httpx.HTTPError as error:
        raise StoreUnavailableError(
            f"the server at {url} does not respond ({type(error).__name__}: {error})"
        ) from error


def _raise_problem(response: httpx.Response) -> None:
    if not response.is_error:
        return
    try:
        problem = response.json()
        kind = str(problem["type"]).removeprefix(_PREFIX).replace("-", "")
        detail = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        kind, detail = "", response.text[:200]
    if response.status_code in (401, 403):
        raise InvalidScopeError(detail)
    fallback = InvalidInputError if response.status_code < 500 else StoreUnavailableError
    raise _ERRORS.get(kind, fallback)(detail)

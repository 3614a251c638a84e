"""The cache folder of the user, and paths and URLs of stores."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

from agentmem_stores import InvalidInputError, StoreUnavailableError

__all__ = ["cache_folder", "expand_home", "server_address"]


def cache_folder(part: str) -> Path:
    """Return the folder for a part of this package in the user's cache folder.

    The environment variable AGENTMEM_CACHE names another folder, for all parts.
    """
    override = os.environ.get("AGENTMEM_CACHE")
    if override:
        return expand_home(Path(override))
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache")
    return base / "agentmem" / part


def _home() -> Path:
    """The user's home; without one, as in some containers, the folder for temporary files."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(tempfile.gettempdir())


def expand_home(path: Path) -> Path:
    """Return a path with `~` replaced by the user's home.

    Raises:
        StoreUnavailableError: there is no such home.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise StoreUnavailableError(
            f"{path}: {error}; set HOME, or pass a path without ~"
        ) from error


class ServerAddress(TypedDict):
    """Where a Chroma server is: arguments of `ChromaStore.connect`."""

    host: str
    port: int
    ssl: bool


# `Path` makes one slash of two. One letter is a drive of Windows.
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/+(?P<rest>.*)")


def server_address(path: str) -> ServerAddress | None:
    """Return the server that the path of a store names; None for a folder.

    Raises:
        InvalidInputError: it is a URL, but not the address of a server.

    >>> server_address("https://memory.example.org")
    {'host': 'memory.example.org', 'port': 443, 'ssl': True}
    >>> server_address("./memories") is None
    True
    """
    match = _URL.fullmatch(path)
    if match is None:
        return None
    scheme = match["scheme"].lower()
    try:
        url = urlsplit(f"{scheme}://{match['rest']}")
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    if scheme not in {"http", "https"} or not host or url.path.strip("/") or url.query:
        raise InvalidInputError(
            f"{path} is neither a folder nor the address of a Chroma server, such as "
            "http://localhost:8000"
        )
    ssl = scheme == "https"
    return {"host": host, "port": port or (443 if ssl else 8000), "ssl": ssl}

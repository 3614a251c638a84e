"""Copying the live rows of a store into new files, in which nothing deleted remains.

Chroma's own cleanup (`chroma vacuum`) leaves the vectors of deleted rows in the index files. Also,
Chroma writes index files from memory that it has not cleared, which may have texts that the
process handled before. So a new process, which sees only live rows, writes the new files.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from agentmem_stores.chroma.client import close_client, open_directory
from agentmem_stores.chroma.registry import REGISTRY
from agentmem_stores.chroma.rows import create_collection
from agentmem_stores.errors import StoreError
from agentmem_stores.store import paginate

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

__all__ = ["copy", "receive", "size_of", "wipe_freed_memory"]

# mallopt(3): fill memory when it is freed, and when it is allocated without being cleared.
_M_PERTURB = -6
_FILL_BYTE = 0x55
# The last message; without it a truncated copy would look complete.
_END = ("end", None, None)


def copy(source: Client, path: Path) -> None:
    """Copy every collection with all of its rows into a new database in an empty directory.

    Raises:
        StoreError: the copying process failed.
    """
    program = f"from {__name__} import receive; receive()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path), str(os.getpid())],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        try:
            for message in _messages(source):
                pickle.dump(message, child.stdin)
            pickle.dump(_END, child.stdin)
            child.stdin.close()
        except BrokenPipeError:
            pass  # The child died; the last line of its stderr says why.
        output = child.stderr.read().decode(errors="replace")
    if child.returncode:
        reason = output.strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
        raise StoreError(f"the process that copies the store failed: {reason[0]}")


def _messages(source: Client) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name and metadata of each collection, then its rows in pages."""
    for name in [collection.name for collection in source.list_collections()]:
        collection = source.get_collection(name, embedding_function=None)
        yield "collection", name, collection.metadata
        for ids in paginate(collection.get(include=[])["ids"]):
            page: Any = collection.get(
                ids=list(ids), include=["documents", "metadatas", "embeddings"]
            )
            rows = {
                "ids": page["ids"],
                "embeddings": page["embeddings"],
                # Rows of the registry have no text.
                "documents": page["documents"] if any(page["documents"]) else None,
                "metadatas": page["metadatas"],
            }
            yield "rows", name, rows


def receive() -> None:
    """Write what `copy` sends to stdin; arguments are the directory and the parent process."""
    client = open_directory(Path(sys.argv[1]))
    try:
        _write(client, sys.stdin.buffer)
    finally:
        close_client(client)


def _write(client: Client, stream: IO[bytes]) -> None:
    collections: dict[str, Collection] = {}
    while (message := _read_message(stream)) != _END:
        kind, name, content = message
        if kind == "rows":
            collections[name].upsert(**content)
        elif name == REGISTRY:
            collections[name] = client.create_collection(
                name, metadata=content, embedding_function=None
            )
        else:
            collections[name] = create_collection(client, name, embedded=True)
    for collection in collections.values():
        _require_parent()
        # Chroma updates an index with the first query, which should happen in this process.
        if collection.count():
            collection.query(query_embeddings=collection.peek(1)["embeddings"], n_results=1)


def _read_message(stream: IO[bytes]) -> tuple[str, Any, Any]:
    try:
        # Safe to unpickle, because only the parent process writes to stdin.
        message: tuple[str, Any, Any] = pickle.load(stream)
    except (EOFError, pickle.UnpicklingError):
        os._exit(1)  # The parent was killed; the next opening of the store removes this copy.
    _require_parent()
    return message


def _require_parent() -> None:
    """Exit at once if the parent process has died."""
    if os.getppid() != int(sys.argv[2]):
        os._exit(1)


def wipe_freed_memory() -> bool:
    """Make the C library overwrite freed memory for the rest of the process.

    Memory that is free already returns to the system, which clears it.

    Returns:
        False if the C library cannot do that.
    """
    try:
        libc = ctypes.CDLL(None)
        wiped = bool(libc.mallopt(_M_PERTURB, _FILL_BYTE))
        libc.malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return False
    return wiped


def size_of(path: Path) -> int:
    """Return the size in bytes of all files below a path."""
    return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())

"""Making a store anew from what lives in it, so that nothing deleted is left in its files.

Chroma's own clean-up (`chroma vacuum`) leaves the vectors of deleted rows in its index files. And
Chroma writes index files out of memory that it has not cleared, in which texts that this process
has handled can still lie. So the new files are written by a process that has seen nothing but
what lives.
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

from agentmem_stores.errors import StoreError

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

__all__ = ["copy", "receive", "size_of", "wipe_what_is_freed"]

PAGE = 500
# mallopt(3): overwrite memory when it is freed, and when it is given out without being cleared.
M_PERTURB = -6
PATTERN = 0x55
# Comes last, so that a copy which was cut off is not taken for a whole one.
_END = ("end", None, None)


def copy(source: Client, path: Path) -> None:
    """Copy every collection with all of its rows into a new database in an empty directory.

    Raises:
        StoreError: the copying process failed.
    """
    program = f"from {__name__} import receive; receive()"
    command = [sys.executable, "-c", program, str(path), str(os.getpid())]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()
    ) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        try:
            for part in _parts(source):
                pickle.dump(part, child.stdin)
            pickle.dump(_END, child.stdin)
            child.stdin.close()
        except BrokenPipeError:
            pass  # Why it went away stands in what it said last.
        said = child.stderr.read().decode(errors="replace")
    if child.returncode:
        last = said.strip().splitlines()[-1:] or ["it said nothing"]
        raise StoreError(f"the process that copies the store failed: {last[0]}")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _parts(source: Client) -> Iterator[tuple[str, Any, Any]]:
    """Yield a collection's name and metadata, then its rows in pages."""
    for name in [collection.name for collection in source.list_collections()]:
        collection = source.get_collection(name, embedding_function=None)
        yield "collection", name, collection.metadata
        for page in _pages(collection):
            yield "rows", name, page


def _pages(collection: Collection) -> Iterator[dict[str, Any]]:
    ids = collection.get(include=[])["ids"]
    for start in range(0, len(ids), PAGE):
        page: Any = collection.get(
            ids=ids[start : start + PAGE], include=["documents", "metadatas", "embeddings"]
        )
        yield {
            "ids": page["ids"],
            "embeddings": page["embeddings"],
            # Rows of the registry have no text.
            "documents": page["documents"] if any(page["documents"]) else None,
            "metadatas": page["metadatas"],
        }


def receive() -> None:
    """Write what `copy` sends to standard input; arguments are the directory and its process."""
    from agentmem_stores.chroma.client import close, embedded

    client = embedded(Path(sys.argv[1]))
    try:
        _write(client, sys.stdin.buffer)
    finally:
        close(client)


def _write(client: Client, stream: IO[bytes]) -> None:
    from agentmem_stores.chroma.files.directory import REGISTRY
    from agentmem_stores.chroma.partitions import make_collection

    made: dict[str, Collection] = {}
    while (part := _received(stream)) != _END:
        kind, name, content = part
        if kind == "rows":
            made[name].upsert(**content)
        elif name == REGISTRY:
            made[name] = client.create_collection(name, metadata=content, embedding_function=None)
        else:
            made[name] = make_collection(client, name)
    for collection in made.values():
        _require_parent()
        # Chroma brings an index up to date when it is first asked, which should be here.
        if collection.count():
            collection.query(query_embeddings=collection.peek(1)["embeddings"], n_results=1)


def _received(stream: IO[bytes]) -> tuple[str, Any, Any]:
    try:
        # From our own parent process, so it is safe to unpickle.
        part: tuple[str, Any, Any] = pickle.load(stream)
    except (EOFError, pickle.UnpicklingError):
        os._exit(1)  # The sender was killed, and whoever opens the store next clears this away.
    _require_parent()
    return part


def _require_parent() -> None:
    """End at once where nobody waits for this copy any more."""
    if os.getppid() != int(sys.argv[2]):
        os._exit(1)


def wipe_what_is_freed() -> bool:
    """Have the C library overwrite memory for the rest of the process; False where it cannot.

    Memory that is free already goes back to the system, which clears it.
    """
    try:
        libc = ctypes.CDLL(None)
        wiped = bool(libc.mallopt(M_PERTURB, PATTERN))
        libc.malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return False
    return wiped


def size_of(path: Path) -> int:
    """The bytes of all files below a path."""
    return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())

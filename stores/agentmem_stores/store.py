"""The seam between agentmem and whatever holds the memories: five methods and a few facts."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from agentmem_stores.records import Granularity, Memory, Scope

__all__ = [
    "Batch",
    "Changes",
    "Compaction",
    "EmbedderSpec",
    "Entry",
    "Fault",
    "MemoryStore",
    "Neighbor",
    "Vectors",
    "Written",
    "token_code_bytes",
    "vector_fault",
]

Vectors = NDArray[np.float32]

# Granularity and id of what was put, patched or deleted.
Written = tuple[tuple[Granularity, str], ...]


@dataclass(frozen=True)
class EmbedderSpec:
    """Whose vectors a store holds: the embedder's name and its number of dimensions."""

    name: str
    dimension: int


# What the extra `offline` installs; a new store is made for it when no other is named.
DEFAULT_EMBEDDER = EmbedderSpec("sentence-transformers/all-MiniLM-L6-v2", 384)


@dataclass(frozen=True, eq=False)
class Entry:
    """A memory with what an embedder made of it.

    Attributes:
        vector: its embedding, float32 of shape (dimension,) and unit length.
        token_codes: sign bits of the contextual token embeddings, `token_code_bytes(dimension)`
            bytes each; empty where the embedder yields no token embeddings.
    """

    memory: Memory
    vector: Vectors
    token_codes: bytes = b""


def token_code_bytes(dimension: int) -> int:
    """How many bytes the signs of an embedding take: a bit each, in whole words of 64."""
    return -(-dimension // 64) * 8


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A memory found near a vector; `similarity` is the cosine, in [-1, 1]."""

    id: str
    similarity: float


@dataclass(frozen=True)
class Batch:
    """Changes to one scope, applied together.

    Within one granularity `put` is atomic: after a crash all of it is there or none.
    Granularities are written in the order in which they first appear, patches after puts and
    deletions last, so whoever builds a batch decides what a crash may leave behind.

    Attributes:
        put: memories to insert, or to replace whole.
        patch: memories whose text and vector are as stored; everything else is rewritten.
        delete: (granularity, id) pairs; ids that do not exist are passed over.
    """

    scope: Scope
    put: Sequence[Entry] = ()
    patch: Sequence[Memory] = ()
    delete: Sequence[tuple[Granularity, str]] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.put or self.patch or self.delete)


@dataclass(frozen=True, slots=True)
class Changes:
    """What was written to a scope since a mark.

    Attributes:
        written: granularity and id of what was put or patched, as far as it is still there.
        held: how many memories the scope holds, of all granularities.
    """

    written: tuple[tuple[Granularity, str], ...]
    count: int


@dataclass(frozen=True, slots=True)
class Compaction:
    """What compacting did.

    Attributes:
        before: the size of the store's files in bytes, 0 where it has none.
        after: their size now.
        wiped: whether this process overwrites memory from now on, so that its later writes bring
            nothing back that was deleted.
    """

    before: int
    after: int
    wiped: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that is not whole: `lost` is its `record`, which cannot be read, or its `vector`."""

    granularity: Granularity
    id: str
    part: str
    reason: str


# Embeddings are written with unit length, in float32.
_TOLERANCE = 1e-3


def vector_fault(vector: Vectors, dimension: int) -> str:
    """What is wrong with a vector that should be finite and of unit length; nothing if all well."""
    if vector.shape != (dimension,):
        return f"has shape {vector.shape} instead of ({dimension},)"
    if not np.isfinite(vector).all():
        return "is not finite"
    length = float(np.linalg.norm(vector))
    return "" if abs(length - 1) <= _TOLERANCE else f"has length {length:.4g} instead of 1"


# Former names of methods of MemoryStore, which work for one release more.
_RENAMED = {
    "read": "get",
    "recall": "get_memories",
    "entries": "scan_entries",
    "mark": "last_sequence",
    "changes": "changes_since",
    "between": "written_between",
    "faults": "check_records",
    "damage": "check_files",
}


def _warn_renamed(former: str, name: str) -> None:
    warnings.warn(f"{former} is now {name}", DeprecationWarning, stacklevel=3)


class MemoryStore(ABC):
    """Holds memories and their vectors, one scope strictly apart from another.

    Every method may raise `ClosedError` after `close()`, and `StoreError` when the backend
    fails. `agentmem_stores.conformance` is the test suite that an implementation must pass.
    """

    embedder: EmbedderSpec

    @cached_property
    def index_lock(self) -> AbstractContextManager[Any]:
        """Held, reentrantly, from looking at an index of this store to writing it and the store.

        It is the store's, so that whoever shares the store object does not hide each other's
        writes from their indexes.
        """
        return RLock()

    @cached_property
    def verb_lock(self) -> AbstractContextManager[Any]:
        """Held, reentrantly, from reading what a change depends on to writing the change."""
        return RLock()

    @cached_property
    def deletion_listeners(self) -> WeakSet[Any]:
        """Whoever keeps something of what this store object holds, to be told what is deleted."""
        return WeakSet()

    @abstractmethod
    def write(self, batch: Batch) -> str:
        """Apply a batch; when this returns, it is durable.

        Returns:
            The scope's revision after this write, provided that nobody else wrote since it was
            last asked for; if somebody did, `revision` will tell another.

        Raises:
            InvalidInputError: a memory belongs to another scope, an id appears twice, or a
                vector has the wrong shape or is not finite. Nothing is written then.
            MemoryNotFoundError: a patched memory does not exist. Nothing is written then.
        """

    @abstractmethod
    def get(self, scope: Scope, granularity: Granularity, ids: Sequence[str]) -> list[Entry]:
        """Return the entries with these ids, in this order; ids that do not exist are left out."""

    def scan_entries(self, scope: Scope, granularity: Granularity) -> Iterator[Entry]:
        """Yield the same as `scan`, with the vectors, a page at a time."""
        memories = self.scan(scope, granularity)
        while page := list(islice(memories, 500)):
            yield from self.get(scope, granularity, [memory.id for memory in page])

    def get_memories(
        self, scope: Scope, granularity: Granularity, ids: Sequence[str]
    ) -> list[Memory]:
        """Return the same as `get`, but the memories alone; faster where vectors are apart."""
        return [entry.memory for entry in self.get(scope, granularity, ids)]

    @abstractmethod
    def scan(self, scope: Scope, granularity: Granularity) -> Iterator[Memory]:
        """Yield every memory of one granularity, whatever its state, in no particular order."""

    @abstractmethod
    def nearest(
        self, scope: Scope, granularity: Granularity, vectors: Vectors, n: int
    ) -> list[list[Neighbor]]:
        """Find the `n` nearest memories to each row of `vectors`, best first.

        Args:
            vectors: float32 of shape (queries, dimension).
            n: at least 1; fewer are returned where the scope holds fewer.
        """

    def start_nearest(
        self, scope: Scope, granularity: Granularity, vectors: Vectors, n: int
    ) -> Callable[[], list[list[Neighbor]]]:
        """Begin with what `nearest` does, and return what waits for it, to be called once.

        Stores that wait for something else than this process begin at once, others when it is
        called. What `nearest` raises is raised by either.
        """
        return partial(self.nearest, scope, granularity, vectors, n)

    @abstractmethod
    def scopes(self) -> list[Scope]:
        """Every owner who ever wrote, sorted by name."""

    @abstractmethod
    def revision(self, scope: Scope) -> str:
        """A mark that differs after every write to the scope, by whichever client."""

    def derived_folder(self) -> Path | None:
        """Where what is derived from memories may be kept, to be there when the store is opened.

        None where there is no such place. `compact` empties it.
        """
        return None

    def last_sequence(self, scope: Scope) -> str:
        """Where the history of a scope's writes has come to; for `changes`."""
        return self.revision(scope)

    def changes_since(self, scope: Scope, sequence: str) -> Changes | None:
        """What was written to a scope since a mark; None where that is not known."""
        return None

    def written_between(self, scope: Scope, before: str, after: str) -> Written | None:
        """Whose records were written or deleted between two revisions; None where not known."""
        return None

    def compact(self) -> Compaction:
        """Leave nothing of what was deleted in any file.

        Raises:
            StoreError: the files are not this client's.
        """
        return Compaction(0, 0)

    def check_records(self, scope: Scope) -> list[Fault]:
        """Every record of a scope that is not whole; reads all of them, vectors included."""
        return [
            Fault(g, entry.memory.id, "vector", said)
            for g in Granularity
            for entry in self.get(scope, g, [memory.id for memory in self.scan(scope, g)])
            if (said := vector_fault(entry.vector, self.embedder.dimension))
        ]

    def check_files(self) -> list[str]:
        """What is wrong with the store's files, a sentence each; reads all of them."""
        return []

    @abstractmethod
    def close(self) -> None:
        """Release files, locks and connections; closing twice is allowed."""

    if not TYPE_CHECKING:

        def __init_subclass__(cls, **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)
            for former, name in _RENAMED.items():
                if former in vars(cls) and name not in vars(cls):
                    _warn_renamed(f"{cls.__name__}.{former}", name)
                    setattr(cls, name, vars(cls)[former])

        def __getattr__(self, name: str) -> Any:
            if name not in _RENAMED:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            _warn_renamed(f"MemoryStore.{name}", _RENAMED[name])
            return getattr(self, _RENAMED[name])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

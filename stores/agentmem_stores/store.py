"""The interface between agentmem and a backend that stores memories.

`MemoryStore` has seven abstract methods; the others have defaults that a backend may override to
be faster or to offer more. `agentmem_stores.conformance` tests an implementation.
"""

from __future__ import annotations

import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from agentmem_stores.errors import InvalidInputError, MemoryNotFoundError
from agentmem_stores.locks import ScopeLocks
from agentmem_stores.records import Granularity, Memory, Scope

__all__ = [
    "DEFAULT_EMBEDDER",
    "PAGE_SIZE",
    "Batch",
    "Changes",
    "Compaction",
    "EmbedderSpec",
    "Entry",
    "Fault",
    "MemoryKeys",
    "MemoryStore",
    "Neighbor",
    "Vectors",
    "paginate",
    "require_existing",
    "token_code_bytes",
    "validate_batch",
    "validate_queries",
    "vector_fault",
]

T = TypeVar("T")

Vectors = NDArray[np.float32]

# Granularity and id of several memories of one scope.
MemoryKeys = tuple[tuple[Granularity, str], ...]

# Entries per request where all of a scope is read. 500 vectors of 384 dimensions take 0.8 MB.
PAGE_SIZE = 500

# Embedders return float32 vectors of unit length; sums of 1,024 products stay well within this.
_LENGTH_TOLERANCE = 1e-3


@dataclass(frozen=True)
class EmbedderSpec:
    """The embedder whose vectors a store holds: its name and its number of dimensions."""

    name: str
    dimension: int


# The embedder of the extra `offline`; a new store is made for it if none is given.
DEFAULT_EMBEDDER = EmbedderSpec("sentence-transformers/all-MiniLM-L6-v2", 384)


@dataclass(frozen=True, eq=False)
class Entry:
    """A memory with its embedding.

    Attributes:
        memory: the record.
        vector: float32 of shape (dimension,) and unit length.
        token_codes: sign bits of the contextual token embeddings, `token_code_bytes(dimension)`
            bytes each; empty if the embedder returns no token embeddings.
    """

    memory: Memory
    vector: Vectors
    token_codes: bytes = b""


def token_code_bytes(dimension: int) -> int:
    """Return the bytes of one token code: a bit per dimension, padded to words of 64 bits.

    >>> token_code_bytes(384)
    48
    """
    return -(-dimension // 64) * 8


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A memory near a query vector; `similarity` is the cosine, in [-1, 1]."""

    id: str
    similarity: float


@dataclass(frozen=True)
class Batch:
    """Changes to one scope that are applied together.

    The puts of one granularity are atomic: after a crash all of them are stored or none.
    Granularities are written in the order in which they first appear, patches after puts and
    deletions last, so the caller decides which partial states a crash can leave.

    Attributes:
        scope: the owner of all memories in the batch.
        put: memories to insert, or to replace with their vectors.
        patch: memories to replace except for their texts and vectors, which stay as stored.
        delete: (granularity, id) pairs; unknown ids are ignored.
    """

    scope: Scope
    put: Sequence[Entry] = ()
    patch: Sequence[Memory] = ()
    delete: Sequence[tuple[Granularity, str]] = ()

    def __bool__(self) -> bool:
        return bool(self.put or self.patch or self.delete)


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in a scope since a sequence number.

    Attributes:
        written: granularity and id of what was put or patched and still exists.
        count: the number of memories in the scope, of all granularities.
    """

    written: MemoryKeys
    count: int


@dataclass(frozen=True, slots=True)
class Compaction:
    """The result of compacting a store.

    Attributes:
        before: size of the store's files in bytes; 0 if it has none.
        after: their size now.
        wiped: whether this process overwrites freed memory from now on, so that later writes
            cannot bring deleted content back into the files.
    """

    before: int
    after: int
    wiped: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """A damaged memory.

    Attributes:
        part: what is damaged: `record`, which cannot be read, or `vector`.
        reason: what is wrong with it.
    """

    granularity: Granularity
    id: str
    part: str
    reason: str


def vector_fault(vector: Vectors, dimension: int) -> str:
    """Return what is wrong with a stored vector; an empty string if it is finite, of unit length.

    >>> vector_fault(np.array([0.6, 0.6], dtype=np.float32), 2)
    'has length 0.8485 instead of 1'
    """
    if vector.shape != (dimension,):
        return f"has shape {vector.shape} instead of ({dimension},)"
    if not np.isfinite(vector).all():
        return "is not finite"
    length = float(np.linalg.norm(vector))
    return "" if abs(length - 1) <= _LENGTH_TOLERANCE else f"has length {length:.4g} instead of 1"


# Former names of methods, which still work in this release.
_RENAMED_METHODS = {
    "read": "get",
    "recall": "get_memories",
    "entries": "scan_entries",
    "mark": "last_sequence",
    "changes": "changes_since",
    "between": "written_between",
    "faults": "check_records",
    "damage": "check_files",
    "sharers": "deletion_listeners",
}


class MemoryStore(ABC):
    """Stores memories and their vectors; scopes never see each other's.

    Every method raises `ClosedError` after `close()` and `StoreError` if the backend fails.

    >>> from agentmem_stores import Batch, EmbedderSpec, Entry, InMemoryStore
    >>> from agentmem_stores.conformance import make_memory
    >>> ada, turn = Scope("ada"), Granularity.TURN
    >>> with InMemoryStore(EmbedderSpec("test", 2)) as store:
    ...     memory = make_memory("m1", ada, text="I like tea.")
    ...     revision = store.write(Batch(ada, put=[Entry(memory, np.array([0.6, 0.8]))]))
    ...     store.nearest(ada, turn, np.array([[1.0, 0.0]]), n=1)
    [[Neighbor(id='m1', similarity=0.6000000238418579)]]
    """

    embedder: EmbedderSpec

    @cached_property
    def index_locks(self) -> ScopeLocks:
        """Locks of the derived indexes, one for each scope; see `IndexedStore`.

        They belong to the store, because controllers may share the store object.
        """
        return ScopeLocks()

    @cached_property
    def change_locks(self) -> ScopeLocks:
        """Locks of changes, one for each scope, held from the first read to the last write.

        A thread takes that of a scope before that of its index, never after it.
        """
        return ScopeLocks()

    @cached_property
    def deletion_listeners(self) -> WeakSet[Any]:
        """Objects that cache content of this store and must be notified of deletions."""
        return WeakSet()

    @abstractmethod
    def write(self, batch: Batch) -> str:
        """Apply a batch; when this returns, the changes are durable.

        Returns:
            The revision of the scope after this write, provided that no other client wrote since
            `revision` was last called. Otherwise `revision` returns another one.

        Raises:
            InvalidInputError: a memory belongs to another scope, an id appears twice, a vector
                has the wrong shape, is not finite or is zero, or metadata is not JSON. Nothing
                was written.
            MemoryNotFoundError: a patched memory does not exist. Nothing was written.
        """

    @abstractmethod
    def get(self, scope: Scope, granularity: Granularity, ids: Sequence[str]) -> list[Entry]:
        """Return the entries with these ids, in this order; unknown ids are left out."""

    def get_memories(
        self, scope: Scope, granularity: Granularity, ids: Sequence[str]
    ) -> list[Memory]:
        """Return the same memories as `get`, without reading their vectors."""
        return [entry.memory for entry in self.get(scope, granularity, ids)]

    @abstractmethod
    def scan(self, scope: Scope, granularity: Granularity) -> Iterator[Memory]:
        """Yield every memory of one granularity, in any state and in no particular order."""

    def scan_entries(self, scope: Scope, granularity: Granularity) -> Iterator[Entry]:
        """Yield the same memories as `scan` with their vectors, a page at a time."""
        memories = self.scan(scope, granularity)
        while page := list(islice(memories, PAGE_SIZE)):
            yield from self.get(scope, granularity, [memory.id for memory in page])

    @abstractmethod
    def nearest(
        self, scope: Scope, granularity: Granularity, vectors: Vectors, n: int
    ) -> list[list[Neighbor]]:
        """Return the `n` nearest memories to each row of `vectors`, best first.

        Args:
            scope: whose memories.
            granularity: which of them.
            vectors: float32 of shape (queries, dimension), of any length but zero.
            n: at least 1; a smaller scope returns all it has.

        Raises:
            InvalidInputError: `vectors` has the wrong shape, is not finite or has a zero row, or
                `n` is below 1.
        """

    @abstractmethod
    def scopes(self) -> list[Scope]:
        """Return every scope that was ever written to, sorted by name."""

    @abstractmethod
    def revision(self, scope: Scope) -> str:
        """Return a string that changes with every write to the scope, by any client."""

    def derived_folder(self) -> Path | None:
        """Return the folder for files derived from memories, such as indexes; None without one.

        `compact` empties it.
        """
        return None

    def last_sequence(self, scope: Scope) -> str:
        """Return the sequence number of the last write to a scope, for `changes_since`."""
        return self.revision(scope)

    def changes_since(self, scope: Scope, sequence: str) -> Changes | None:
        """Return what changed in a scope after a sequence number; None if that is unknown."""
        return None

    def written_between(self, scope: Scope, before: str, after: str) -> MemoryKeys | None:
        """Return what was written or deleted between two revisions; None if that is unknown."""
        return None

    def compact(self) -> Compaction:
        """Remove deleted content from all files.

        Raises:
            StoreError: the files belong to a server.
        """
        return Compaction(0, 0)

    def check_records(self, scope: Scope) -> list[Fault]:
        """Return the damaged memories of a scope; reads all of them with their vectors."""
        return [
            Fault(granularity, entry.memory.id, "vector", reason)
            for granularity in Granularity
            for entry in self.scan_entries(scope, granularity)
            if (reason := vector_fault(entry.vector, self.embedder.dimension))
        ]

    def check_files(self) -> list[str]:
        """Return what is wrong with the store's files, one sentence each; reads all of them."""
        return []

    @abstractmethod
    def close(self) -> None:
        """Release files, locks and connections; closing twice is allowed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    if not TYPE_CHECKING:

        def __init_subclass__(cls, **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)
            for former, name in _RENAMED_METHODS.items():
                if former in vars(cls) and name not in vars(cls):
                    _warn_renamed(f"{cls.__name__}.{former}", name)
                    setattr(cls, name, vars(cls)[former])

        def __getattr__(self, name: str) -> Any:
            if name not in _RENAMED_METHODS:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            _warn_renamed(f"MemoryStore.{name}", _RENAMED_METHODS[name])
            return getattr(self, _RENAMED_METHODS[name])


def _warn_renamed(former: str, name: str) -> None:
    warnings.warn(f"{former} is now {name}", DeprecationWarning, stacklevel=3)


def paginate(items: Sequence[T], size: int = PAGE_SIZE) -> Iterator[Sequence[T]]:
    """Yield slices of at most `size` items.

    >>> [list(page) for page in paginate("abcde", 2)]
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    for start in range(0, len(items), size):
        yield items[start : start + size]


def validate_batch(batch: Batch, embedder: EmbedderSpec) -> None:
    """Check everything in a batch that can be checked without reading the store.

    Raises:
        InvalidInputError: see `MemoryStore.write`.
    """
    written: set[str] = set()
    for memory in chain(map(attrgetter("memory"), batch.put), batch.patch):
        if memory.scope != batch.scope:
            raise InvalidInputError(
                f"memory {memory.id!r} belongs to {memory.scope}, the batch to {batch.scope}; "
                "write a batch for each scope"
            )
        if memory.id in written:
            raise InvalidInputError(f"id {memory.id!r} appears twice in the batch")
        written.add(memory.id)
        if memory.metadata and not _survives_json(memory.metadata):
            raise InvalidInputError(
                f"metadata of {memory.id!r} is not JSON; use only strings, finite numbers, "
                "booleans, None, lists and dicts with string keys"
            )
    for _, memory_id in batch.delete:
        if memory_id in written:
            raise InvalidInputError(f"id {memory_id!r} is both written and deleted in the batch")
    for entry in batch.put:
        _validate_entry(entry, embedder.dimension)


def validate_queries(vectors: Vectors, n: int, embedder: EmbedderSpec) -> Vectors:
    """Return query vectors as contiguous float32.

    Raises:
        InvalidInputError: see `MemoryStore.nearest`.
    """
    if n < 1:
        raise InvalidInputError(f"n must be >= 1, not {n}")
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    rows = len(vectors) if vectors.ndim else 0
    _validate_vectors(vectors, (rows, embedder.dimension), "query vectors")
    return vectors


def require_existing(patch: Sequence[Memory], existing: Collection[tuple[str, str]]) -> None:
    """Check that every patched memory is among the existing (granularity, id) pairs.

    Raises:
        MemoryNotFoundError: one is not.
    """
    for memory in patch:
        if (memory.granularity, memory.id) not in existing:
            raise MemoryNotFoundError(
                f"{memory.scope} has no {memory.granularity} {memory.id!r} to patch; "
                "put it with its vector instead"
            )


def _validate_entry(entry: Entry, dimension: int) -> None:
    _validate_vectors(entry.vector, (dimension,), f"vector of {entry.memory.id!r}")
    if entry.token_codes and len(entry.token_codes) % token_code_bytes(dimension):
        raise InvalidInputError(
            f"token codes of {entry.memory.id!r} have {len(entry.token_codes)} bytes, which is not "
            f"a multiple of {token_code_bytes(dimension)}; embed with the store's own embedder"
        )


def _survives_json(metadata: Any) -> bool:
    # Comparing finds what JSON changes without an error: tuples, and keys that are not strings.
    try:
        return bool(json.loads(json.dumps(dict(metadata), allow_nan=False)) == metadata)
    except (TypeError, ValueError, RecursionError):
        return False


def _validate_vectors(vectors: Vectors, shape: tuple[int, ...], name: str) -> None:
    if np.shape(vectors) != shape:
        raise InvalidInputError(
            f"{name} must have shape {shape}, not {np.shape(vectors)}; "
            "embed with the store's own embedder"
        )
    if not np.isfinite(vectors).all():
        raise InvalidInputError(f"{name} must be finite; check the embedder")
    if not np.any(vectors, axis=-1).all():
        raise InvalidInputError(f"{name} must not be zero; check the embedder")

"""Exact nearest-neighbor search: over the vectors of one scope, and a cache of such scopes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import RLock

import numpy as np

from agentmem_stores.records import Granularity, Scope
from agentmem_stores.store import Batch, Neighbor, Vectors

__all__ = ["CACHED_VECTORS", "EXACT_LIMIT", "ExactCache", "ExactIndex", "Key", "dot_products"]

# Memories of one scope and granularity up to which a search compares all vectors: 0.08 ms for one
# query (see `dot_products`), and exact, which Chroma's index is not.
EXACT_LIMIT = 2048
# 48 MB at 384 dimensions.
CACHED_VECTORS = 32768
# Rows compared at a time: they stay in the processor's cache while all queries pass over them.
_BLOCK = 256


class ExactIndex:
    """Vectors in one array, compared one by one with a query.

    Args:
        ids: one per row.
        vectors: float32 of shape (ids, dimension), without zero rows.

    >>> index = ExactIndex(["a", "b"], np.eye(2, dtype=np.float32))
    >>> index.nearest(np.array([[0.0, 2.0]], dtype=np.float32), n=1)
    [[Neighbor(id='b', similarity=1.0)]]
    """

    def __init__(self, ids: Sequence[str], vectors: Vectors) -> None:
        self._ids = list(ids)
        self._row_of = {memory_id: row for row, memory_id in enumerate(self._ids)}
        # Rows of unit length, and spare rows after them.
        self._units = _normalize(vectors)

    def __len__(self) -> int:
        return len(self._ids)

    def put(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Insert vectors, or replace those of known ids."""
        rows = []
        for memory_id in ids:
            row = self._row_of.setdefault(memory_id, len(self._ids))
            if row == len(self._ids):
                self._ids.append(memory_id)
            rows.append(row)
        if len(self._ids) > len(self._units):
            # Double the capacity, so that inserting one by one does not copy all rows each time.
            grown = np.zeros((2 * len(self._ids), vectors.shape[1]), dtype=np.float32)
            grown[: len(self._units)] = self._units
            self._units = grown
        self._units[rows] = _normalize(vectors)

    def delete(self, ids: Iterable[str]) -> None:
        """Delete vectors; the last row moves into each gap."""
        for memory_id in ids:
            row = self._row_of.pop(memory_id, None)
            if row is None:
                continue
            last = self._ids.pop()
            if last != memory_id:
                self._ids[row] = last
                self._row_of[last] = row
                self._units[row] = self._units[len(self._ids)]
            # Deleted content must not survive in memory, from where it could reach a file.
            self._units[len(self._ids)] = 0.0

    def nearest(self, vectors: Vectors, n: int) -> list[list[Neighbor]]:
        """Return up to `n` neighbors of each row of `vectors`, best first, ties sorted by id."""
        size = len(self._ids)
        if not size:
            return [[] for _ in vectors]
        units = self._units[:size]
        similarities = np.clip(dot_products(_normalize(vectors), units), -1.0, 1.0)
        if n < size:
            best = np.argpartition(-similarities, n - 1, axis=1)[:, :n]
        else:
            best = np.broadcast_to(np.arange(size), similarities.shape)
        neighbors = []
        for row, columns in zip(similarities, best, strict=True):
            ids = map(self._ids.__getitem__, columns.tolist())
            ranked = sorted(zip((-row[columns]).tolist(), ids, strict=True))
            neighbors.append([Neighbor(memory_id, -distance) for distance, memory_id in ranked])
        return neighbors


Key = tuple[Scope, Granularity]


@dataclass
class _Cached:
    vectors: ExactIndex
    revision: str
    # Held while the vectors are compared or changed, so that scopes do not wait for each other.
    lock: RLock = field(default_factory=RLock)


class ExactCache:
    """The vectors of the scopes that were searched last, each as of a revision of its store.

    Threads may share it.

    Args:
        limit: the most vectors of one scope and granularity; larger ones are not cached.
        capacity: the most vectors of all scopes together; the least recently used go first.
    """

    def __init__(self, limit: int = EXACT_LIMIT, capacity: int = CACHED_VECTORS) -> None:
        self.limit = limit
        self._capacity = capacity
        self._cached: OrderedDict[Key, _Cached] = OrderedDict()
        self._lock = RLock()

    def __contains__(self, key: Key) -> bool:
        with self._lock:
            return key in self._cached

    def nearest(
        self, key: Key, revision: str, vectors: Vectors, n: int
    ) -> list[list[Neighbor]] | None:
        """Return neighbors as `ExactIndex.nearest` does; None if not cached as of `revision`."""
        with self._lock:
            cached = self._cached.get(key)
            if cached is None:
                return None
            self._cached.move_to_end(key)
        with cached.lock:
            if cached.revision != revision:
                return None
            return cached.vectors.nearest(vectors, n)

    def revision(self, key: Key) -> str | None:
        """Return the revision that the cached vectors are of, or None if none are cached."""
        with self._lock:
            cached = self._cached.get(key)
        return None if cached is None else cached.revision

    def put(self, key: Key, vectors: ExactIndex, revision: str) -> None:
        """Cache the vectors of a scope from now on; only the cache may change them."""
        with self._lock:
            self._cached[key] = _Cached(vectors, revision)
            self._cached.move_to_end(key)
            # One more for each scope, so that empty ones count too.
            while sum(len(c.vectors) + 1 for c in self._cached.values()) > self._capacity:
                self._cached.popitem(last=False)

    def update(self, batch: Batch, before: str, after: str) -> None:
        """Apply a write, which led from one revision to another."""
        for granularity in Granularity:
            key = (batch.scope, granularity)
            if key not in self._cached:
                continue
            put = [e for e in batch.put if e.memory.granularity is granularity]
            self.advance(
                key,
                before,
                after,
                ids=[e.memory.id for e in put],
                vectors=np.array([e.vector for e in put], dtype=np.float32),
                delete=[i for g, i in batch.delete if g is granularity],
            )

    def advance(
        self,
        key: Key,
        before: str,
        after: str,
        *,
        ids: Sequence[str],
        vectors: Vectors,
        delete: Iterable[str],
    ) -> None:
        """Apply a change to cached vectors, which are dropped if they are not as of `before`.

        Args:
            ids, vectors: what was written, shape (ids, dimension).
        """
        with self._lock:
            cached = self._cached.get(key)
        if cached is None:
            return
        with cached.lock:
            is_current = cached.revision == before
            if is_current:
                if ids:
                    cached.vectors.put(ids, vectors)
                cached.vectors.delete(delete)
                cached.revision = after
            if not is_current or len(cached.vectors) > self.limit:
                with self._lock:
                    self._cached.pop(key, None)

    def forget(self, scope: Scope) -> None:
        """Drop the vectors of a scope."""
        with self._lock:
            for granularity in Granularity:
                self._cached.pop((scope, granularity), None)


def dot_products(queries: Vectors, vectors: Vectors) -> Vectors:
    """Return the dot product of each query with each vector, shape (queries, vectors).

    Equal to `queries @ vectors.T`, row by row and in the calling thread. A matrix product of this
    size starts the threads of BLAS, which then spin on the cores that Chroma and the embedder need:
    on two busy cores, one query and 2,048 vectors of 384 components took 15 ms instead of 0.08.

    Args:
        queries: float32 of shape (queries, dimension).
        vectors: float32 of shape (vectors, dimension).
    """
    products = np.empty((len(queries), len(vectors)), dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK):
        part = slice(start, start + _BLOCK)
        np.vecdot(queries[:, np.newaxis], vectors[np.newaxis, part], out=products[:, part])
    return products


def _normalize(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / lengths

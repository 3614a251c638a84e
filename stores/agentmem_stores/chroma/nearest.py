"""Nearest-neighbor search over the vectors of one scope in a collection of several.

Chroma's index (HNSW) takes the same time whatever its size, but it is approximate and searches
all scopes. It may never reach some of many near-identical vectors, deletions and replacements
make that worse (https://github.com/chroma-core/chroma/issues/7758), and a filter takes time
linear in the collection. Therefore:

- A scope of up to `exact_limit` memories is searched exactly. Its vectors are cached here, so no
  other scope in the collection changes its results, not even by rounding.
- A larger scope is searched with the index, for more neighbors than needed if other scopes share
  the collection, and exactly only if the index does not return enough.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem_stores.chroma.rows import SCOPE, memory_id
from agentmem_stores.exact import ExactIndex
from agentmem_stores.records import Granularity, Scope
from agentmem_stores.store import Batch, Neighbor, Vectors

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

    from agentmem_stores.chroma.registry import Registry

__all__ = ["CACHED_VECTORS", "EXACT_LIMIT", "NearestNeighbors"]

EXACT_LIMIT = 2048
# 48 MB at 384 dimensions.
CACHED_VECTORS = 32768
# How often the index is asked for more before the scope is searched exactly.
MAX_ROUNDS = 3

Key = tuple[Scope, Granularity]


@dataclass
class _CachedIndex:
    vectors: ExactIndex
    revision: str
    # Held while the vectors are compared or changed, so that scopes do not wait for each other.
    lock: RLock = field(default_factory=RLock)


class NearestNeighbors:
    """Searches scopes, exactly or with Chroma's index.

    Args:
        registry: provides the revisions by which cached vectors are known to be current.
        count: returns how many memories of a scope a collection has, if that is cheap.
        exact_limit: the largest scope that is searched exactly.
        cached_vectors: vectors to cache of all scopes together; the least recently used go first.
    """

    def __init__(
        self,
        registry: Registry,
        count: Callable[[Scope, str], int] | None = None,
        *,
        exact_limit: int = EXACT_LIMIT,
        cached_vectors: int = CACHED_VECTORS,
    ) -> None:
        self._registry = registry
        self._count = count
        self._exact_limit = exact_limit
        self._cached_vectors = cached_vectors
        self._cache: OrderedDict[Key, _CachedIndex] = OrderedDict()
        # Scopes above `exact_limit`, and how many neighbors to request per neighbor needed.
        self._oversampling: dict[Key, float] = {}
        self._lock = RLock()

    def search(
        self, collection: Collection, key: Key, vectors: Vectors, n: int
    ) -> list[list[Neighbor]]:
        """Return up to `n` neighbors of each row of `vectors`, best first."""
        with self._lock:
            cached = self._cache.get(key)
            if cached is not None:
                self._cache.move_to_end(key)
        if cached is not None:
            with cached.lock:
                revision = self._registry.peek_revision(key[0])
                if cached.revision == revision or self._follow(collection, key, cached, revision):
                    return cached.vectors.nearest(vectors, n)
        cached = self._load(collection, key, vectors.shape[1])
        if cached is None:
            return self._query(collection, key, vectors, n)
        with cached.lock:
            return cached.vectors.nearest(vectors, n)

    def is_cached(self, scope: Scope, granularity: Granularity) -> bool:
        """Return whether a scope can be searched without a request to Chroma."""
        with self._lock:
            return (scope, granularity) in self._cache

    def update(self, batch: Batch, before: str, after: str) -> None:
        """Apply a write, which led from one revision to another, to cached vectors."""
        for granularity in Granularity:
            key = (batch.scope, granularity)
            with self._lock:
                cached = self._cache.get(key)
            if cached is None:
                continue
            with cached.lock:
                if cached.revision != before:
                    self._drop(key)
                    continue
                put = [e for e in batch.put if e.memory.granularity is granularity]
                if put:
                    vectors = np.array([e.vector for e in put], dtype=np.float32)
                    cached.vectors.put([e.memory.id for e in put], vectors)
                if batch.delete:
                    cached.vectors.delete([i for g, i in batch.delete if g is granularity])
                cached.revision = after
                if len(cached.vectors) > self._exact_limit:
                    self._drop(key)

    def _drop(self, key: Key) -> None:
        with self._lock:
            self._cache.pop(key, None)

    def forget(self, scope: Scope) -> None:
        """Drop the cached vectors of a scope."""
        with self._lock:
            for granularity in Granularity:
                self._cache.pop((scope, granularity), None)

    def _follow(
        self, collection: Collection, key: Key, cached: _CachedIndex, revision: str
    ) -> bool:
        """Read what other clients wrote; return False if that is unknown."""
        scope, wanted = key
        written = self._registry.written_between(scope, cached.revision, revision)
        if written is None:
            return False
        ids = [i for granularity, i in written if granularity is wanted]
        if ids:
            rows = [f"{scope.key}/{i}" for i in ids]
            page: Any = collection.get(ids=rows, include=["embeddings"])
            existing = list(map(memory_id, page["ids"]))
            if existing:
                cached.vectors.put(existing, np.asarray(page["embeddings"], dtype=np.float32))
            cached.vectors.delete(set(ids) - set(existing))
        cached.revision = revision
        if len(cached.vectors) > self._exact_limit:
            self._drop(key)
            return False
        return True

    def _load(self, collection: Collection, key: Key, dimension: int) -> _CachedIndex | None:
        """Read and cache the vectors of a scope; return None if there are too many."""
        scope = key[0]
        count = self._count if key not in self._oversampling else None
        if count is not None and count(scope, collection.name) > self._exact_limit:
            self._oversampling[key] = 1.0
        if key in self._oversampling:
            return None
        # Read before the vectors, so that a concurrent write makes them stale and not wrong.
        revision = self._registry.peek_revision(scope)
        exact = _read_vectors(collection, scope, dimension, limit=self._exact_limit + 1)
        if len(exact) > self._exact_limit:
            self._oversampling[key] = 1.0
            return None
        cached = _CachedIndex(exact, revision)
        with self._lock:
            self._cache[key] = cached
            self._cache.move_to_end(key)
            # One more for each scope, so that empty ones count too.
            while sum(len(c.vectors) + 1 for c in self._cache.values()) > self._cached_vectors:
                self._cache.popitem(last=False)
        return cached

    def _query(
        self, collection: Collection, key: Key, vectors: Vectors, n: int
    ) -> list[list[Neighbor]]:
        for _ in range(MAX_ROUNDS):
            requested = int(n * self._oversampling.get(key, 1.0))
            neighbors = _query_index(collection, key[0], vectors, requested, n)
            fewest = min(map(len, neighbors))
            if fewest >= n:
                return neighbors
            if requested >= collection.count():
                break
            growth = min(10.0, max(1.5, 1.5 * n / max(1, fewest)))
            self._oversampling[key] = self._oversampling.get(key, 1.0) * growth
        exact = _read_vectors(collection, key[0], vectors.shape[1])
        if len(exact) <= self._exact_limit:
            # The scope has shrunk; the next search caches its vectors.
            self._oversampling.pop(key, None)
        return exact.nearest(vectors, n)


def _query_index(
    collection: Collection, scope: Scope, vectors: Vectors, requested: int, n: int
) -> list[list[Neighbor]]:
    page: Any = collection.query(
        query_embeddings=vectors, n_results=requested, include=["distances"]
    )
    prefix = f"{scope.key}/"
    neighbors = []
    for rows, distances in zip(page["ids"], page["distances"], strict=True):
        similarities = np.clip(1.0 - np.asarray(distances, dtype=np.float64), -1.0, 1.0).tolist()
        pairs = zip(rows, similarities, strict=True)
        own = islice((pair for pair in pairs if pair[0].startswith(prefix)), n)
        neighbors.append([Neighbor(memory_id(row), similarity) for row, similarity in own])
    return neighbors


def _read_vectors(
    collection: Collection, scope: Scope, dimension: int, *, limit: int | None = None
) -> ExactIndex:
    page: Any = collection.get(where={SCOPE: scope.key}, limit=limit, include=["embeddings"])
    vectors = np.asarray(page["embeddings"], dtype=np.float32)
    ids = list(map(memory_id, page["ids"]))
    return ExactIndex(ids, vectors.reshape(len(ids), dimension))

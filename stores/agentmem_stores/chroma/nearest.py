"""Nearest-neighbor search over the vectors of one scope in a collection of several.

Chroma's index (HNSW) takes the same time whatever its size, but it is approximate and searches
all scopes. It may never reach some of many near-identical vectors, deletions and replacements
make that worse (https://github.com/chroma-core/chroma/issues/7758), and a filter takes time
linear in the collection. Therefore:

- A scope of up to `ExactCache.limit` memories is searched exactly, and its vectors are cached
  (`agentmem_stores.exact`), so no other scope in the collection changes its results, not even by
  rounding. `ChromaStore` asks the cache first.
- A larger scope is searched with the index, for more neighbors than needed if other scopes share
  the collection, and exactly only if the index does not return enough.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem_stores.chroma.rows import SCOPE, memory_id
from agentmem_stores.exact import ExactCache, ExactIndex, Key
from agentmem_stores.records import Scope
from agentmem_stores.store import Neighbor, Vectors

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

    from agentmem_stores.chroma.registry import Registry

__all__ = ["NearestNeighbors"]

# How often the index is asked for more before the scope is searched exactly.
MAX_ROUNDS = 3


class NearestNeighbors:
    """Searches scopes that the cache does not have, exactly or with Chroma's index.

    Args:
        registry: provides the revisions by which cached vectors are known to be current.
        cache: of the vectors of small scopes; what is read here is put there.
        count: returns how many memories of a scope a collection has, if that is cheap.
    """

    def __init__(
        self,
        registry: Registry,
        cache: ExactCache,
        count: Callable[[Scope, str], int] | None = None,
    ) -> None:
        self._registry = registry
        self._cache = cache
        self._count = count
        # Scopes above `cache.limit`, and how many neighbors to request per neighbor needed.
        self._oversampling: dict[Key, float] = {}

    def search(
        self, collection: Collection, key: Key, vectors: Vectors, n: int
    ) -> list[list[Neighbor]]:
        """Return up to `n` neighbors of each row of `vectors`, best first."""
        if self._is_large(collection, key):
            return self._query(collection, key, vectors, n)
        scope, limit = key[0], self._cache.limit
        # Read before the vectors, so that a concurrent write makes them stale and not wrong.
        revision = self._registry.peek_revision(scope)
        exact = _read_vectors(collection, scope, vectors.shape[1], limit=limit + 1)
        if len(exact) > limit:
            self._oversampling[key] = 1.0
            return self._query(collection, key, vectors, n)
        # Compared before the cache has them, and other threads change them.
        neighbors = exact.nearest(vectors, n)
        self._cache.put(key, exact, revision)
        return neighbors

    def search_changed(
        self, collection: Collection, key: Key, vectors: Vectors, n: int, revision: str
    ) -> list[list[Neighbor]]:
        """Search as `search` does, where the cached vectors are of another revision."""
        self._follow(collection, key, revision)
        neighbors = self._cache.nearest(key, revision, vectors, n)
        return self.search(collection, key, vectors, n) if neighbors is None else neighbors

    def _is_large(self, collection: Collection, key: Key) -> bool:
        """Return whether a scope is known to be too large to compare all of its vectors."""
        if key not in self._oversampling:
            if self._count is None or self._count(key[0], collection.name) <= self._cache.limit:
                return False
            self._oversampling[key] = 1.0
        return True

    def _follow(self, collection: Collection, key: Key, revision: str) -> None:
        """Apply what other clients wrote to cached vectors, where that is known."""
        (scope, wanted), before = key, self._cache.revision(key)
        if before is None:
            return
        written = self._registry.written_between(scope, before, revision)
        if written is None:
            return
        ids = [i for granularity, i in written if granularity is wanted]
        existing: list[str] = []
        vectors = np.empty((0, 0), dtype=np.float32)
        if ids:
            rows = [f"{scope.key}/{i}" for i in ids]
            page: Any = collection.get(ids=rows, include=["embeddings"])
            existing = list(map(memory_id, page["ids"]))
            vectors = np.asarray(page["embeddings"], dtype=np.float32)
        delete = set(ids) - set(existing)
        self._cache.advance(key, before, revision, ids=existing, vectors=vectors, delete=delete)

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
        if len(exact) <= self._cache.limit:
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

"""Nearest neighbours of one scope in a collection that it may share with others.

Chroma's index (HNSW) answers in the same time however much it holds, but only approximately,
and only over everything: of many near-identical vectors it may never reach some, deletions and
replacements make that worse (https://github.com/chroma-core/chroma/issues/7758), and a filter
costs time linear in the collection. So

- a scope of up to `EXACT` memories is compared with all of its vectors, which are kept here, so
  that whatever else is in the collection changes nothing of what is found, not even a digit;
- a larger one asks the index, for more than it needs where others share the collection, and is
  compared with all of its vectors only where the index does not give enough.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem_stores.chroma.codec import SCOPE, memory_id, row_id
from agentmem_stores.exact import Matrix
from agentmem_stores.records import Granularity, Scope
from agentmem_stores.store import Batch, Neighbor, Vectors

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

    from agentmem_stores.chroma.registry import Registry

__all__ = ["Nearest"]

EXACT = 2048
# In all scopes together: 48 MB at 384 dimensions. Those used last stay.
KEPT = 32768
ROUNDS = 3

Found = list[list[Neighbor]]
Key = tuple[Scope, Granularity]
Count = Callable[[Scope, str], int]


@dataclass
class _Kept:
    matrix: Matrix
    revision: str


class Nearest:
    """Searches collections.

    Args:
        registry: tells whether a scope's vectors, as they are kept here, are still current.
        count: tells how many memories of a scope are in a collection, where that is quick.
    """

    def __init__(self, registry: Registry, count: Count | None = None) -> None:
        self._registry = registry
        self._count = count
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        # Scopes of more than EXACT memories, and how many to ask the index for per one needed.
        self._large: dict[Key, float] = {}
        self._lock = RLock()

    def search(self, collection: Collection, key: Key, vectors: Vectors, n: int) -> Found:
        """Return up to `n` neighbours of each row of `vectors`, best first."""
        matrix = self._current(collection, key)
        if matrix is None:
            matrix = self._load(collection, key, vectors.shape[1])
        if matrix is None:
            return self._ask(collection, key, vectors, n)
        with self._lock:
            return matrix.nearest(vectors, n)

    def keeps(self, key: Key) -> bool:
        """Whether a scope's vectors are kept here, so that Chroma need not be asked."""
        with self._lock:
            return key in self._kept

    def written(self, batch: Batch, before: str, after: str) -> None:
        """Follow a write that led from one revision to the next."""
        with self._lock:
            for granularity in Granularity:
                key = (batch.scope, granularity)
                kept = self._kept.get(key)
                if kept is None:
                    continue
                if kept.revision != before:
                    del self._kept[key]
                    continue
                _apply(kept.matrix, batch, granularity)
                kept.revision = after
                if len(kept.matrix) > EXACT:
                    del self._kept[key]

    def forget(self, scope: Scope) -> None:
        """Drop what is kept of a scope."""
        with self._lock:
            for granularity in Granularity:
                self._kept.pop((scope, granularity), None)

    def _current(self, collection: Collection, key: Key) -> Matrix | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            now = self._registry.current(key[0])
            if kept.revision != now and not self._follow(collection, key, kept, now):
                return None
            self._kept.move_to_end(key)
            return kept.matrix

    def _follow(self, collection: Collection, key: Key, kept: _Kept, now: str) -> bool:
        """Read what other clients have written since a revision, if that is known."""
        written = self._registry.between(key[0], kept.revision, now)
        if written is None:
            return False
        ids = [name for granularity, name in written if granularity is key[1]]
        if ids:
            rows = [row_id(key[0], name) for name in ids]
            page: Any = collection.get(ids=rows, include=["embeddings"])
            found = [memory_id(row) for row in page["ids"]]
            if found:
                kept.matrix.put(found, np.asarray(page["embeddings"], dtype=np.float32))
            kept.matrix.delete(set(ids) - set(found))
        kept.revision = now
        if len(kept.matrix) > EXACT:
            del self._kept[key]
        return key in self._kept

    def _load(self, collection: Collection, key: Key, dimension: int) -> Matrix | None:
        """Read a scope's vectors and keep them; None when they are too many."""
        if key not in self._large and self._count is not None:
            held = self._count(key[0], collection.name)
            self._large |= {key: 1.0} if held > EXACT else {}
        if key in self._large:
            return None
        # Asked for before reading, so that a write meanwhile makes them stale, not wrong.
        revision = self._registry.current(key[0])
        matrix = _matrix(collection, key[0], dimension, limit=EXACT + 1)
        if len(matrix) > EXACT:
            self._large[key] = 1.0
            return None
        with self._lock:
            self._kept[key] = _Kept(matrix, revision)
            self._kept.move_to_end(key)
            # One more for each, so that empty ones do not pile up.
            while sum(len(kept.matrix) + 1 for kept in self._kept.values()) > KEPT:
                self._kept.popitem(last=False)
        return matrix

    def _ask(self, collection: Collection, key: Key, vectors: Vectors, n: int) -> Found:
        for _ in range(ROUNDS):
            asked = int(n * self._large.get(key, 1.0))
            found = _query(collection, key[0], vectors, asked, n)
            if _fewest(found) >= n:
                return found
            if asked >= collection.count():
                break
            growth = 1.5 * n / max(1, _fewest(found))
            self._large[key] = self._large.get(key, 1.0) * min(10.0, max(1.5, growth))
        matrix = _matrix(collection, key[0], vectors.shape[1])
        if len(matrix) <= EXACT:
            # It was large once; from now on it is compared.
            self._large.pop(key, None)
        return matrix.nearest(vectors, n)


def _apply(matrix: Matrix, batch: Batch, granularity: Granularity) -> None:
    put = [entry for entry in batch.put if entry.memory.granularity is granularity]
    if put:
        matrix.put([e.memory.id for e in put], np.array([e.vector for e in put], np.float32))
    matrix.delete(i for g, i in batch.delete if g is granularity)


def _fewest(found: Found) -> int:
    return min(len(row) for row in found)


def _query(collection: Collection, scope: Scope, vectors: Vectors, asked: int, n: int) -> Found:
    answer: Any = collection.query(query_embeddings=vectors, n_results=asked, include=["distances"])
    own = f"{scope.key}/"
    found = []
    for rows, distances in zip(answer["ids"], answer["distances"], strict=True):
        similarities = np.clip(1.0 - np.asarray(distances, dtype=np.float64), -1.0, 1.0).tolist()
        pairs = zip(rows, similarities, strict=True)
        mine = islice((pair for pair in pairs if pair[0].startswith(own)), n)
        found.append([Neighbor(memory_id(row), similarity) for row, similarity in mine])
    return found


def _matrix(
    collection: Collection, scope: Scope, dimension: int, *, limit: int | None = None
) -> Matrix:
    page: Any = collection.get(where={SCOPE: scope.key}, limit=limit, include=["embeddings"])
    vectors = np.asarray(page["embeddings"], dtype=np.float32)
    ids = [memory_id(row) for row in page["ids"]]
    return Matrix(ids, vectors.reshape(len(ids), dimension))

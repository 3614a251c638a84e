"""The cache of scopes that are searched exactly."""

from __future__ import annotations

import numpy as np

from agentmem_stores import Batch, Entry, Granularity, Scope
from agentmem_stores.conformance import make_memory
from agentmem_stores.exact import ExactCache, ExactIndex

KEY = (Scope("ada"), Granularity.TURN)
UNITS = np.eye(4, dtype=np.float32)


def cache_of(n: int, *, limit: int = 4) -> ExactCache:
    """Return a cache with the first vectors of a scope, as of revision "1"."""
    cache = ExactCache(limit, capacity=100)
    cache.put(KEY, ExactIndex([f"m{i}" for i in range(n)], UNITS[:n]), "1")
    return cache


def nearest(cache: ExactCache, revision: str) -> str | None:
    """Return which memory the cache finds for the last vector."""
    neighbors = cache.nearest(KEY, revision, UNITS[3:], 1)
    return None if neighbors is None else neighbors[0][0].id


def put(i: int) -> Batch:
    return Batch(KEY[0], put=[Entry(make_memory(f"m{i}", KEY[0]), UNITS[i])])


def test_a_write_moves_cached_vectors_to_the_next_revision() -> None:
    cache = cache_of(2)
    cache.update(put(3), "1", "2")
    assert nearest(cache, "2") == "m3"
    cache.update(Batch(KEY[0], delete=[(Granularity.TURN, "m3")]), "2", "3")
    assert nearest(cache, "3") != "m3"


def test_vectors_of_another_revision_are_not_compared() -> None:
    assert nearest(cache_of(2), "2") is None


def test_vectors_that_missed_a_write_are_dropped() -> None:
    cache = cache_of(2)
    cache.update(put(3), "2", "3")
    assert KEY not in cache


def test_a_scope_that_grows_beyond_the_limit_is_dropped() -> None:
    cache = cache_of(2, limit=2)
    cache.update(put(3), "1", "2")
    assert KEY not in cache

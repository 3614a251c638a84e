"""Exact and approximate search of one scope among others in a collection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromadb.api.models.Collection import Collection

from agentmem_stores import Batch, ChromaStore, EmbedderSpec, Entry, Granularity, Scope, Vectors
from agentmem_stores.conformance import make_memory, unit_vectors

TURN = Granularity.TURN
OWNERS = [Scope(f"owner {i}") for i in range(12)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChromaStore]:
    with ChromaStore.open(tmp_path, EmbedderSpec("test", 16), partitions=1) as store:
        yield store


@pytest.fixture
def approximate_store(tmp_path: Path) -> Iterator[ChromaStore]:
    """Searches scopes of more than 10 memories with Chroma's index."""
    spec = EmbedderSpec("test", 16)
    with ChromaStore.open(tmp_path, spec, partitions=1, exact_limit=10) as store:
        yield store


def fill(store: ChromaStore, sizes: list[int]) -> dict[Scope, Vectors]:
    vectors = {}
    for seed, (owner, size) in enumerate(zip(OWNERS, sizes, strict=False)):
        vectors[owner] = unit_vectors(store, size, seed=seed)
        put = [Entry(make_memory(f"m{i}", owner), v) for i, v in enumerate(vectors[owner])]
        store.write(Batch(owner, put=put))
    return vectors


def check(store: ChromaStore, expected: dict[Scope, Vectors], n: int, *, missed: int = 0) -> None:
    """Compare the neighbors with those of an exact search.

    Args:
        missed: how many of the best Chroma's index may miss. Several threads build it, and now
            and then no search can reach a vector.
    """
    queries = unit_vectors(store, 3, seed=99)
    for owner, vectors in expected.items():
        for query, neighbors in zip(queries, store.nearest(owner, TURN, queries, n), strict=True):
            similarities = vectors @ query
            order = np.argsort(-similarities).tolist()
            places = [order.index(int(hit.id[1:])) for hit in neighbors]
            assert places == sorted(set(places))
            assert min(n, len(order)) == len(places)
            assert places[-1] < len(places) + missed
            np.testing.assert_allclose(
                [hit.similarity for hit in neighbors],
                [similarities[order[place]] for place in places],
                atol=1e-5,
            )


SIZES = [1, 2, 5, 8, 9, 10, 11, 12, 30, 60, 150, 3]


@pytest.mark.parametrize("n", [1, 7, 40, 500])
def test_many_scopes_in_one_collection(store: ChromaStore, n: int) -> None:
    check(store, fill(store, SIZES), n)


@pytest.mark.parametrize("n", [1, 7, 40, 500])
def test_large_scopes_use_the_index(approximate_store: ChromaStore, n: int) -> None:
    vectors = fill(approximate_store, SIZES)
    for _ in range(2):  # The second time with the oversampling of the first.
        check(approximate_store, vectors, n, missed=1)


def test_scope_grows_and_shrinks_across_the_limit(approximate_store: ChromaStore) -> None:
    store = approximate_store
    vectors = fill(store, [8, 30])
    check(store, vectors, 5, missed=1)
    owner = OWNERS[0]
    more = unit_vectors(store, 20, seed=50)
    put = [Entry(make_memory(f"m{8 + i}", owner), v) for i, v in enumerate(more)]
    store.write(Batch(owner, put=put))
    vectors[owner] = np.concatenate([vectors[owner], more])
    check(store, vectors, 20, missed=1)
    store.write(Batch(owner, delete=[(TURN, f"m{i}") for i in range(5, 28)]))
    vectors[owner] = vectors[owner][:5]
    for _ in range(2):
        check(store, vectors, 20, missed=1)


def test_no_near_duplicate_is_lost(approximate_store: ChromaStore) -> None:
    """The index loses near-identical vectors after replacements and deletions."""
    store = approximate_store
    owner, size = OWNERS[0], 300
    alike = unit_vectors(store, 3)[np.arange(size) % 3] + 0.01 * unit_vectors(store, size, seed=1)
    put = [Entry(make_memory(f"m{i}", owner), v) for i, v in enumerate(alike)]
    store.write(Batch(owner, put=put))
    store.write(Batch(owner, delete=[(TURN, f"m{i}") for i in range(0, size, 2)]))
    store.write(Batch(owner, put=put[1::2]))
    [neighbors] = store.nearest(owner, TURN, alike[:1], size)
    assert sorted(hit.id for hit in neighbors) == sorted(f"m{i}" for i in range(1, size, 2))


def test_cache_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors beyond the limit are read again; the most recently used ones are not."""
    read: list[int] = []
    get = Collection.get

    def count_vectors(collection: Collection, *args: Any, **kwargs: Any) -> Any:
        page: Any = get(collection, *args, **kwargs)
        if "embeddings" in kwargs.get("include", ()):
            read.append(len(page["ids"]))
        return page

    spec = EmbedderSpec("test", 16)
    with ChromaStore.open(tmp_path, spec, partitions=1, cached_vectors=100) as store:
        vectors = fill(store, [60, 30, 30, 20])
        monkeypatch.setattr(Collection, "get", count_vectors)
        check(store, vectors, 5)
        assert read == [60, 30, 30, 20]
        for owner, expected in ((OWNERS[3], []), (OWNERS[1], []), (OWNERS[0], [60])):
            read.clear()
            check(store, {owner: vectors[owner]}, 5)
            assert read == expected

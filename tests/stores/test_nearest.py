"""Searching one scope's vectors among those of others, by index and by comparison."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from agentmem_stores import Batch, ChromaStore, EmbedderSpec, Entry, Granularity, Scope, Vectors
from agentmem_stores.chroma import nearest as _nearest
from agentmem_stores.conformance import make_memory, unit_vectors

TURN = Granularity.TURN
OWNERS = [Scope(f"owner {i}") for i in range(12)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChromaStore]:
    with ChromaStore.open(tmp_path, EmbedderSpec("test", 16), partitions=1) as store:
        yield store


@pytest.fixture
def index_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scopes count as large already with 10 memories."""
    monkeypatch.setattr(_nearest, "EXACT", 10)


def fill(store: ChromaStore, sizes: list[int]) -> dict[Scope, Vectors]:
    held = {}
    for seed, (owner, size) in enumerate(zip(OWNERS, sizes, strict=False)):
        held[owner] = unit_vectors(store, size, seed=seed)
        put = [Entry(make_memory(f"m{i}", owner), v) for i, v in enumerate(held[owner])]
        store.write(Batch(owner, put=put))
    return held


def check(store: ChromaStore, held: dict[Scope, Vectors], n: int, *, missed: int = 0) -> None:
    """Compare with the best of all.

    Args:
        missed: so many of them Chroma's index may not find. It is built by several threads, and
            now and then a vector is linked so that no search comes to it; others follow then.
    """
    queries = unit_vectors(store, 3, seed=99)
    for owner, vectors in held.items():
        for query, found in zip(queries, store.nearest(owner, TURN, queries, n), strict=True):
            similarities = vectors @ query
            order = np.argsort(-similarities).tolist()
            places = [order.index(int(hit.id[1:])) for hit in found]
            assert places == sorted(set(places))
            assert min(n, len(order)) == len(places)
            assert places[-1] < len(places) + missed
            np.testing.assert_allclose(
                [hit.similarity for hit in found],
                [similarities[order[place]] for place in places],
                atol=1e-5,
            )


SIZES = [1, 2, 5, 8, 9, 10, 11, 12, 30, 60, 150, 3]


@pytest.mark.parametrize("n", [1, 7, 40, 500])
def test_many_scopes_in_one_collection(store: ChromaStore, n: int) -> None:
    check(store, fill(store, SIZES), n)


@pytest.mark.usefixtures("index_first")
@pytest.mark.parametrize("n", [1, 7, 40, 500])
def test_large_scopes_ask_the_index(store: ChromaStore, n: int) -> None:
    held = fill(store, SIZES)
    for _ in range(2):  # The second time with what was learned in the first.
        check(store, held, n, missed=1)


@pytest.mark.usefixtures("index_first")
def test_a_scope_that_grows_large_and_small_again(store: ChromaStore) -> None:
    held = fill(store, [8, 30])
    check(store, held, 5, missed=1)
    owner = OWNERS[0]
    more = unit_vectors(store, 20, seed=50)
    put = [Entry(make_memory(f"m{8 + i}", owner), v) for i, v in enumerate(more)]
    store.write(Batch(owner, put=put))
    held[owner] = np.concatenate([held[owner], more])
    check(store, held, 20, missed=1)
    store.write(Batch(owner, delete=[(TURN, f"m{i}") for i in range(5, 28)]))
    held[owner] = held[owner][:5]
    for _ in range(2):
        check(store, held, 20, missed=1)


@pytest.mark.usefixtures("index_first")
def test_none_of_many_alike_is_lost(store: ChromaStore) -> None:
    """Replaced and deleted near-identical vectors are what the index cannot reach any more."""
    owner, size = OWNERS[0], 300
    alike = unit_vectors(store, 3)[np.arange(size) % 3] + 0.01 * unit_vectors(store, size, seed=1)
    put = [Entry(make_memory(f"m{i}", owner), v) for i, v in enumerate(alike)]
    store.write(Batch(owner, put=put))
    store.write(Batch(owner, delete=[(TURN, f"m{i}") for i in range(0, size, 2)]))
    store.write(Batch(owner, put=put[1::2]))
    [found] = store.nearest(owner, TURN, alike[:1], size)
    assert sorted(hit.id for hit in found) == sorted(f"m{i}" for i in range(1, size, 2))


@pytest.mark.usefixtures("index_first")
def test_a_large_scope_is_asked_while_its_caller_goes_on(
    store: ChromaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, going_on = fill(store, [30]), Event()
    query = held[OWNERS[0]][:1]
    expected = store.nearest(OWNERS[0], TURN, query, 3)

    def search(*_: object) -> object:
        assert going_on.wait(30)
        return expected

    monkeypatch.setattr(store._nearest, "search", search)
    answer = store.start_nearest(OWNERS[0], TURN, query, 3)
    going_on.set()
    assert answer() == expected


def test_kept_vectors_are_bounded(store: ChromaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_nearest, "KEPT", 100)
    held = fill(store, SIZES)
    check(store, held, 5)
    check(store, held, 5)
    assert sum(len(kept.matrix) for kept in store._nearest._kept.values()) <= 100

"""Following the writes of other clients without reading the whole scope again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from chromadb.api.models.Collection import Collection

from agentmem import MemoryController
from agentmem.maintenance.check import index_differences
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import (
    Batch,
    ChromaStore,
    EmbedderSpec,
    Granularity,
    MemoryStore,
    Scope,
    StoreError,
)
from agentmem_stores.chroma.registry import MAX_LOGGED, WriteLog, written_between
from agentmem_stores.conformance import make_entry
from benchmarks.corpus import SampledEmbeddings, SampledVectors
from tests.stores.conftest import ChromaServer

ADA, TURN = Scope("ada"), Granularity.TURN
SPEC = EmbedderSpec("test", 8)

Pair = tuple[ChromaStore, ChromaStore]


@pytest.fixture
def pair(server: ChromaServer) -> Iterator[Pair]:
    database = server.new_database()
    with (
        server.connect(database=database, embedder=SPEC) as one,
        server.connect(database=database) as two,
    ):
        yield one, two


def test_written_between_returns_what_was_written(pair: Pair) -> None:
    one, two = pair
    before = two.revision(ADA)
    one.write(Batch(ADA, put=[make_entry(one, "a"), make_entry(one, "b")]))
    one.write(Batch(ADA, delete=[(TURN, "a")]))
    after = two.revision(ADA)
    assert two.written_between(ADA, before, after) == ((TURN, "a"), (TURN, "b"))
    assert two.written_between(ADA, after, after) == ()
    assert two.written_between(ADA, after, before) is None


def test_client_that_missed_much_reads_all(pair: Pair) -> None:
    one, two = pair
    before = two.revision(ADA)
    one.write(Batch(ADA, put=[make_entry(one, f"m{i}") for i in range(MAX_LOGGED + 1)]))
    assert two.written_between(ADA, before, two.revision(ADA)) is None
    before = two.revision(ADA)
    one.write(Batch(ADA, put=[make_entry(one, "m")]))
    assert two.written_between(ADA, before, two.revision(ADA)) == ((TURN, "m"),)


def test_result_of_a_failed_write_is_unknown(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = pair
    before = two.revision(ADA)

    upsert = Collection.upsert

    def fail(collection: Collection, *args: Any, **kwargs: Any) -> None:
        if collection.name.startswith("turn"):
            raise OSError("the network is gone")
        upsert(collection, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Collection, "upsert", fail)
        with pytest.raises(StoreError):
            one.write(Batch(ADA, put=[make_entry(one, "a")]))
    one.write(Batch(ADA, put=[make_entry(one, "b")]))
    assert two.written_between(ADA, before, two.revision(ADA)) is None


def test_write_log_covers_only_its_own_writes() -> None:
    log = WriteLog()
    for count in (3, 4):
        log.add(ADA, count, Batch(ADA, delete=[(TURN, f"m{count}")]))
    logs = {"x": log.dumps(ADA)}
    assert written_between("x:2", "x:4", logs) == ((TURN, "m3"), (TURN, "m4"))
    assert written_between("x:3", "x:4", logs) == ((TURN, "m4"),)
    for before, after in (("x:1", "x:4"), ("0", "x:4"), ("x:4", "x:5"), ("x:4", "x:3")):
        assert written_between(before, after, logs) is None
    assert written_between("x:3", "x:4~", logs) is None, "the client may have died during a write"
    assert written_between("x:3,y:1", "x:4", logs) is None, "a client is gone, with its log"
    assert written_between("x:3", "x:4", {}) is None, "a client of a version without logs"


def test_followed_indexes_equal_rebuilt_ones(
    server: ChromaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.random.default_rng(0).standard_normal((50, 8), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    embeddings: Any = SampledEmbeddings(SPEC, {}, SampledVectors(vectors))
    database = server.new_database()
    rebuilt: list[Scope] = []
    build = ScopeIndex.build

    def build_and_record(store: MemoryStore, scope: Scope) -> ScopeIndex:
        rebuilt.append(scope)
        return build(store, scope)

    with (
        server.connect(database=database, embedder=SPEC) as first,
        server.connect(database=database, embedder=SPEC) as second,
    ):
        one, two = (
            MemoryController(store, scope=ADA, embeddings=embeddings, linger=None)
            for store in (first, second)
        )
        for memory in (one, two):
            memory.search("tea")
        monkeypatch.setattr(ScopeIndex, "build", build_and_record)
        [tea] = one.add("I like green tea.", session_id="s")
        [rain] = two.add("It rains in Lisbon.", session_id="s")
        steps = (
            lambda: one.update(tea.id, text="I like black coffee."),
            lambda: two.end_session("s"),
            lambda: one.add(["My dog is called Biscuit.", "He is a beagle."], session_id="t"),
            lambda: two.delete(rain.id),
            lambda: one.search("Which dog do I have?"),
            lambda: one.flush(),
        )
        for step in steps:
            step()
            for memory, store in ((one, first), (two, second)):
                index = memory.services.memories.index(ADA)
                assert list(index_differences(index, build(store, ADA))) == []
                assert len(memory.search("coffee", reinforce=False)) == len(
                    memory.get_all(granularity=TURN)
                )
        assert rebuilt == []

"""What other clients of a server have written is read; all the rest is not read again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

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
from agentmem_stores.chroma.write_log import LOGGED, WriteLog, between
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


def test_whose_records_were_written_is_known(pair: Pair) -> None:
    one, two = pair
    before = two.revision(ADA)
    one.write(Batch(ADA, put=[make_entry(one, "a"), make_entry(one, "b")]))
    one.write(Batch(ADA, delete=[(TURN, "a")]))
    after = two.revision(ADA)
    assert two.written_between(ADA, before, after) == ((TURN, "a"), (TURN, "b"))
    assert two.written_between(ADA, after, after) == ()
    assert two.written_between(ADA, after, before) is None


def test_who_has_missed_much_reads_all(pair: Pair) -> None:
    one, two = pair
    before = two.revision(ADA)
    one.write(Batch(ADA, put=[make_entry(one, f"m{i}") for i in range(LOGGED + 1)]))
    assert two.written_between(ADA, before, two.revision(ADA)) is None
    before = two.revision(ADA)
    one.write(Batch(ADA, put=[make_entry(one, "m")]))
    assert two.written_between(ADA, before, two.revision(ADA)) == ((TURN, "m"),)


def test_what_a_failed_write_has_done_is_not_known(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair
    before = two.revision(ADA)

    def fails(*_: object) -> None:
        raise OSError("half way")

    with monkeypatch.context() as patch:
        patch.setattr(one._tables, "apply", fails)
        with pytest.raises(StoreError):
            one.write(Batch(ADA, put=[make_entry(one, "a")]))
    one.write(Batch(ADA, put=[make_entry(one, "b")]))
    assert two.written_between(ADA, before, two.revision(ADA)) is None


def test_a_log_says_nothing_of_what_it_does_not_hold() -> None:
    log = WriteLog()
    for count in (3, 4):
        log.note(ADA, count, Batch(ADA, delete=[(TURN, f"m{count}")]))
    told = {"x": log.told(ADA)}
    assert between("x:2", "x:4", told) == ((TURN, "m3"), (TURN, "m4"))
    assert between("x:3", "x:4", told) == ((TURN, "m4"),)
    for before, after in (("x:1", "x:4"), ("0", "x:4"), ("x:4", "x:5"), ("x:4", "x:3")):
        assert between(before, after, told) is None
    assert between("x:3", "x:4~", told) is None, "it may have died in the middle of a write"
    assert between("x:3,y:1", "x:4", told) is None, "somebody is gone, with what they said"
    assert between("x:3", "x:4", {}) is None, "a client of before there were logs"


def test_indexes_that_follow_are_as_if_made_anew(
    server: ChromaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.random.default_rng(0).standard_normal((50, 8), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    embeddings: Any = SampledEmbeddings(SPEC, {}, SampledVectors(vectors))
    database = server.new_database()
    made: list[Scope] = []
    build = ScopeIndex.build

    def noted(store: MemoryStore, scope: Scope) -> ScopeIndex:
        made.append(scope)
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
        monkeypatch.setattr(ScopeIndex, "build", noted)
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
        assert made == []

"""Copying live stores: embedded to a server and back is the same again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agentmem_stores import (
    Batch,
    ChromaStore,
    Edge,
    EmbedderMismatchError,
    EmbedderSpec,
    Granularity,
    InMemoryStore,
    Memory,
    MemoryStore,
    Scope,
    State,
    StoreError,
    Vectors,
    copy_memories,
)
from agentmem_stores.conformance import make_entry
from tests.stores.conftest import ChromaServer

ADA, BEN = Scope("ada"), Scope("ben", "tutor")
SPEC = EmbedderSpec("test", 8)
TURN = Granularity.TURN


def told(store: MemoryStore) -> dict[tuple[Scope, str], Memory]:
    return {
        (scope, memory.id): memory
        for scope in store.scopes()
        for granularity in Granularity
        for memory in store.scan(scope, granularity)
    }


def vectors(store: MemoryStore) -> Vectors:
    """Those of everything that `fill` writes, in one order."""
    read = [store.get(scope, TURN, ["m0", "m0@1", "m1", "m2"]) for scope in (ADA, BEN)]
    return np.array([entry.vector for entries in read for entry in entries])


def fill(store: MemoryStore) -> None:
    for scope in (ADA, BEN):
        made = [make_entry(store, f"m{i}", seed=i, scope=scope) for i in range(3)]
        linked = replace(
            made[2].memory,
            edges=(Edge("m0", 0.5),),
            sources=("m1",),
            strength=12.5,
            recall_count=3,
            last_recalled_at=datetime(2026, 3, 1, tzinfo=UTC),
        )
        former = replace(
            made[0].memory,
            id="m0@1",
            version_of="m0",
            state=State.SUPERSEDED,
            state_changed_at=datetime(2026, 2, 1, tzinfo=UTC),
        )
        store.write(
            Batch(
                scope,
                put=[
                    made[0],
                    made[1],
                    replace(made[2], memory=linked),
                    replace(made[0], memory=former),
                ],
            )
        )


def test_there_and_back_is_the_same(server: ChromaServer, tmp_path: Path) -> None:
    with (
        ChromaStore.open(tmp_path / "before", SPEC) as before,
        server.connect(database=server.new_database(), embedder=SPEC) as shared,
        ChromaStore.open(tmp_path / "after", SPEC) as after,
    ):
        fill(before)
        copied = copy_memories(before, shared)
        assert (copied.scopes, copied.written, copied.deleted) == (2, 8, 0)
        copy_memories(shared, after)
        assert told(before) == told(shared) == told(after)
        assert vectors(before) == pytest.approx(vectors(shared), abs=1e-6)
        assert vectors(before) == pytest.approx(vectors(after), abs=1e-6)


def test_again_takes_over_what_has_changed() -> None:
    one, two = InMemoryStore(SPEC), InMemoryStore(SPEC)
    fill(one)
    copy_memories(one, two)
    one.write(Batch(ADA, delete=[(TURN, "m1")]))
    two.write(Batch(BEN, put=[make_entry(two, "stranger", scope=BEN)]))

    assert copy_memories(one, two).deleted == 2

    assert told(one) == told(two)


def test_only_the_owners_named_are_copied() -> None:
    one, two = InMemoryStore(SPEC), InMemoryStore(SPEC)
    fill(one)
    copy_memories(one, two, scopes=[BEN])
    assert two.scopes() == [BEN]


def test_vectors_of_another_embedder_are_refused() -> None:
    with pytest.raises(EmbedderMismatchError, match="export"):
        copy_memories(InMemoryStore(SPEC), InMemoryStore(EmbedderSpec("another", 8)))


def test_an_owner_who_is_written_to_without_end_is_said_to_be() -> None:
    one, two = InMemoryStore(SPEC), InMemoryStore(SPEC)
    fill(one)

    def meanwhile(_: int) -> None:
        one.write(Batch(ADA, put=[make_entry(one, "late")]))

    with pytest.raises(StoreError, match="copy again"):
        copy_memories(one, two, scopes=[ADA], progress=meanwhile)

"""Copying memories between open stores."""

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


def contents(store: MemoryStore) -> dict[tuple[Scope, str], Memory]:
    return {
        (scope, memory.id): memory
        for scope in store.scopes()
        for granularity in Granularity
        for memory in store.scan(scope, granularity)
    }


def vectors(store: MemoryStore) -> Vectors:
    """Return the vectors of everything that `fill` writes, in the same order."""
    pages = [store.get(scope, TURN, ["m0", "m0@1", "m1", "m2"]) for scope in (ADA, BEN)]
    return np.array([entry.vector for page in pages for entry in page])


def fill(store: MemoryStore) -> None:
    for scope in (ADA, BEN):
        entries = [make_entry(store, f"m{i}", seed=i, scope=scope) for i in range(3)]
        linked = replace(
            entries[2].memory,
            edges=(Edge("m0", 0.5),),
            sources=("m1",),
            strength=12.5,
            recall_count=3,
            last_recalled_at=datetime(2026, 3, 1, tzinfo=UTC),
        )
        previous = replace(
            entries[0].memory,
            id="m0@1",
            version_of="m0",
            state=State.SUPERSEDED,
            state_changed_at=datetime(2026, 2, 1, tzinfo=UTC),
        )
        store.write(
            Batch(
                scope,
                put=[
                    entries[0],
                    entries[1],
                    replace(entries[2], memory=linked),
                    replace(entries[0], memory=previous),
                ],
            )
        )


def test_copying_to_a_server_and_back_changes_nothing(server: ChromaServer, tmp_path: Path) -> None:
    with (
        ChromaStore.open(tmp_path / "before", SPEC) as before,
        server.connect(database=server.new_database(), embedder=SPEC) as shared,
        ChromaStore.open(tmp_path / "after", SPEC) as after,
    ):
        fill(before)
        copied = copy_memories(before, shared)
        assert (copied.scopes, copied.written, copied.deleted) == (2, 8, 0)
        copy_memories(shared, after)
        assert contents(before) == contents(shared) == contents(after)
        assert vectors(before) == pytest.approx(vectors(shared), abs=1e-6)
        assert vectors(before) == pytest.approx(vectors(after), abs=1e-6)


def test_second_copy_transfers_changes() -> None:
    one, two = InMemoryStore(SPEC), InMemoryStore(SPEC)
    fill(one)
    copy_memories(one, two)
    one.write(Batch(ADA, delete=[(TURN, "m1")]))
    two.write(Batch(BEN, put=[make_entry(two, "stranger", scope=BEN)]))

    assert copy_memories(one, two).deleted == 2

    assert contents(one) == contents(two)


def test_only_given_scopes_are_copied() -> None:
    one, two = InMemoryStore(SPEC), InMemoryStore(SPEC)
    fill(one)
    copy_memories(one, two, scopes=[BEN])
    assert two.scopes() == [BEN]


def test_other_embedder_is_rejected() -> None:
    with pytest.raises(EmbedderMismatchError, match="export"):
        copy_memories(InMemoryStore(SPEC), InMemoryStore(EmbedderSpec("another", 8)))


def test_scope_that_keeps_changing_raises() -> None:
    one, two = InMemoryStore(SPEC), InMemoryStore(SPEC)
    fill(one)

    def meanwhile(_: int) -> None:
        one.write(Batch(ADA, put=[make_entry(one, "late")]))

    with pytest.raises(StoreError, match="copy again"):
        copy_memories(one, two, scopes=[ADA], progress=meanwhile)

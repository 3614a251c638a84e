"""Batches of several requests are atomic, whenever the process is killed."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from chromadb.api.models.Collection import Collection

from agentmem_stores import (
    Batch,
    ChromaStore,
    EmbedderSpec,
    Granularity,
    Scope,
    StoreError,
    StoreFormatError,
)
from agentmem_stores.conformance import make_entry
from tests.guarantees._children import started

ADA, TURN, SESSION = Scope("ada"), Granularity.TURN, Granularity.SESSION
SPEC = EmbedderSpec("test", 8)
JOURNAL = "agentmem.journal"
KILLS = 4

# Writes batches of 240 in twelve requests of twenty, and deletes the previous batch.
WRITER = """
import sys
from dataclasses import replace
from agentmem_stores import Batch, ChromaStore, EmbedderSpec, Granularity, Scope
from agentmem_stores.conformance import make_entry, make_memory
ada = Scope("ada")
store = ChromaStore.open(sys.argv[1], EmbedderSpec("test", 8), max_batch_size=20)
kinds = (Granularity.TURN, Granularity.SESSION)
def name(n, i):
    return f"{n}-{i}"
first = int(sys.argv[2])
for n in range(first, 10**6):
    put = [
        make_entry(store, name(n, i), ada, seed=i, granularity=kinds[i % 2]) for i in range(240)
    ]
    old = [(kinds[i % 2], name(n - 1, i)) for i in range(240)] if n > first else ()
    print(n, flush=True)
    store.write(Batch(ada, put=put, delete=old))
    print("done", flush=True)
"""


def count_by_batch(store: ChromaStore) -> dict[str, int]:
    """Return the number of memories of each batch."""
    counts: dict[str, int] = {}
    for kind in (TURN, SESSION):
        for memory in store.scan(ADA, kind):
            batch = memory.id.partition("-")[0]
            counts[batch] = counts.get(batch, 0) + 1
    return counts


def test_batch_of_many_requests_is_atomic(tmp_path: Path) -> None:
    """Each process is killed at another place of its second batch."""
    finished = 0
    for life in range(KILLS):
        begin = life * 1000
        with started(WRITER, tmp_path, begin) as writer:
            assert writer.stdout is not None
            assert [writer.stdout.readline() for _ in range(3)][2] == f"{begin + 1}\n"
            time.sleep(0.06 * life)
            writer.send_signal(signal.SIGKILL)
        was_recorded = (tmp_path / JOURNAL).exists()
        with ChromaStore.open(tmp_path) as store:
            assert not (tmp_path / JOURNAL).exists()
            counts = count_by_batch(store)
            assert set(counts.values()) == {240}
            own = [name for name in counts if int(name) >= begin]
            # Each batch deletes the previous one.
            assert len(own) == 1
            assert not was_recorded or int(own[0]) > begin
            assert {m.id for m in store.get_memories(ADA, TURN, [f"{own[0]}-0"])} == {f"{own[0]}-0"}
            finished += was_recorded
            store.write(
                Batch(
                    ADA, delete=[(k, f"{own[0]}-{i}") for k in (TURN, SESSION) for i in range(240)]
                )
            )
    print(f"{KILLS} kills, {finished} of them during a batch that was then finished")
    assert finished


def test_failed_batch_is_finished_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store applies the whole batch as soon as it can be used again."""
    with ChromaStore.open(tmp_path, SPEC, max_batch_size=2) as store:
        upsert, requests = Collection.upsert, count(1)

        def fail_third_request(collection: Collection, *args: Any, **kwargs: Any) -> None:
            if collection.name.startswith("turn") and next(requests) == 3:
                raise OSError("the disk is gone")
            upsert(collection, *args, **kwargs)

        monkeypatch.setattr(Collection, "upsert", fail_third_request)
        codes = [bytes([i]) * 8 for i in range(9)]
        entries = [
            replace(make_entry(store, f"m{i}", seed=i), token_codes=codes[i]) for i in range(9)
        ]
        with pytest.raises(StoreError, match="the disk is gone"):
            store.write(Batch(ADA, put=entries))
        assert {m.id for m in store.scan(ADA, TURN)} == {f"m{i}" for i in range(9)}
        assert store.nearest(ADA, TURN, entries[8].vector[None], 1)[0][0].id == "m8"
        assert [e.token_codes for e in store.get(ADA, TURN, [f"m{i}" for i in range(9)])] == codes
    assert not (tmp_path / JOURNAL).exists()


def test_failed_patches_and_deletions_are_finished_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChromaStore.open(tmp_path, SPEC, max_batch_size=2) as store:
        entries = [make_entry(store, f"m{i}", seed=i) for i in range(6)]
        store.write(Batch(ADA, put=entries))
        delete, requests = Collection.delete, count(1)

        def fail_first_request(collection: Collection, *args: Any, **kwargs: Any) -> Any:
            if next(requests) == 1:
                raise OSError("the disk is gone")
            return delete(collection, *args, **kwargs)

        monkeypatch.setattr(Collection, "delete", fail_first_request)
        patch = [replace(entry.memory, recall_count=7) for entry in entries[:3]]
        with pytest.raises(StoreError, match="the disk is gone"):
            store.write(Batch(ADA, patch=patch, delete=[(TURN, f"m{i}") for i in (3, 4, 5)]))
        assert {m.id: m.recall_count for m in store.scan(ADA, TURN)} == {"m0": 7, "m1": 7, "m2": 7}
        assert store.nearest(ADA, TURN, entries[2].vector[None], 1)[0][0].id == "m2"
    assert not (tmp_path / JOURNAL).exists()


def test_unreadable_journal_is_rejected(tmp_path: Path) -> None:
    ChromaStore.open(tmp_path, SPEC).close()
    for content in ('{"journal": 2}\n', "", "garbage", json.dumps({"journal": 1})):
        (tmp_path / JOURNAL).write_text(content)
        with pytest.raises(StoreFormatError, match="move it away"):
            ChromaStore.open(tmp_path)
    (tmp_path / JOURNAL).unlink()
    (tmp_path / "agentmem.new").write_text("half")
    ChromaStore.open(tmp_path).close()
    assert not (tmp_path / "agentmem.new").exists()

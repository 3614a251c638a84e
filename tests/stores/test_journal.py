"""Batches of several requests are there whole or not at all, whenever the process is killed."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

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

# Writes batches of 240 in twelve requests of twenty, patches and deletes the former ones.
WRITER = """
import sys
from dataclasses import replace
from agentmem_stores import Batch, ChromaStore, EmbedderSpec, Granularity, Scope
from agentmem_stores.conformance import make_entry, make_memory
ada = Scope("ada")
store = ChromaStore.open(sys.argv[1], EmbedderSpec("test", 8))
store._tables.largest = 20
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


def held(store: ChromaStore) -> dict[str, int]:
    """How many memories of each batch there are."""
    counts: dict[str, int] = {}
    for kind in (TURN, SESSION):
        for memory in store.scan(ADA, kind):
            batch = memory.id.partition("-")[0]
            counts[batch] = counts.get(batch, 0) + 1
    return counts


def test_a_batch_of_many_requests_survives_kills_whole(tmp_path: Path) -> None:
    """Each life is killed at another place of its second batch."""
    finished = 0
    for life in range(KILLS):
        begin = life * 1000
        with started(WRITER, tmp_path, begin) as writer:
            assert writer.stdout is not None
            assert [writer.stdout.readline() for _ in range(3)][2] == f"{begin + 1}\n"
            time.sleep(0.06 * life)
            writer.send_signal(signal.SIGKILL)
        was_written_down = (tmp_path / JOURNAL).exists()
        with ChromaStore.open(tmp_path) as store:
            assert not (tmp_path / JOURNAL).exists()
            counts = held(store)
            assert set(counts.values()) == {240}
            mine = [name for name in counts if int(name) >= begin]
            # The former batch goes when the next one comes, so there is just one.
            assert len(mine) == 1
            assert not was_written_down or int(mine[0]) > begin
            assert {m.id for m in store.get_memories(ADA, TURN, [f"{mine[0]}-0"])} == {
                f"{mine[0]}-0"
            }
            finished += was_written_down
            store.write(
                Batch(
                    ADA, delete=[(k, f"{mine[0]}-{i}") for k in (TURN, SESSION) for i in range(240)]
                )
            )
    print(f"{KILLS} kills, {finished} of them in the middle of a batch that was then finished")
    assert finished


def test_a_failure_in_the_middle_is_made_good(tmp_path: Path) -> None:
    """What was refused may be there, but whole, as soon as the store can be used again."""
    with ChromaStore.open(tmp_path, SPEC) as store:
        store._tables.largest = 2
        apply = store._tables.apply

        def fail(batch: Batch, metadata: object) -> None:
            apply(Batch(batch.scope, put=batch.put[:4]), metadata)  # type: ignore[arg-type]
            raise OSError("the disk is gone")

        store._tables.apply = fail  # type: ignore[method-assign]
        signs = [bytes([i]) * 8 for i in range(9)]
        entries = [
            replace(make_entry(store, f"m{i}", seed=i), token_codes=held)
            for i, held in enumerate(signs)
        ]
        with pytest.raises(StoreError, match="the disk is gone"):
            store.write(Batch(ADA, put=entries))
        assert {m.id for m in store.scan(ADA, TURN)} == {f"m{i}" for i in range(9)}
        assert store.nearest(ADA, TURN, entries[8].vector[None], 1)[0][0].id == "m8"
        assert [e.token_codes for e in store.get(ADA, TURN, [f"m{i}" for i in range(9)])] == signs
    assert not (tmp_path / JOURNAL).exists()


def test_a_journal_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    ChromaStore.open(tmp_path, SPEC).close()
    for content in ('{"journal": 2}\n', "garbage", json.dumps({"journal": 1})):
        (tmp_path / JOURNAL).write_text(content)
        with pytest.raises(StoreFormatError, match="move it away"):
            ChromaStore.open(tmp_path)
    (tmp_path / JOURNAL).unlink()
    (tmp_path / "agentmem.new").write_text("half")
    ChromaStore.open(tmp_path).close()
    assert not (tmp_path / "agentmem.new").exists()

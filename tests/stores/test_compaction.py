"""Compaction removes deleted content from the files and survives crashes."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agentmem_stores import Batch, ChromaStore, Entry, Granularity, InMemoryStore, Memory, Scope

ADA = Scope("ada")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def entries(n: int) -> list[Entry]:
    vectors = np.random.default_rng(0).normal(size=(n, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        Entry(Memory(f"m{i}", ADA, Granularity.TURN, f"Secret-{i}.", "s", NOW, NOW), vectors[i])
        for i in range(n)
    ]


def bytes_of(path: Path) -> bytes:
    return b"\n".join(f.read_bytes() for f in sorted(path.rglob("*")) if f.is_file())


@pytest.fixture
def store(tmp_path: Path) -> ChromaStore:
    return ChromaStore.open(tmp_path / "store")


def test_no_byte_of_a_deleted_memory_remains(store: ChromaStore, tmp_path: Path) -> None:
    put = entries(300)
    with store:
        store.write(Batch(ADA, put=put))
        store.write(Batch(ADA, delete=[(Granularity.TURN, f"m{i}") for i in range(200)]))
        before = bytes_of(tmp_path)
        assert b"Secret-7." in before
        report = store.compact()
        after = bytes_of(tmp_path)
        assert report.after < report.before
        assert not any(f"Secret-{i}.".encode() in after for i in range(200))
        assert not any(e.vector.tobytes() in after for e in put[:200])
        assert b"Secret-250." in after


def test_live_memories_are_found_as_before(store: ChromaStore, tmp_path: Path) -> None:
    put = entries(50)
    with store:
        store.write(Batch(ADA, put=put))
        store.write(Batch(ADA, delete=[(Granularity.TURN, "m0")]))
        revision = store.revision(ADA)
        store.compact()
        assert store.revision(ADA) == revision
        [[nearest]] = store.nearest(ADA, Granularity.TURN, put[7].vector[np.newaxis], 1)
        assert nearest.id == "m7"
        store.write(Batch(ADA, put=put[:1]))
    with ChromaStore.open(tmp_path / "store") as again:
        assert {m.id for m in again.scan(ADA, Granularity.TURN)} == {f"m{i}" for i in range(50)}


def test_empty_scope_is_compacted(store: ChromaStore) -> None:
    with store:
        store.write(Batch(ADA, put=entries(3)))
        store.write(Batch(ADA, delete=[(Granularity.TURN, f"m{i}") for i in range(3)]))
        store.compact()
        assert list(store.scan(ADA, Granularity.TURN)) == []


def test_other_files_in_the_directory_stay(store: ChromaStore, tmp_path: Path) -> None:
    note = tmp_path / "store" / "note.txt"
    note.write_text("not ours")
    with store:
        store.write(Batch(ADA, put=entries(3)))
        store.compact()
    assert note.read_text() == "not ours"


def test_crash_leaves_the_store_and_no_copy(store: ChromaStore, tmp_path: Path) -> None:
    with store:
        store.write(Batch(ADA, put=entries(3)))
    path = tmp_path / "store"
    # As after a kill between copy and move, and after one between move and cleanup.
    shutil.copytree(path, path / ".agentmem-new", ignore=shutil.ignore_patterns(".agentmem-new"))
    orphan = path / "00000000-0000-4000-8000-000000000000"
    orphan.mkdir()
    (orphan / "data_level0.bin").write_bytes(b"old vectors")
    with ChromaStore.open(path) as again:
        assert len(list(again.scan(ADA, Granularity.TURN))) == 3
    assert not orphan.exists()
    assert not (path / ".agentmem-new").exists()


def test_in_memory_store_has_no_files() -> None:
    with InMemoryStore() as store:
        assert store.compact().after == 0

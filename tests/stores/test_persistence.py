"""Durability of an embedded store, and exclusive access to it."""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from chromadb.api.models.Collection import Collection

from agentmem_stores import Batch, ChromaStore, EmbedderSpec, Granularity, Scope, StoreLockedError
from agentmem_stores.conformance import make_entry

ADA, TURN = Scope("ada"), Granularity.TURN
SPEC = EmbedderSpec("test", 8)

# Writes until it is killed; prints each acknowledged write.
WRITER = """
import sys
from agentmem_stores import Batch, ChromaStore, EmbedderSpec, Granularity, Scope
from agentmem_stores.conformance import make_entry
ada = Scope("ada")
store = ChromaStore.open(sys.argv[1], EmbedderSpec("test", 8))
for i in range(10**6):
    batch = [make_entry(store, f"{i}-{part}", ada, seed=i) for part in range(3)]
    print(i, store.write(Batch(ada, put=batch)), flush=True)
"""


# Writes so much that Chroma rewrites its index files repeatedly.
LARGE_WRITER = """
import sys
from agentmem_stores import Batch, ChromaStore, EmbedderSpec, Granularity, Scope
from agentmem_stores.conformance import make_entry
ada = Scope("ada")
store = ChromaStore.open(sys.argv[1], EmbedderSpec("test", 64))
for n in range(int(sys.argv[2]), 10**6):
    put = [make_entry(store, f"{n}-{i}", ada, seed=300 * n + i) for i in range(300)]
    print(n, store.write(Batch(ada, put=put)), flush=True)
"""


def ids(store: ChromaStore) -> set[str]:
    return {memory.id for memory in store.scan(ADA, TURN)}


@contextmanager
def writer(path: Path, code: str = WRITER, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", code, path, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_reopened_store_has_all_content(tmp_path: Path) -> None:
    with ChromaStore.open(tmp_path, SPEC, partitions=4) as store:
        entry = make_entry(store, "m", metadata={"mood": "glad"})
        revision = store.write(Batch(ADA, put=[entry]))
    with ChromaStore.open(tmp_path) as store:
        assert store.embedder == SPEC
        assert store.scopes() == [ADA]
        assert [e.memory for e in store.get(ADA, TURN, ["m"])] == [entry.memory]
        assert store.nearest(ADA, TURN, entry.vector[None], 1)[0][0].id == "m"
        assert store.revision(ADA) == revision
        assert store.write(Batch(ADA, put=[entry])) != revision


def test_killed_process_loses_no_acknowledged_write(tmp_path: Path) -> None:
    """Batches are atomic, and no revision is used twice."""
    with writer(tmp_path) as process:
        assert process.stdout is not None
        lines = [next(process.stdout).split() for _ in range(6)]
        with pytest.raises(StoreLockedError, match="agentmem serve --store"):
            ChromaStore.open(tmp_path, SPEC)
        process.kill()
        lines += [line.split() for line in process.stdout]
    with ChromaStore.open(tmp_path, SPEC) as store:
        known = ids(store)
        acknowledged = {f"{i}-{part}" for i, _ in lines for part in range(3)}
        assert known >= acknowledged
        assert len(known) % 3 == 0
        assert store.revision(ADA) not in {revision for _, revision in lines}
        for entry in store.get(ADA, TURN, sorted(known)):
            [[nearest]] = store.nearest(ADA, TURN, entry.vector[None], 1)
            assert nearest.similarity == pytest.approx(1, abs=1e-5)


def test_path_is_locked_within_a_process_too(tmp_path: Path) -> None:
    with ChromaStore.open(tmp_path, SPEC) as store:
        with pytest.raises(StoreLockedError, match="close the other store"):
            ChromaStore.open(tmp_path, SPEC)
        store.write(Batch(ADA, put=[make_entry(store, "m")]))
    with ChromaStore.open(tmp_path, SPEC) as store:
        assert ids(store) == {"m"}


def test_collected_store_releases_its_path(tmp_path: Path) -> None:
    store = ChromaStore.open(tmp_path, SPEC)
    store.write(Batch(ADA, put=[make_entry(store, "m")]))
    del store
    gc.collect()
    with ChromaStore.open(tmp_path, SPEC) as again:
        assert ids(again) == {"m"}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_closing_releases_all_files(tmp_path: Path) -> None:
    def opened() -> list[str]:
        links = [fd for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
        files = [os.path.realpath(fd) for fd in links]
        return [file for file in files if Path(file).is_relative_to(tmp_path)]

    counts = []
    for i in range(6):
        with ChromaStore.open(tmp_path, SPEC) as store:
            store.write(Batch(ADA, put=[make_entry(store, f"m{i}")]))
            store.nearest(ADA, TURN, make_entry(store, "q").vector[None], 1)
            counts.append(len(opened()))
    # Chroma closes its database in the background.
    deadline = time.monotonic() + 30
    while opened() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert counts[0] > 0
    assert opened() == []


def test_many_scopes_share_a_fixed_number_of_collections(
    tmp_path: Path,
) -> None:
    import chromadb
    from chromadb.config import Settings

    with ChromaStore.open(tmp_path, SPEC, partitions=3) as store:
        for i in range(20):
            owner = Scope(f"owner {i}")
            store.write(Batch(owner, put=[make_entry(store, "m", owner)]))
    client = chromadb.PersistentClient(tmp_path, Settings(anonymized_telemetry=False))
    names = sorted(collection.name for collection in client.list_collections())
    client.close()  # type: ignore[attr-defined]
    assert names == ["agentmem", "turn-00", "turn-01", "turn-02"]


def test_large_batch_is_split_into_requests(tmp_path: Path) -> None:
    with ChromaStore.open(tmp_path, SPEC, max_batch_size=4) as store:
        put = [make_entry(store, f"m{i}", seed=i) for i in range(10)]
        store.write(Batch(ADA, put=put))
        store.write(Batch(ADA, patch=[entry.memory for entry in put]))
        assert len(ids(store)) == 10
        store.write(Batch(ADA, delete=[(TURN, entry.memory.id) for entry in put[1:]]))
        assert ids(store) == {"m0"}


def test_partly_failed_write_changes_the_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index derived before must not pass for current."""
    with ChromaStore.open(tmp_path, SPEC) as store:
        store.write(Batch(ADA, put=[make_entry(store, "m")]))
        before = store.revision(ADA)
        new, later = make_entry(store, "new", seed=1), make_entry(store, "s", granularity="session")
        upsert = Collection.upsert

        def fail(collection: Collection, *args: Any, **kwargs: Any) -> None:
            if collection.name.startswith("session"):
                raise OSError("no space left on device")
            upsert(collection, *args, **kwargs)

        monkeypatch.setattr(Collection, "upsert", fail)
        with pytest.raises(OSError, match="no space left"):
            store.write(Batch(ADA, put=[new, later]))
        assert store.revision(ADA) != before
        assert store.nearest(ADA, TURN, new.vector[None], 1)[0][0].id == "new"


@pytest.mark.parametrize("content", [b"", b"\x80\x03}(X\x0e\x00\x00\x00dimen"])
def test_kill_while_an_index_is_first_written_loses_no_vector(
    tmp_path: Path, content: bytes
) -> None:
    """The database does not know the index yet, but Chroma reads what there is of it."""
    with ChromaStore.open(tmp_path, SPEC) as store:
        entries = [make_entry(store, f"m{i}", seed=i) for i in range(20)]
        store.write(Batch(ADA, put=entries))
    with closing(sqlite3.connect(tmp_path / "chroma.sqlite3")) as database:
        query = "SELECT id FROM segments WHERE scope = 'VECTOR'"
        for (segment,) in database.execute(query).fetchall():
            assert not (tmp_path / segment / "index_metadata.pickle").exists()
            (tmp_path / segment / "index_metadata.pickle").write_bytes(content)
    with ChromaStore.open(tmp_path) as store:
        for entry in entries:
            assert store.get(ADA, TURN, [entry.memory.id])[0].vector == pytest.approx(entry.vector)
        assert store.nearest(ADA, TURN, entries[7].vector[None], 1)[0][0].id == "m7"


def test_kill_while_index_files_are_rewritten_loses_no_vector(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Chroma rewrites them in place and cannot read partly rewritten files."""
    first = 0
    for _ in range(2):
        with writer(tmp_path, LARGE_WRITER, first) as process:
            assert process.stdout is not None
            next(process.stdout)
            before, deadline = index_files(tmp_path), time.monotonic() + 60
            while index_files(tmp_path) == before:
                assert time.monotonic() < deadline
            process.kill()
            lines = [first, *(int(line.split()[0]) for line in process.stdout)]
        with ChromaStore.open(tmp_path) as store:
            entries = list(store.scan_entries(ADA, TURN))
            batches = {int(entry.memory.id.partition("-")[0]) for entry in entries}
            assert batches >= set(lines)
            assert len(entries) == 300 * len(batches)
            for entry in entries:
                n, i = map(int, entry.memory.id.split("-"))
                true = make_entry(store, "x", seed=300 * n + i).vector
                assert abs(entry.vector - true).max() < 1e-6
            near = store.nearest(ADA, TURN, entry.vector[None], 1)[0]
            assert near[0].id == entry.memory.id
            assert not store.check_records(ADA) + store.check_files()
        first = max(batches) + 1
    print(f"{len(entries)} vectors, restored {caplog.text.count('restored')} times")


def index_files(path: Path) -> dict[Path, int]:
    files = (file for file in path.glob("*/*.*") if file.exists())
    return {file: file.stat().st_mtime_ns for file in files}

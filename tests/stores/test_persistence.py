"""What an embedded store keeps, and who may have it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentmem_stores import Batch, ChromaStore, EmbedderSpec, Granularity, Scope, StoreLockedError
from agentmem_stores.conformance import make_entry

ADA, TURN = Scope("ada"), Granularity.TURN
SPEC = EmbedderSpec("test", 8)

# Writes for ever, and says so each time a write is acknowledged.
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


# Writes so much that Chroma rewrites its index files again and again.
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


def test_a_closed_store_opens_again_with_all_it_held(tmp_path: Path) -> None:
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


def test_a_killed_process_loses_no_acknowledged_write(tmp_path: Path) -> None:
    """No batch is half there, and no revision is used again."""
    with writer(tmp_path) as process:
        assert process.stdout is not None
        said = [next(process.stdout).split() for _ in range(6)]
        with pytest.raises(StoreLockedError, match="chroma run"):
            ChromaStore.open(tmp_path, SPEC)
        process.kill()
        said += [line.split() for line in process.stdout]
    with ChromaStore.open(tmp_path, SPEC) as store:
        found = ids(store)
        acknowledged = {f"{i}-{part}" for i, _ in said for part in range(3)}
        assert found >= acknowledged
        assert len(found) % 3 == 0
        assert store.revision(ADA) not in {revision for _, revision in said}
        for entry in store.get(ADA, TURN, sorted(found)):
            [[nearest]] = store.nearest(ADA, TURN, entry.vector[None], 1)
            assert nearest.similarity == pytest.approx(1, abs=1e-5)


def test_a_path_has_one_owner_in_a_process_too(tmp_path: Path) -> None:
    with ChromaStore.open(tmp_path, SPEC) as store:
        with pytest.raises(StoreLockedError, match="close the other store"):
            ChromaStore.open(tmp_path, SPEC)
        store.write(Batch(ADA, put=[make_entry(store, "m")]))
    with ChromaStore.open(tmp_path, SPEC) as store:
        assert ids(store) == {"m"}


def test_a_forgotten_store_gives_its_path_free(tmp_path: Path) -> None:
    store = ChromaStore.open(tmp_path, SPEC)
    store.write(Batch(ADA, put=[make_entry(store, "m")]))
    del store
    gc.collect()
    with ChromaStore.open(tmp_path, SPEC) as again:
        assert ids(again) == {"m"}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_open_files_do_not_pile_up(tmp_path: Path) -> None:
    def opened() -> list[str]:
        links = [fd for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
        files = [os.path.realpath(fd) for fd in links]
        return [file for file in files if Path(file).is_relative_to(tmp_path)]

    held = []
    for i in range(6):
        with ChromaStore.open(tmp_path, SPEC) as store:
            store.write(Batch(ADA, put=[make_entry(store, f"m{i}")]))
            store.nearest(ADA, TURN, make_entry(store, "q").vector[None], 1)
            held.append(len(opened()))
    # Chroma closes its database behind our back, in a while.
    deadline = time.monotonic() + 30
    while opened() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert held[0] > 0
    assert opened() == []


def test_memories_of_many_owners_spread_over_a_fixed_number_of_collections(
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


def test_a_batch_larger_than_chromas_largest_request_is_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChromaStore.open(tmp_path, SPEC) as store:
        monkeypatch.setattr(store._tables, "largest", 4)
        put = [make_entry(store, f"m{i}", seed=i) for i in range(10)]
        store.write(Batch(ADA, put=put))
        store.write(Batch(ADA, patch=[entry.memory for entry in put]))
        assert len(ids(store)) == 10
        store.write(Batch(ADA, delete=[(TURN, entry.memory.id) for entry in put[1:]]))
        assert ids(store) == {"m0"}


def test_a_write_that_fails_half_way_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was derived from the store before must not be taken for current."""
    with ChromaStore.open(tmp_path, SPEC) as store:
        store.write(Batch(ADA, put=[make_entry(store, "m")]))
        before = store.revision(ADA)
        new, later = make_entry(store, "new", seed=1), make_entry(store, "s", granularity="session")
        make = store._partitions.make

        def broken(scope: Scope, granularity: Granularity) -> object:
            if granularity is not TURN:
                raise OSError("no space left on device")
            return make(scope, granularity)

        monkeypatch.setattr(store._partitions, "make", broken)
        with pytest.raises(OSError, match="no space left"):
            store.write(Batch(ADA, put=[new, later]))
        assert store.revision(ADA) != before
        assert store.nearest(ADA, TURN, new.vector[None], 1)[0][0].id == "new"


def test_a_kill_while_index_files_are_rewritten_loses_no_vector(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Chroma rewrites them in place, and cannot read what is half rewritten."""
    first = 0
    for _ in range(2):
        with writer(tmp_path, LARGE_WRITER, first) as process:
            assert process.stdout is not None
            next(process.stdout)
            before, deadline = index_files(tmp_path), time.monotonic() + 60
            while index_files(tmp_path) == before:
                assert time.monotonic() < deadline
            process.kill()
            said = [first, *(int(line.split()[0]) for line in process.stdout)]
        with ChromaStore.open(tmp_path) as store:
            entries = list(store.scan_entries(ADA, TURN))
            batches = {int(entry.memory.id.partition("-")[0]) for entry in entries}
            assert batches >= set(said)
            assert len(entries) == 300 * len(batches)
            for entry in entries:
                n, i = map(int, entry.memory.id.split("-"))
                true = make_entry(store, "x", seed=300 * n + i).vector
                assert abs(entry.vector - true).max() < 1e-6
            near = store.nearest(ADA, TURN, entry.vector[None], 1)[0]
            assert near[0].id == entry.memory.id
            assert not store.check_records(ADA) + store.check_files()
        first = max(batches) + 1
    print(f"{len(entries)} vectors; {caplog.text.count('put back')} times some were put back")


def index_files(path: Path) -> dict[Path, int]:
    found = (file for file in path.glob("*/*.*") if file.exists())
    return {file: file.stat().st_mtime_ns for file in found}

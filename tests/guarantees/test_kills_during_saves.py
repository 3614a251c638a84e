"""A kill at any moment of a save of an index loses no vector, without the embedder.

The states that a kill can leave are put together from the files before and after a save, in the
order in which Chroma writes them. In addition, a process is killed while it writes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from agentmem_stores import Batch, ChromaStore, EmbedderSpec, Granularity, Scope, StoreError
from agentmem_stores.chroma import rows
from agentmem_stores.chroma.files import hnsw_recovery
from agentmem_stores.chroma.files.id_lists import COPY, IDS, INDEX_FILES, parse
from agentmem_stores.conformance import make_entry

ADA, TURN = Scope("ada"), Granularity.TURN
SPEC = EmbedderSpec("test", 8)
# Seeds of the vectors that replace earlier ones.
REPLACED = 10_000

# Writes batches that make Chroma save, with such long ids that saving the list takes a while.
WRITER = """
import sys
from agentmem_stores import Batch, ChromaStore, EmbedderSpec, Scope
from agentmem_stores.conformance import make_entry
ada = Scope("ada")
store = ChromaStore.open(sys.argv[1], EmbedderSpec("test", 8))
for n in range(int(sys.argv[2]), 10**6):
    put = [make_entry(store, f"{n}-{i}" + 300 * "x", ada, seed=200 * n + i) for i in range(200)]
    store.write(Batch(ada, put=put))
    print(n, flush=True)
"""


class Save(NamedTuple):
    """A save of an index.

    Attributes:
        before: a store that logged everything that is saved.
        after: the index folder once it is saved.
        seeds: of the vector of each memory.
    """

    before: Path
    after: Path
    seeds: dict[str, int]


@pytest.fixture(scope="module")
def save(tmp_path_factory: pytest.TempPathFactory) -> Save:
    path = tmp_path_factory.mktemp("save") / "store"
    seeds = {f"m{i}": i for i in range(260)}
    with ChromaStore.open(path, SPEC, partitions=1) as store:
        for start in range(0, 250, 50):
            names = list(seeds)[start : start + 50]
            store.write(Batch(ADA, put=[make_entry(store, i, seed=seeds[i]) for i in names]))
    with pytest.MonkeyPatch.context() as patch:
        # Everything else is only logged.
        patch.setattr(rows, "SYNC_THRESHOLD", 1000)
        with ChromaStore.open(path, SPEC) as store:
            put = [make_entry(store, f"m{i}", seed=i) for i in range(250, 260)]
            store.write(Batch(ADA, put=put, delete=[(TURN, f"m{i}") for i in range(30)]))
            seeds |= {f"m{i}": REPLACED + i for i in range(30, 40)}
            put = [make_entry(store, f"m{i}", seed=seeds[f"m{i}"]) for i in range(30, 40)]
            patched = store.get_memories(ADA, TURN, [f"m{i}" for i in range(40, 90)])
            store.write(Batch(ADA, put=put, patch=[replace(m, strength=0.5) for m in patched]))
    before = Path(shutil.copytree(path, path.with_name("before")))
    with ChromaStore.open(path) as store:
        store.get(ADA, TURN, ["m0"])
    after = index_folder(path)
    assert (after / IDS).read_bytes() != (index_folder(before) / IDS).read_bytes()
    return Save(before, after, {f"m{i}": seeds[f"m{i}"] for i in range(30, 260)})


@pytest.fixture
def copy(save: Save, tmp_path: Path) -> Path:
    return Path(shutil.copytree(save.before, tmp_path / "copy"))


def index_folder(path: Path) -> Path:
    return max(path.glob(f"*/{IDS}"), key=lambda file: file.stat().st_size).parent


def interrupt(folder: Path, after: Path, name: str, share: float) -> None:
    """Write files of an index as Chroma does, until a share of the named one is written."""
    for each in INDEX_FILES[: INDEX_FILES.index(name)]:
        shutil.copyfile(after / each, folder / each)
    old, new = (folder / name).read_bytes(), (after / name).read_bytes()
    size = int(share * len(new))
    # All files are rewritten in place; only the list is truncated first.
    (folder / name).write_bytes(new[:size] + (b"" if name == IDS else old[size:]))


def check(path: Path, seeds: dict[str, int]) -> None:
    """Check that a store has these memories, and finds each by its vector."""
    # With the index, because a scope of this size would be searched without it.
    with ChromaStore.open(path, exact_limit=0) as store:
        entries = {entry.memory.id: entry for entry in store.scan_entries(ADA, TURN)}
        assert entries.keys() == seeds.keys()
        vectors = np.array([make_entry(store, "x", seed=seeds[i]).vector for i in entries])
        stored = np.array([entry.vector for entry in entries.values()])
        assert abs(stored - vectors).max() < 1e-6
        neighbors = store.nearest(ADA, TURN, vectors, 1)
        assert [near[0].id for near in neighbors] == list(entries)
        assert not store.check_records(ADA) + store.check_files()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("name", INDEX_FILES)
def test_no_part_of_a_save_loses_a_vector(save: Save, copy: Path, name: str, share: float) -> None:
    interrupt(index_folder(copy), save.after, name, share)
    check(copy, save.seeds)
    check(copy, save.seeds)


@pytest.mark.parametrize("name", ["data_level0.bin", IDS])
def test_a_copy_of_the_files_is_recovered_too(save: Save, copy: Path, name: str) -> None:
    """Times of files are lost when a store is copied."""
    folder = index_folder(copy)
    interrupt(folder, save.after, name, 0.6)
    for file in folder.iterdir():
        os.utime(file, (0, 0))
    check(copy, save.seeds)


def test_a_store_of_an_earlier_version_gets_copies(save: Save, copy: Path) -> None:
    folder = index_folder(copy)
    (folder / COPY).unlink()
    with ChromaStore.open(copy):
        assert (folder / COPY).exists()
    interrupt(folder, save.after, IDS, 0.5)
    check(copy, save.seeds)


def test_recovery_can_be_interrupted(
    save: Save, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Part of the vectors are in a new index, the others only in the file of saved ones."""
    interrupt(index_folder(copy), save.after, IDS, 0.5)

    def interrupted(ids: list[str]) -> Iterator[list[str]]:
        yield ids[:60]
        raise StoreError("interrupted")

    monkeypatch.setattr(hnsw_recovery, "paginate", interrupted)
    with pytest.raises(StoreError, match="interrupted"):
        ChromaStore.open(copy)
    monkeypatch.undo()
    for file in copy.glob(f"*/{IDS}"):
        os.truncate(file, 10)
    check(copy, save.seeds)


def test_compaction_leaves_no_list_of_deleted_ids(save: Save, copy: Path) -> None:
    with ChromaStore.open(copy) as store:
        store.compact()
    lists = [file.read_bytes() for file in copy.glob(f"*/{COPY}")]
    assert lists
    assert all(b"/m29" not in content for content in lists)


def test_killed_while_the_list_is_rewritten(tmp_path: Path) -> None:
    first = n_truncated = 0
    deadline = time.monotonic() + 300
    while n_truncated < 3:
        assert time.monotonic() < deadline
        acknowledged, is_truncated = kill_during_save(tmp_path, first)
        n_truncated += is_truncated
        with ChromaStore.open(tmp_path) as store:
            n_batches = len(list(store.scan(ADA, TURN))) // 200
        assert n_batches >= acknowledged
        seeds = (range(200 * n, 200 * (n + 1)) for n in range(n_batches))
        names = {f"{s // 200}-{s % 200}" + 300 * "x": s for part in seeds for s in part}
        check(tmp_path, names)
        first = n_batches
    print(f"{200 * n_batches} vectors, {n_truncated} lists truncated")


def kill_during_save(path: Path, first: int) -> tuple[int, bool]:
    """Return how many batches were acknowledged, and whether a list was left truncated."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, path, str(first)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        lines = [next(process.stdout), next(process.stdout)]
        file = index_folder(path) / IDS
        size = file.stat().st_size
        while file.stat().st_size >= size:
            size = file.stat().st_size
        process.kill()
        lines += list(process.stdout)
    return int(lines[-1]) + 1, parse(file.read_bytes()) is None

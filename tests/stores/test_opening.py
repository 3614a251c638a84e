"""Opening stores: new, damaged, locked and foreign ones."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agentmem_stores import (
    Batch,
    ChromaStore,
    EmbedderMismatchError,
    EmbedderSpec,
    InvalidInputError,
    Scope,
    StoreError,
    StoreFormatError,
    StoreUnavailableError,
)
from agentmem_stores.conformance import make_entry

ADA = Scope("ada")
SPEC = EmbedderSpec("test", 8)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "store"
    with ChromaStore.open(path, SPEC) as store:
        store.write(Batch(ADA, put=[make_entry(store, f"m{i}", seed=i) for i in range(20)]))
    return path


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def content(path: Path) -> dict[str, bytes]:
    files = (f for f in path.rglob("*") if f.is_file() and f.name != "agentmem.lock")
    return {str(f.relative_to(path)): f.read_bytes() for f in files}


def test_new_store_is_for_the_offline_embedder(tmp_path: Path) -> None:
    with ChromaStore.open(tmp_path / "not" / "yet" / "there") as store:
        assert store.embedder == EmbedderSpec("sentence-transformers/all-MiniLM-L6-v2", 384)


def test_interrupted_creation_starts_again(tmp_path: Path) -> None:
    leftover = tmp_path / ".agentmem-new"
    leftover.mkdir()
    (leftover / "chroma.sqlite3").write_bytes(b"half")
    with ChromaStore.open(tmp_path, SPEC) as store:
        assert store.scopes() == []
    assert not leftover.exists()


@pytest.mark.parametrize("other", [EmbedderSpec("test", 9), EmbedderSpec("another", 8)])
def test_other_embedder_is_rejected(copy: Path, other: EmbedderSpec) -> None:
    with pytest.raises(EmbedderMismatchError, match=rf"test \(8.*{other.name} \({other.dimension}"):
        ChromaStore.open(copy, other)
    with ChromaStore.open(copy, SPEC) as store:
        assert store.scopes() == [ADA]


@pytest.mark.parametrize("size", [0, 50, 4096, 100_000])
def test_truncated_database(copy: Path, size: int) -> None:
    os.truncate(copy / "chroma.sqlite3", size)
    before = content(copy)
    with pytest.raises(StoreFormatError, match=r"chroma\.sqlite3.*backup"):
        ChromaStore.open(copy, SPEC)
    assert content(copy) == before


def test_database_of_garbage(copy: Path) -> None:
    (copy / "chroma.sqlite3").write_bytes(b"garbage" * 10_000)
    with pytest.raises(StoreFormatError, match="backup"):
        ChromaStore.open(copy, SPEC)


def test_database_with_zeroed_pages(copy: Path) -> None:
    database = copy / "chroma.sqlite3"
    data = bytearray(database.read_bytes())
    data[8192:60_000] = bytes(60_000 - 8192)
    database.write_bytes(data)
    with pytest.raises(StoreError, match=str(copy)), ChromaStore.open(copy, SPEC) as store:
        list(store.scan(ADA, "turn"))  # type: ignore[arg-type]


def test_missing_database(copy: Path) -> None:
    (copy / "chroma.sqlite3").unlink()
    with pytest.raises(StoreFormatError, match=r"no chroma\.sqlite3"):
        ChromaStore.open(copy, SPEC)
    assert not (copy / "chroma.sqlite3").exists()


def test_directory_with_only_derived_files(copy: Path) -> None:
    """A store that lost all of its data is not replaced by a new one."""
    for entry in copy.iterdir():
        if entry.name not in ("agentmem.lock", "agentmem-derived"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for _ in range(2):
        with pytest.raises(StoreFormatError, match=r"no chroma\.sqlite3; restore that from a back"):
            ChromaStore.open(copy, SPEC)


def test_directory_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ada")
    with pytest.raises(StoreFormatError, match="new or empty directory"):
        ChromaStore.open(tmp_path, SPEC)
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_database_of_another_program(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "chroma.sqlite3")) as other:
        other.execute("CREATE TABLE letters (text)")
    before = content(tmp_path)
    with pytest.raises(StoreFormatError, match="did not write"):
        ChromaStore.open(tmp_path, SPEC)
    assert content(tmp_path) == before


def test_chroma_database_without_a_store(tmp_path: Path) -> None:
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(tmp_path, Settings(anonymized_telemetry=False))
    client.create_collection("letters", embedding_function=None)
    client.close()  # type: ignore[attr-defined]
    with pytest.raises(StoreFormatError, match="did not write"):
        ChromaStore.open(tmp_path, SPEC)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UPDATE collection_metadata SET int_value = 2 WHERE key = 'agentmem_format'", "upgrade"),
        ("DELETE FROM collection_metadata WHERE key = 'agentmem_format'", "not an agentmem store"),
        ("DELETE FROM collection_metadata WHERE key = 'partitions'", "embedder or partitions"),
    ],
)
def test_unknown_format(copy: Path, sql: str, message: str) -> None:
    with closing(sqlite3.connect(copy / "chroma.sqlite3")) as database:
        assert database.execute(sql).rowcount == 1
        database.commit()
    with pytest.raises(StoreFormatError, match=message):
        ChromaStore.open(copy, SPEC)


def test_error_names_the_damaged_row(copy: Path) -> None:
    with closing(sqlite3.connect(copy / "chroma.sqlite3")) as database:
        database.execute("UPDATE embedding_metadata SET string_value = '{}' WHERE key = 'record'")
        database.commit()
    with ChromaStore.open(copy, SPEC) as store, pytest.raises(StoreFormatError, match="/m3"):
        store.get(ADA, "turn", ["m3"])  # type: ignore[arg-type]


def test_path_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreUnavailableError, match="directory that can be written"):
            ChromaStore.open(path, SPEC)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_path(copy: Path) -> None:
    copy.chmod(0o555)
    try:
        with pytest.raises(StoreUnavailableError, match="directory that can be written"):
            ChromaStore.open(copy, SPEC)
    finally:
        copy.chmod(0o755)


def test_rejected_path_is_unlocked(copy: Path) -> None:
    for _ in range(2):
        with pytest.raises(EmbedderMismatchError):
            ChromaStore.open(copy, EmbedderSpec("another", 8))
    ChromaStore.open(copy, SPEC).close()


@pytest.mark.parametrize("partitions", [0, -1, 5000])
def test_invalid_number_of_partitions(tmp_path: Path, partitions: int) -> None:
    with pytest.raises(InvalidInputError, match="from 1 to 4096"):
        ChromaStore.open(tmp_path / "store", SPEC, partitions=partitions)
    assert not (tmp_path / "store").exists()

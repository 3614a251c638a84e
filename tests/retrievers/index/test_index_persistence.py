"""Saved indexes equal rebuilt ones, whatever was written since."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromadb.api.models.Collection import Collection
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem.maintenance.check import index_differences
from agentmem_retrievers.index.array_file import ArrayFile
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import (
    Batch,
    ChromaStore,
    Edge,
    EmbedderSpec,
    Entry,
    Granularity,
    InMemoryStore,
    Memory,
    Scope,
    token_code_bytes,
)

ADA = Scope("ada")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = EmbedderSpec("drawn", 8)
WORDS = ("beagle", "cello", "garden", "puppy", "kitchen", "quixotic")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentmem_retrievers.index.persistence.IndexPersistence.min_size", 1)


def entry(n: int, text: str, granularity: Granularity = Granularity.TURN, **fields: Any) -> Entry:
    memory = Memory(f"{granularity}-{n}", ADA, granularity, text, f"s{n % 3}", NOW, NOW, position=n)
    rng = np.random.default_rng(n)
    vector = rng.normal(size=SPEC.dimension).astype(np.float32)
    signs = rng.bytes(token_code_bytes(SPEC.dimension) * (n % 4))
    return Entry(replace(memory, **fields), vector / np.linalg.norm(vector), signs)


def entries_of(*numbers: int) -> list[Entry]:
    """Turns, each linked to the one before, and a summary of them."""
    turns = [
        entry(
            n, f"The {WORDS[n % 6]} of week {n}.", speaker=("Ada", "Ben")[n % 2],
            edges=(Edge(f"turn-{n - 1}", 0.5 + n / 100),) if n else (),
        )
        for n in numbers
    ]  # fmt: skip
    sources = tuple(t.memory.id for t in turns)
    return [*turns, entry(numbers[0], "A summary.", Granularity.SUMMARY, sources=sources)]


def embed(words: object) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.ones((len(list(words)), SPEC.dimension), dtype=np.float32)  # type: ignore[call-overload]


def opened(path: Path) -> ChromaStore:
    return ChromaStore.open(path, SPEC, partitions=1)


def kept_in(path: Path) -> list[Path]:
    return sorted((path / "agentmem-derived").glob("*"))


def same(store: ChromaStore, engine: IndexedStore) -> bool:
    """Whether the index equals a rebuilt one."""
    return not list(index_differences(engine.index(ADA), ScopeIndex.build(store, ADA)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with opened(tmp_path / "store") as store:
        engine = IndexedStore(store, embed)
        engine.write(Batch(ADA, put=entries_of(*range(12))))
        engine.learn_vocabulary(ADA)
        engine.save()
    return tmp_path / "store"


def test_a_saved_index_is_loaded_instead_of_rebuilt(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(path) as store:
        engine = IndexedStore(store)
        monkeypatch.setattr(ScopeIndex, "build", lambda *_: pytest.fail("rebuilt"))
        index = engine.index(ADA)
        monkeypatch.undo()
        assert same(store, engine)
        assert index.members("s1", Granularity.TURN) == [f"turn-{n}" for n in (1, 4, 7, 10)]
        assert len(index.tables[Granularity.TURN].vocabulary) > len(WORDS)


def test_a_saved_index_is_loaded_without_reading_collections(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chroma loads all vectors of a collection with the first read of it."""
    read: list[str] = []
    get = Collection.get

    def record(collection: Collection, *args: Any, **kwargs: Any) -> Any:
        read.append(collection.name)
        return get(collection, *args, **kwargs)

    monkeypatch.setattr(Collection, "get", record)
    with opened(path) as store:
        assert len(IndexedStore(store).index(ADA).tables[Granularity.TURN]) == 12
    assert not [name for name in read if name.startswith(tuple(Granularity))]


steps = st.lists(
    st.tuples(st.sampled_from(["put", "replace", "patch", "delete"]), st.integers(0, 14)),
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(before=steps, after=steps)
def test_a_loaded_index_can_be_updated(
    before: list[tuple[str, int]], after: list[tuple[str, int]], tmp_path_factory: object
) -> None:
    store = InMemoryStore(SPEC)
    index = ScopeIndex.build(store, ADA)
    batch = Batch(ADA, put=entries_of(*range(9)))
    index.apply(batch, store.write(batch))
    play(store, index, before)
    file_ = index.to_arrays()
    loaded = ScopeIndex.from_arrays(file_, (), dimension=SPEC.dimension, revision=index.revision)
    play(store, loaded, after)
    fresh = ScopeIndex.build(store, ADA)
    assert list(index_differences(loaded, fresh)) == []
    assert loaded.undigested() == fresh.undigested()
    for table, other in zip(loaded.tables.values(), fresh.tables.values(), strict=True):
        terms = {t for row in other.row_of.values() for t in other.words.terms(row)}
        assert all(
            table.words.document_frequency(t) == other.words.document_frequency(t) for t in terms
        )
        assert table.words.mean_length() == other.words.mean_length()


def play(store: InMemoryStore, index: ScopeIndex, script: list[tuple[str, int]]) -> None:
    for kind, n in script:
        memories = {m.id: m for m in store.scan(ADA, Granularity.TURN)}
        old = memories.get(f"turn-{n}")
        batch = Batch(ADA)
        if kind in ("put", "replace") and (old is None) == (kind == "put"):
            batch = Batch(ADA, put=[entry(n, f"Another {WORDS[-n % 6]} for {n}.")])
        elif kind == "patch" and old is not None:
            batch = Batch(ADA, patch=[replace(old, strength=7.0 + n)])
        elif kind == "delete" and old is not None:
            linked = [
                replace(m, edges=tuple(e for e in m.edges if e.target != old.id))
                for m in memories.values()
                if m.id != old.id and any(e.target == old.id for e in m.edges)
            ]
            batch = Batch(ADA, patch=linked, delete=[(Granularity.TURN, old.id)])
        if batch:
            index.apply(batch, store.write(batch))


def test_a_loaded_index_catches_up_with_later_writes(path: Path) -> None:
    with opened(path) as store:
        new = [entry(12, "A thirteenth turn."), entry(0, "Cellos", Granularity.KEYWORDS)]
        store.write(Batch(ADA, put=new))
        [third] = store.get_memories(ADA, Granularity.TURN, ["turn-3"])
        store.write(Batch(ADA, patch=[replace(third, strength=9.0)]))
    with opened(path) as store:
        engine = IndexedStore(store)
        table = engine.index(ADA).tables[Granularity.TURN]
        assert same(store, engine)
        assert table.column("strength")[table.row_of["turn-3"]] == 9.0


def test_a_file_is_ignored_after_deletions_by_others(path: Path) -> None:
    with opened(path) as store:
        store.write(Batch(ADA, delete=[(Granularity.TURN, "turn-11")]))
    with opened(path) as store:
        engine = IndexedStore(store)
        assert "turn-11" not in engine.index(ADA).tables[Granularity.TURN].row_of
        assert same(store, engine)


@pytest.mark.parametrize("delete", [True, False])
def test_the_file_is_deleted_before_any_text(path: Path, delete: bool) -> None:
    with opened(path) as store:
        engine = IndexedStore(store)
        [file] = kept_in(path)
        assert b"quixot" in file.read_bytes()
        if delete:
            [linked] = store.get_memories(ADA, Granularity.TURN, ["turn-6"])
            gone = [(Granularity.TURN, f"turn-{n}") for n in (5, 11)]
            engine.write(Batch(ADA, patch=[replace(linked, edges=())], delete=gone))
        else:
            engine.write(Batch(ADA, put=[entry(n, "Nothing.") for n in (5, 11)]))
        assert not kept_in(path)
        engine.save()
        [file] = kept_in(path)
        assert b"quixot" not in file.read_bytes()
        assert same(store, IndexedStore(store))


def test_compacting_deletes_the_file(path: Path) -> None:
    with opened(path) as store:
        engine = IndexedStore(store)
        engine.index(ADA)
        store.compact()
        assert not kept_in(path)
        assert same(store, engine)
        engine.save()
        assert same(store, IndexedStore(store))


def test_a_damaged_file_is_rebuilt(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    [file] = kept_in(path)
    whole = file.read_bytes()
    in_words, in_texts = whole.replace(b"beagl", b"eagle"), whole.replace(b"The c", b"the c")
    for damaged in (b"", whole[:200], whole[:-100], in_words, in_texts):
        assert damaged != whole
        file.write_bytes(damaged)
        with caplog.at_level(logging.WARNING, logger="agentmem"), opened(path) as store:
            assert same(store, IndexedStore(store))
        assert "rebuilding the index" in caplog.text
        caplog.clear()


def test_array_file_round_trip(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {
        "a": np.arange(7, dtype=np.int32),
        "b": np.zeros((0, 3)),
        "c": np.eye(3),
    }
    ArrayFile({"n": 1}, {"s": ["", "ä\n"]}, arrays, {"c"}).write(tmp_path / "f")
    file = ArrayFile.read(tmp_path / "f", {"n": 1})
    assert file.strings == {"s": ["", "ä\n"]}
    assert all(np.array_equal(file.arrays[name], array) for name, array in arrays.items())


def test_a_write_that_chroma_had_only_logged_is_in_the_index(tmp_path: Path) -> None:
    """Chroma first logs a write, then applies it; a process may be killed in between."""
    with opened(tmp_path) as store:
        memories = IndexedStore(store, embed)
        memories.write(Batch(ADA, put=entries_of(*range(12))))
        memories.save()
        store.write(Batch(ADA, put=[entry(12, "The last cello.")]))
    assert kept_in(tmp_path)
    with closing(sqlite3.connect(tmp_path / "chroma.sqlite3")) as db, db:
        [(row, segment, sequence)] = db.execute(
            "SELECT id, segment_id, seq_id FROM embeddings WHERE embedding_id LIKE '%/turn-12'"
        )
        db.execute("DELETE FROM embedding_metadata WHERE id = ?", (row,))
        db.execute("DELETE FROM embeddings WHERE id = ?", (row,))
        db.execute("UPDATE max_seq_id SET seq_id = ? - 1 WHERE segment_id = ?", (sequence, segment))
    with opened(tmp_path) as store:
        index = IndexedStore(store, embed).index(ADA)
        assert "turn-12" in index.tables[Granularity.TURN].row_of
        assert not list(index_differences(index, ScopeIndex.build(store, ADA)))

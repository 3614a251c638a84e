"""Damage to a store is reported and repaired, or the store is not opened; turns stay unchanged."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agentmem import AgentMemError, Granularity, MemoryController, Scope, StoreFormatError
from agentmem_retrievers.index.array_file import ArrayFile
from agentmem_stores import Batch, Edge, Entry
from agentmem_stores.chroma.files.hnsw_files import read_header
from tests.torture._embedding import WordEmbeddings

ADA, BOB = Scope("ada"), Scope("bob")
TURNS = 1100
DAMAGED = 10


def reopened(path: Path, *, repair: bool = False) -> MemoryController:
    return MemoryController.open(
        path, scope=ADA, embeddings=WordEmbeddings(), linger=None, repair=repair
    )


def texts_of(memory: MemoryController, scope: Scope = ADA) -> dict[str, str]:
    """The turns of the store; `get_all` reads the index, which may differ from it."""
    return {m.id: m.text for m in memory.services.store.scan(scope, Granularity.TURN)}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with enough turns for Chroma to write its vectors to index files."""
    path = tmp_path_factory.mktemp("large") / "store"
    with reopened(path) as memory:
        [first] = memory.add("number0 met friend0", session_id="s")
        texts = [f"number{n} met friend{n % 7}" for n in range(1, TURNS)]
        vectors = memory.services.embedder.documents(texts)
        turns = [replace(first, id=f"t{n}", position=n, text=t) for n, t in enumerate(texts, 1)]
        put = [Entry(turn, vector) for turn, vector in zip(turns, vectors, strict=True)]
        memory.services.store.write(Batch(ADA, put=put))
    assert any(path.glob("*/index_metadata.pickle"))
    return path


@pytest.fixture
def copy(large: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(large, tmp_path / "copy"))


def folders(path: Path) -> Iterator[Path]:
    return (file.parent for file in path.glob("*/index_metadata.pickle"))


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, size)


def removed(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def scrambled(folder: Path) -> None:
    file = folder / "data_level0.bin"
    file.write_bytes(np.random.default_rng(1).bytes(file.stat().st_size))


def with_wrong_links(folder: Path) -> None:
    header = read_header(folder)
    assert header is not None
    content = np.memmap(folder / "data_level0.bin", dtype=np.uint8, mode="r+")
    elements = content[: header.n_elements * header.element_size]
    elements.reshape(-1, header.element_size)[:, 4 : 4 * (header.max_links + 1)] = 0xFF
    content.flush()


@pytest.mark.parametrize(
    "damage",
    [
        shutil.rmtree,
        removed("data_level0.bin"),
        removed("index_metadata.pickle"),
        cut("data_level0.bin", 1000),
        cut("data_level0.bin", 0),
        cut("header.bin", 10),
        cut("index_metadata.pickle", 10),
        scrambled,
    ],
    ids=["folder", "level0", "pickle", "cut", "empty", "header", "half a pickle", "scrambled"],
)
def test_damaged_index_files_are_not_opened(copy: Path, damage: Callable[[Path], None]) -> None:
    """Chroma itself would silently search the rest, or crash the process."""
    for folder in list(folders(copy)):
        damage(folder)
    for _ in range(2):
        with pytest.raises(StoreFormatError, match=r"agentmem check --repair"):
            reopened(copy)


@pytest.mark.parametrize(
    "damage",
    [removed("link_lists.bin"), cut("length.bin", 400)],
    ids=["links", "lengths"],
)
def test_readable_vectors_are_restored(
    copy: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    """As after a kill while Chroma rewrote the files: nothing is embedded again or lost."""
    for folder in list(folders(copy)):
        damage(folder)
    with reopened(copy) as memory:
        assert "restored" in caplog.text
        assert memory.check().ok
        assert len(texts_of(memory)) == TURNS
        for turn in memory.services.store.scan_entries(ADA, Granularity.TURN):
            true = memory.services.embedder.documents([turn.memory.text])[0]
            assert np.abs(turn.vector - true).max() < 1e-6
        assert memory.search("number7 met friend0")[0].memory.id == "t7"
    with reopened(copy) as memory:
        assert memory.check().ok


def test_lost_vectors_are_embedded_again(copy: Path) -> None:
    for folder in list(folders(copy)):
        shutil.rmtree(folder)
    with reopened(copy, repair=True) as memory:
        report = memory.check(repair=True)
        assert report.ok
        assert any("vector is lost" in sentence for sentence in report.repaired)
        assert len(texts_of(memory)) == TURNS
        assert memory.search("number7 met friend0")[0].memory.id == "t7"
    with reopened(copy) as memory:
        assert memory.check().ok


def test_index_links_to_missing_elements_are_repaired(copy: Path) -> None:
    """Too expensive to check at every opening; they would crash the process in Chroma."""
    for folder in list(folders(copy)):
        with_wrong_links(folder)
    with reopened(copy) as memory:
        assert "data_level0.bin is damaged" in memory.services.store.check_files()[0]
    with reopened(copy, repair=True) as memory:
        assert memory.check(repair=True).ok


def test_a_damaged_database_page_is_reported(copy: Path) -> None:
    with (copy / "chroma.sqlite3").open("r+b") as file:
        file.seek(4096 * 60)
        file.write(b"\xff" * 4096 * 3)
    with reopened(copy) as memory:
        assert "restore it from a backup" in memory.services.store.check_files()[0]


@pytest.mark.parametrize("repair", [False, True])
def test_a_truncated_database_is_reported(tmp_path: Path, repair: bool) -> None:
    """Errors and panics of Chroma become problems of the report; turns stay as they are."""
    with reopened(tmp_path) as memory:
        memory.add(["the boat is red", "the oar is blue"], session_id="a")
    with closing(sqlite3.connect(tmp_path / "chroma.sqlite3")) as database:
        pages = [
            root
            for table in ("embedding_metadata", "embeddings", "embeddings_queue")
            for (root,) in database.execute(
                "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
            )
        ]
        [(size,)] = database.execute("PRAGMA page_size")
    for page in pages:
        path = tmp_path / "chroma.sqlite3"
        whole = path.read_bytes()
        start = (page - 1) * size
        path.write_bytes(whole[:start] + bytes(size) + whole[start + size :])
        with reopened(tmp_path) as memory:
            problems = memory.check(repair=repair).problems
            assert any(str(path) in problem and "backup" in problem for problem in problems)
            assert memory.check(repair=repair).repaired == ()
        path.write_bytes(whole)
    with reopened(tmp_path) as memory:
        assert list(texts_of(memory).values()) == ["the boat is red", "the oar is blue"]


def damaged_at_random(database: Path, rng: random.Random) -> None:
    """Overwrite a few bytes or whole pages with noise or zeros; never the first page."""
    data, page = bytearray(database.read_bytes()), 4096
    kind = rng.choice(["bytes", "noise", "nothing"])
    for _ in range(20 if kind == "bytes" else 2):
        start = rng.randrange(1, len(data) // page) * page
        if kind == "bytes":
            data[start + rng.randrange(page)] = rng.randrange(256)
        else:
            data[start : start + page] = rng.randbytes(page) if kind == "noise" else bytes(page)
    database.write_bytes(data)


def test_no_damage_raises_an_untyped_error(tmp_path: Path) -> None:
    with reopened(tmp_path / "whole") as memory:
        memory.add([f"word{n} is here" for n in range(12)], session_id="a")
        memory.end_session("a")
    calls: list[Callable[[MemoryController], object]] = [
        lambda memory: memory.check(),
        lambda memory: memory.search("word1 here"),
        lambda memory: memory.get_all(limit=None),
        lambda memory: memory.add("hello there", session_id="z"),
        lambda memory: memory.check(repair=True),
        lambda memory: memory.export(tmp_path / "x.jsonl"),
        lambda memory: memory.close(),
    ]
    refused = 0
    for seed in range(DAMAGED):
        path = Path(shutil.copytree(tmp_path / "whole", tmp_path / f"copy{seed}"))
        damaged_at_random(path / "chroma.sqlite3", random.Random(seed))
        try:
            memory = reopened(path)
        except AgentMemError:
            refused += 1
            continue
        for call in calls:
            try:
                call(memory)
            except AgentMemError:
                refused += 1
    print(f"{DAMAGED} damaged databases, {refused} calls refused")
    assert refused


@pytest.fixture(scope="module")
def with_index_file(large: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose derived index is saved in a file."""
    path = Path(shutil.copytree(large, tmp_path_factory.mktemp("kept") / "store"))
    with reopened(path) as memory:
        memory.search("number7 met friend0")
    assert index_of(path).exists()
    return path


def index_of(path: Path) -> Path:
    return path / "agentmem-derived" / f"{ADA.key}.index"


def forged(file: Path) -> None:
    """The file is intact and up to date, but its content is wrong."""
    frozen = ArrayFile.read(file, {})
    frozen.arrays["turn.strength"] = frozen.arrays["turn.strength"] + 1
    frozen.arrays["turn.vectors"] = frozen.arrays["turn.vectors"][::-1].copy()
    frozen.write(file)


INDEX_DAMAGE: dict[str, Callable[[Path], object]] = {
    "lost": Path.unlink,
    "cut short": lambda file: os.truncate(file, file.stat().st_size - 100),
    "of somebody else": lambda file: file.write_bytes(
        file.read_bytes().replace(ADA.key.encode(), BOB.key.encode())
    ),
    "forged": forged,
}


@pytest.mark.parametrize("damage", INDEX_DAMAGE)
def test_a_damaged_full_text_index_is_repaired(
    with_index_file: Path, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Reported and rebuilt: impossible content when it is read, the rest by repair.

    Its numbers are not all read when it is opened, so only `check` finds one that lies.
    """
    path = Path(shutil.copytree(with_index_file, tmp_path / "copy"))
    INDEX_DAMAGE[damage](index_of(path))
    with reopened(path) as memory:
        problems = memory.check().problems
        if damage == "forged":
            assert any("has another strength in the index" in problem for problem in problems)
            assert any("has another vector in the index" in problem for problem in problems)
            assert memory.check(repair=True).repaired == problems
        else:
            assert not problems
            assert damage == "lost" or str(index_of(path)) in caplog.text
        assert memory.search("number7 met friend0")[0].memory.id == "t7"
    with reopened(path) as memory:
        assert memory.check().ok
        assert memory.search("number7 met friend0")[0].memory.id == "t7"


def test_a_full_text_index_ahead_of_the_store_is_reported(
    with_index_file: Path, tmp_path: Path
) -> None:
    """As when only the database was restored from a backup."""
    path, later = tmp_path / "copy", tmp_path / "later"
    for target in (path, later):
        shutil.copytree(with_index_file, target)
    with reopened(later) as memory:
        [old] = memory.services.store.get_memories(ADA, Granularity.TURN, ["t5"])
        memory.services.memories.write(Batch(ADA, patch=[replace(old, strength=99.0)]))
        index_of(later).unlink(missing_ok=True)
    shutil.copy(index_of(later), index_of(path))
    with reopened(path) as memory:
        assert memory.check().ok
        table = memory.services.memories.index(ADA).tables[Granularity.TURN]
        assert table.column("strength")[table.row_of["t5"]] != 99.0


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[MemoryController]:
    with reopened(tmp_path / "store") as opened:
        opened.add(["the boat is red", "the oar is blue"], session_id="a")
        opened.end_session("a")
        opened.add(["the boat sails", "the oar broke"], session_id="b")
        opened.end_session("b")
        yield opened


def stored(memory: MemoryController, granularity: Granularity, n: int = 0) -> Entry:
    files = sorted(
        memory.services.store.scan(ADA, granularity), key=lambda m: (m.session_id, m.position)
    )
    return memory.services.store.get(ADA, granularity, [files[n].id])[0]


def repaired(memory: MemoryController, problem: str) -> None:
    """Problems are reported, then repaired; turns stay as they are."""
    words = texts_of(memory)
    assert any(problem in sentence for sentence in memory.check().problems)
    report = memory.check(repair=True)
    assert report.ok
    assert any(problem in sentence for sentence in report.repaired)
    assert memory.check() == replace(report, repaired=())
    assert texts_of(memory) == words


def test_an_intact_store_has_no_problems(memory: MemoryController) -> None:
    report = memory.check(repair=True)
    assert report.ok
    assert not report.repaired


def test_an_edge_to_a_missing_memory_is_repaired(memory: MemoryController) -> None:
    entry = stored(memory, Granularity.TURN)
    memory.services.store.write(
        Batch(ADA, patch=[replace(entry.memory, edges=(Edge("gone", 0.5),))])
    )
    repaired(memory, "linked to gone, which does not exist")


def test_a_summary_with_a_missing_source_is_repaired(memory: MemoryController) -> None:
    entry = stored(memory, Granularity.SUMMARY)
    patch = replace(entry.memory, sources=(*entry.memory.sources, "gone"))
    memory.services.store.write(Batch(ADA, patch=[patch]))
    repaired(memory, "derives from gone, which does not exist")
    summaries = list(memory.services.store.scan(ADA, Granularity.SUMMARY))
    assert {m.session_id for m in summaries} == {"a", "b"}
    assert all("gone" not in m.sources for m in summaries)


def test_a_vector_not_of_unit_length_is_repaired(memory: MemoryController) -> None:
    entry = stored(memory, Granularity.TURN)
    memory.services.store.write(Batch(ADA, put=[Entry(entry.memory, entry.vector * 3)]))
    repaired(memory, "vector has length 3 instead of 1")
    assert np.allclose(stored(memory, Granularity.TURN).vector, entry.vector, atol=1e-5)


@pytest.mark.parametrize("part", ["a column", "a posting", "a vector", "an edge", "a row"])
def test_an_index_that_differs_from_the_store_is_repaired(
    memory: MemoryController, part: str
) -> None:
    index = memory.services.memories.index(ADA)
    table = index.tables[Granularity.TURN]
    if part == "a column":
        table.column("strength")[0] += 1
    elif part == "a posting":
        table.words.remove(0)
    elif part == "a vector":
        table._vectors.put(0, np.zeros(1, dtype=np.float32))
    elif part == "an edge":
        index.edges.set_edges(table.ids[0], {"nobody": 0.123})
    else:
        table.remove(table.ids[0])
    repaired(memory, "in the index")


def test_a_former_version_without_its_current_one_stays(memory: MemoryController) -> None:
    old = stored(memory, Granularity.TURN)
    memory.update(old.memory.id, text="the boat is green")
    [former] = [m for m in memory.services.store.scan(ADA, Granularity.TURN) if m.version_of]
    memory.services.store.write(Batch(ADA, patch=[replace(former, version_of="gone")]))
    report = memory.check(repair=True)
    assert [former.id in sentence for sentence in report.problems] == [True]
    assert former.id in {m.id for m in memory.services.store.scan(ADA, Granularity.TURN)}


def test_an_unreadable_record_is_named(tmp_path: Path) -> None:
    with reopened(tmp_path) as memory:
        [turn] = memory.add("the boat is red", session_id="a")
    with closing(sqlite3.connect(tmp_path / "chroma.sqlite3")) as database:
        database.execute("UPDATE embedding_metadata SET string_value = '{}' WHERE key = 'record'")
        database.commit()
    with reopened(tmp_path) as memory:
        for repair in (False, True):
            problems = memory.check(repair=repair).problems
            assert any(turn.id in sentence and "export" in sentence for sentence in problems)


def test_the_check_command_checks_all_scopes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from agentmem.__main__ import main

    store = str(tmp_path / "store")
    for user in ("ada", "bob"):
        with pytest.raises(SystemExit):
            main(["add", "I like tea.", "--store", store, "--user", user])
    capsys.readouterr()
    with pytest.raises(SystemExit) as done:
        main(["check", "--json", "--repair", "--store", store])
    assert done.value.code == 0
    report = json.loads(capsys.readouterr().out)
    assert report == {u: {"problems": [], "repaired": []} for u in ("ada", "bob")}


@pytest.mark.parametrize("left", [None, "agentmem.lock"])
def test_the_check_command_creates_no_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], left: str | None
) -> None:
    """For example a disk that is not mounted: a new store would have no problems."""
    from agentmem.__main__ import main

    if left is not None:
        (tmp_path / left).touch()
    for command in (["check"], ["check", "--repair"], ["list"], ["search", "x"], ["compact"]):
        with pytest.raises(SystemExit) as done:
            main([*command, "--store", str(tmp_path)])
        assert done.value.code == 1
        assert "no store at" in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ([left] if left else [])

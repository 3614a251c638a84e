"""After `compact`, no byte of a deleted memory is in any file of the store."""

from __future__ import annotations

import platform
import threading
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings
from typer.testing import CliRunner, Result

from agentmem import ChromaStore, Granularity, MemoryController, Scope
from agentmem.cli.app import app
from agentmem.langchain import AgentMemoryStore
from agentmem.testing import ManualClock
from agentmem_retrievers.index.quantized import encode_tokens, quantize
from agentmem_stores import Batch, Entry, Memory, StoreError
from tests.stores.conftest import ChromaServer

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ADA, BEN = Scope("ada"), Scope("ben")
# Words that stand in nothing else, with their stems.
WORDS = ("Zanzibarian", "quixotically", "Wolpertinger")
STEMS = ("zanzibarian", "quixot", "wolperting")
STATEMENTS = (
    "My zebra is called Wolpertinger and lives in the Zanzibarian embassy.",
    "I quixotically hid the key of the Zanzibarian embassy under the third stone.",
)


def bytes_of(path: Path) -> bytes:
    """All files: databases with their free pages and logs, indexes, whatever there is."""
    files = sorted(f for f in path.rglob("*") if f.is_file())
    return b"\n".join(f.read_bytes() for f in files)


def traces_of(entry: Entry) -> Iterable[bytes]:
    """An embedding and the signs of words as they may be written, whole and in part."""
    if entry.token_codes:
        yield b64encode(entry.token_codes)
        yield entry.token_codes
        yield from (entry.token_codes[at : at + 48] for at in range(0, len(entry.token_codes), 48))
    for kind in (np.float64, np.float32, np.float16):
        written = np.asarray(entry.vector).astype(kind).tobytes()
        yield written
        yield written[: 16 * np.dtype(kind).itemsize]
        yield written[-16 * np.dtype(kind).itemsize :]
    vector = np.asarray(entry.vector)[np.newaxis]
    quantized = quantize(vector)[0].tobytes()
    yield from (quantized, quantized[:16], quantized[-16:])
    # The second half of a sign code is stored in one piece.
    code = encode_tokens(vector)
    yield code[len(code) // 2 :]


def secrets_in(path: Path, secrets: Sequence[Entry]) -> list[str]:
    """The traces of deleted memories in the files: words, stems, texts, vectors."""
    contents = bytes_of(path)
    lowered = contents.lower()
    words = [word for word in (*WORDS, *STEMS) if word.lower().encode() in lowered]
    wide = [word for word in WORDS if word.encode("utf-16-le") in contents]
    sentences = [e.memory.text for e in secrets if e.memory.granularity is not Granularity.CITATION]
    texts = [text for text in sentences if text.encode() in contents]
    vectors = [e.memory.id for e in secrets if any(t in contents for t in traces_of(e))]
    return [*words, *wide, *texts, *vectors]


def secrets_of(memory: MemoryController) -> list[Entry]:
    """The records of the store that contain the secret."""
    store = memory.services.store
    return [
        entry
        for g in Granularity
        for m in store.scan(ADA, g)
        # Of a question nothing but its embedding is kept, in a citation.
        if g is Granularity.CITATION or any(stem in m.text.lower() for stem in STEMS)
        for entry in store.get(ADA, g, [m.id])
    ]


def live(memory: MemoryController) -> list[str]:
    """Talk about the secret in every way there is; return the ids of the turns that do."""
    turns = memory.add(
        ["The weather is grey.", *STATEMENTS, "The cello needs strings."], session_id="s"
    )
    memory.end_session("s")
    again = memory.add(
        ["As I said: " + STATEMENTS[1], "Good night."], session_id="t", metadata={"n": 1}
    )
    memory.end_session("t")
    alone = memory.add(STATEMENTS[1], session_id=f"about the {WORDS[0]} embassy")
    memory.add_plan(f"Find the {WORDS[2]}", [f"Look {WORDS[1]}."], sources=[turns[2].id])
    memory.update(turns[1].id, text="My zebra is called Wolpertinger and has moved out.")
    memory.add([f"Note {n} about gardening, week {n}." for n in range(30)], session_id="g")
    memory.consolidate()
    hits = memory.search("Where does the Wolpertinger live?")
    memory.feedback(hits, cited=[hit.memory.id for hit in hits if hit.memory.id == turns[1].id])
    item = {"text": STATEMENTS[0], "kind": "Zanzibarian"}
    AgentMemoryStore(memory).put(("pets", WORDS[0]), WORDS[2], item)
    memory.add(STATEMENTS[1], scope=BEN, session_id="s")
    memory.delete_all(scope=BEN)
    return [turns[1].id, turns[2].id, again[0].id, alone[0].id]


def forget(memory: MemoryController, ids: Iterable[str]) -> None:
    gone: set[str] = set()
    for memory_id in ids:
        # What says the same may have gone along with another.
        if memory_id not in gone:
            gone.update(memory.delete(memory_id).deleted)
    AgentMemoryStore(memory).delete(("pets", WORDS[0]), WORDS[2])


def write_on(memory: MemoryController, n: int) -> None:
    """Go on writing until Chroma has written its index files several times."""
    rng = np.random.default_rng(0)
    for start in range(0, n, 250):
        vectors = rng.normal(size=(250, 384)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        put = [
            Entry(
                Memory(
                    f"x{start + i}", ADA, Granularity.TURN, f"Line {start + i}.", "x", START, START
                ),
                v,
            )
            for i, v in enumerate(vectors)
        ]
        memory.services.memories.write(Batch(ADA, put=put))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def opened(path: Path, embeddings: Embeddings) -> MemoryController:
    return MemoryController.open(
        path, scope=ADA, embeddings=embeddings, clock=ManualClock(START), linger=None
    )


def test_compact_leaves_no_byte_at_once_or_after_later_writes(
    path: Path, embeddings: Embeddings
) -> None:
    with opened(path, embeddings) as memory:
        ids = live(memory)
        secrets = secrets_of(memory)
        kinds = {e.memory.granularity for e in secrets}
        assert kinds >= {
            Granularity.TURN, Granularity.SESSION, Granularity.SUMMARY, Granularity.KEYWORDS,
            Granularity.DAY, Granularity.PLAN, Granularity.CITATION,
        }  # fmt: skip
        forget(memory, ids)
        assert secrets_of(memory) == []
        assert secrets_in(path, secrets), (
            "deleting alone leaves bytes behind, or this test sees none"
        )
        report = memory.compact()
        assert report.after < report.before
        assert secrets_in(path, secrets) == []
        write_on(memory, 2000)
        if report.wiped:
            assert secrets_in(path, secrets) == []
        else:
            assert platform.libc_ver()[0] != "glibc"
            pytest.skip("this C library cannot overwrite what it frees")
    assert secrets_in(path, secrets) == []
    files = [f for f in path.rglob("*") if f.is_file()]
    size = sum(f.stat().st_size for f in files)
    print(f"{len(files)} files, {size} bytes searched for {len(secrets)} texts and embeddings")
    with opened(path, embeddings) as memory:
        assert memory.check().ok
        assert any("cello" in hit.memory.text for hit in memory.search("cello", k=5))


def test_a_deleted_scope_leaves_only_its_name(path: Path, embeddings: Embeddings) -> None:
    with opened(path, embeddings) as memory:
        live(memory)
        secrets = secrets_of(memory)
        memory.delete_all()
        memory.compact()
    assert secrets_in(path, secrets) == []
    assert b"gardening" not in bytes_of(path)


def command(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--store", str(path), "--user", "ada"])


def test_the_compact_command_leaves_no_byte(
    path: Path, embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentmem.cli.options.default_embedder", lambda: embeddings)
    with opened(path, embeddings) as memory:
        live(memory)
        secrets = secrets_of(memory)
        busy = command(path, "compact")
        assert busy.exit_code == 1
        assert "in use" in busy.stderr
        AgentMemoryStore(memory).delete(("pets", WORDS[0]), WORDS[2])
    wanted = ["--query", "Wolpertinger Zanzibarian embassy key", "-k", "3"]
    assert command(path, "forget", *wanted).exit_code == 2
    assert secrets_in(path, secrets)
    purged = command(path, "forget", *wanted, "--yes", "--purge")
    assert purged.exit_code == 0, purged.output
    assert purged.stdout.count("deleted ") >= 3
    assert "compacted the files" in purged.stdout
    assert secrets_in(path, secrets) == []
    assert "compacted the files" in command(path, "compact").stdout


def test_files_of_a_stopped_server_are_compacted(tmp_path: Path, embeddings: Embeddings) -> None:
    server = ChromaServer(tmp_path / "server")
    server.start()
    try:
        with (
            MemoryController(server.connect(), scope=ADA, embeddings=embeddings) as memory,
            MemoryController(server.connect(), scope=ADA, embeddings=embeddings) as other,
        ):
            ids = live(memory)
            secrets = secrets_of(memory)
            assert any("Wolpertinger" in hit.memory.text for hit in other.search("Wolpertinger"))
            forget(memory, ids)
            # Another client sees it at once: gone from search, and from what is derived.
            hits = other.search("Wolpertinger", k=50, include_archived=True)
            assert not any("Wolpertinger" in hit.memory.text for hit in hits)
            with pytest.raises(StoreError, match="stop the server"):
                memory.compact()
    finally:
        server.stop()
    with ChromaStore.open(server.path) as store:
        store.compact()
    assert secrets_in(server.path, secrets) == []


def test_searches_continue_during_compaction(path: Path, embeddings: Embeddings) -> None:
    failures: list[BaseException] = []
    done = threading.Event()
    counts = {"search": 0, "read": 0, "add": 0}

    def repeat(name: str, work: Any) -> None:
        try:
            while not done.is_set():
                work()
                counts[name] += 1
        except BaseException as error:
            failures.append(error)

    with opened(path, embeddings) as memory:
        ids = live(memory)
        secrets = secrets_of(memory)
        forget(memory, ids)
        work: dict[str, Any] = {
            "search": lambda: memory.search("cello"),
            "read": lambda: memory.services.store.get(ADA, Granularity.TURN, ["x"]),
            "add": lambda: memory.add("Meanwhile."),
        }
        threads = [threading.Thread(target=repeat, args=each) for each in work.items()]
        for thread in threads:
            thread.start()
        for _ in range(2):
            memory.compact()
        done.set()
        for thread in threads:
            thread.join(timeout=60)
        assert not failures
        assert min(counts.values()) > 0
        said = [m for m in memory.get_all(limit=None) if m.text == "Meanwhile."]
        assert len(said) == counts["add"]
        assert secrets_in(path, secrets) == []

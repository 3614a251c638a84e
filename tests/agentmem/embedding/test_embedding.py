"""Embedding: valid vectors from any LangChain embeddings, and MiniLM offline by default."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from agentmem import (
    EmbedderSpec,
    EmbeddingError,
    Granularity,
    InMemoryStore,
    InvalidInputError,
    MemoryController,
    MissingExtraError,
    Scope,
)
from agentmem.embedding import loading
from agentmem.embedding.embedder import (
    Embedder,
    TextEmbedding,
    estimate_tokens,
)
from agentmem.embedding.loading import MINILM
from agentmem.embedding.sentence_embeddings import (
    SentenceTransformerEmbeddings,
    default_embeddings,
)

ALONE = """
import socket, sys
from agentmem.embedding.embedder import Embedder
from agentmem.embedding.sentence_embeddings import default_embeddings
def refuse(*args): raise AssertionError("there was network access")
socket.socket.connect = socket.getaddrinfo = refuse
embedder = Embedder(default_embeddings())
assert embedder.spec.dimension == 384 and embedder.max_tokens == 254
assert embedder.count_tokens("beagles") > 0
assert not {"torch", "transformers", "sentence_transformers"} & set(sys.modules)
assert embedder.query("hello").shape == (384,)
"""


class Returning(Embeddings):
    """Embeddings that return a fixed row, and count the calls."""

    def __init__(self, row: Any) -> None:
        self.row = row
        self.calls = 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        self.calls += 1
        if isinstance(self.row, Exception):
            raise self.row
        row: list[float] = self.row
        return row


class Named(Returning):
    model = "text-embedding-of-somebody"


@pytest.fixture(scope="module")
def minilm(embeddings: Embeddings) -> Embedder:
    return Embedder(embeddings)


# In a process of its own, because it sets how many threads torch has.
WORKERS = """
import threading
import time
import numpy as np
import torch
from agentmem.embedding.sentence_embeddings import SentenceTransformerEmbeddings

def n_threads():
    counts = []
    thread = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return [torch.get_num_threads(), *counts]

torch.set_num_threads(3)
assert n_threads() == [3, 3]
used = set()
forward = SentenceTransformerEmbeddings._forward
def recorded(*args, **kwargs):
    used.add((threading.get_ident(), torch.get_num_threads()))
    return forward(*args, **kwargs)
SentenceTransformerEmbeddings._forward = recorded

embeddings = SentenceTransformerEmbeddings()
texts = [f"Beagle {n} " + "walked along the river " * (n % 17) for n in range(120)]
together = np.array(embeddings.embed_documents(texts))
assert {count for _, count in used} == {1} and len(used) == 3, used
# The workers end with the call, which does not wait for them.
deadline = time.monotonic() + 10
while threading.active_count() > 1 and time.monotonic() < deadline:
    time.sleep(0.001)
assert n_threads() == [3, 3] and threading.active_count() == 1
used.clear()
alone = np.array([embeddings.embed_documents([text])[0] for text in texts[:20]])
assert used == {(threading.get_ident(), 3)}, used
assert np.abs(together[:20] - alone).max() < 1e-5
"""


def test_batches_are_computed_at_once_with_one_thread_of_torch_each() -> None:
    subprocess.run([sys.executable, "-c", WORKERS], check=True, timeout=120)


def test_default_loads_lazily_offline_and_silently() -> None:
    paths = {"PYTHONPATH": ":".join(p for p in sys.path if p), "PATH": "/usr/bin:/bin"}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE],
        env=paths, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_vectors_are_float32_of_unit_length(minilm: Embedder) -> None:
    vectors = minilm.documents(["I adopted a beagle.", "", "我今天去了动物园"])
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert minilm.documents([]).shape == (0, 384)


def test_similar_texts_are_near(minilm: Embedder) -> None:
    query = minilm.query("What is my dog called?")
    near, far = minilm.documents(["My beagle is named Biscuit.", "The train was late."]) @ query
    assert near > far + 0.2


class TestWords:
    """The words that late interaction compares."""

    TEXTS = ("We're camping at the lake!", "Café-Müller 2023", "", "!?")

    def test_text_vectors_are_those_of_documents(self, minilm: Embedder) -> None:
        embedded = minilm.turns(self.TEXTS)
        np.testing.assert_allclose(embedded.vectors, minilm.documents(self.TEXTS), atol=1e-5)
        # camping, lake; Café, Müller, 2023: 48 bytes each, stop words and marks without any.
        assert [len(words) / 48 for words in embedded.token_codes] == [2, 3, 0, 0]

    def test_query_tokens_equal_the_tokens_of_the_same_text(self, minilm: Embedder) -> None:
        tokens = minilm.query_tokens(self.TEXTS[0])
        assert [token.text for token in tokens] == ["camping", "lake"]
        [codes] = minilm.turns(self.TEXTS[:1]).token_codes
        assert b"".join(token.code for token in tokens) == codes

    def test_same_sense_is_more_similar_than_another_sense(self, minilm: Embedder) -> None:
        def bits(text: str) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
            [word] = [w for w in minilm.query_tokens(text) if w.text == "bank"]
            return np.unpackbits(np.frombuffer(word.code, np.uint8))

        river, shore, money = map(
            bits,
            [
                "We sat on the bank of the river.",
                "Ducks sleep on the grassy bank by the water.",
                "The bank refused to lend us money.",
            ],
        )
        assert (river == shore).sum() > (river == money).sum()

    def test_a_text_longer_than_the_window_is_embedded_window_by_window(
        self, minilm: Embedder
    ) -> None:
        long = " ".join(["The dog barks."] * 100 + ["The alpine house is in Tromso."])
        batch = minilm.turns(["The dog barks.", long])
        short_codes, long_codes = (len(codes) / 48 for codes in batch.token_codes)
        assert long_codes == 100 * short_codes + 3
        assert batch.vectors.shape == (2, 384)
        [end] = minilm.turns(["The alpine house is in Tromso."]).token_codes
        assert len(end) / 48 == 3
        assert np.linalg.norm(batch.vectors[1]) == pytest.approx(1, abs=1e-5)

    def test_a_text_without_spaces_is_cut_at_the_window(self, minilm: Embedder) -> None:
        [codes] = minilm.turns([",".join(["dog"] * 300)]).token_codes
        assert 0 < len(codes) / 48 <= minilm.max_tokens

    def test_embeddings_without_words_have_no_tokens(self) -> None:
        embedder = Embedder(DeterministicFakeEmbedding(size=8))
        assert embedder.turns(["Hello there."]).token_codes == [b""]
        assert embedder.query_tokens("Hello there.") == ()

    @pytest.mark.parametrize("embeddings", [np.zeros((3, 8)), np.full((1, 8), np.nan), "nonsense"])
    def test_invalid_word_vectors_raise(self, embeddings: Any) -> None:
        class WithWords(Returning):
            def embed_with_words(self, texts: list[str], *, query: bool) -> list[TextEmbedding]:
                return [TextEmbedding(np.ones(8, np.float32), ["hello"], embeddings) for _ in texts]

        embedder = Embedder(WithWords([1.0] * 8))
        for embed in (lambda: embedder.turns(["Hello."]), lambda: embedder.query("Hello.")):
            with pytest.raises(EmbeddingError, match="WithWords failed"):
                embed()


def test_text_is_read_up_to_max_tokens(minilm: Embedder) -> None:
    words = ["dog"] * (minilm.max_tokens - 1)
    short, full, over = (" ".join([*words, *more]) for more in ([], ["moon"], ["moon", "tax"]))
    assert minilm.count_tokens(full) == minilm.max_tokens == 254
    vectors = minilm.documents([short, full, over])
    assert vectors[1] @ vectors[2] == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[1] < 0.9999


def test_embedder_is_thread_safe(minilm: Embedder) -> None:
    texts = [f"thing number {i} " * (1 + i % 5) for i in range(24)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda t: (minilm.query(t), minilm.count_tokens(t)), texts))
    alone = minilm.documents(texts)
    assert all(v @ row > 0.9999 for (v, _), row in zip(together, alone, strict=True))
    assert [n for _, n in together] == [minilm.count_tokens(t) for t in texts]


def test_model_in_a_folder_uses_its_own_prompts(tmp_path: Path, minilm: Embedder) -> None:
    packaged = loading.packaged_minilm()
    assert packaged is not None
    for file in packaged.iterdir():
        if file.name != "config_sentence_transformers.json":
            (tmp_path / file.name).symlink_to(file)
    prompts = {"prompts": {"query": "find: ", "document": ""}}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    own = Embedder(SentenceTransformerEmbeddings(str(tmp_path)))
    assert own.spec == EmbedderSpec(str(tmp_path), 384)
    assert own.max_tokens == 254
    assert own.query("beagle") @ minilm.query("find: beagle") == pytest.approx(1, abs=1e-5)
    assert own.documents(["beagle"])[0] @ minilm.query("beagle") == pytest.approx(1, abs=1e-5)


def test_missing_weights_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(loading, "packaged_minilm", lambda: None)
    monkeypatch.setattr("sentence_transformers.SentenceTransformer", unreachable)
    monkeypatch.setattr("huggingface_hub.model_info", unreachable)
    embedder = Embedder(default_embeddings())
    assert embedder.spec == EmbedderSpec(MINILM, 384)
    with pytest.raises(MissingExtraError, match=r'pip install "ebbinghaus-agentmem\[offline\]"'):
        embedder.query("hello")
    with pytest.raises(EmbeddingError, match="'nobody/nothing' is not a folder"):
        SentenceTransformerEmbeddings("nobody/nothing").embed_query("hello")


def test_missing_backend_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optimum", None)
    with pytest.raises(MissingExtraError, match=r'pip install "sentence-transformers\[onnx\]"'):
        default_embeddings(backend="onnx").embed_query("hello")
    with pytest.raises(InvalidInputError, match="backend='abacus'"):
        default_embeddings(backend="abacus")  # type: ignore[arg-type]


EMBED = """
import json, logging
from agentmem.embedding.embedder import Embedder
from agentmem.embedding.sentence_embeddings import default_embeddings
logging.basicConfig(level="WARNING")
print(json.dumps(Embedder(default_embeddings()).query("a beagle").tolist()))
"""


@pytest.mark.parametrize(
    ("backend", "package"), [("onnx", "optimum.onnxruntime"), ("openvino", "optimum.intel")]
)
def test_model_of_another_backend_is_exported_once(
    backend: str, package: str, tmp_path: Path, minilm: Embedder
) -> None:
    pytest.importorskip(package, reason=f"sentence-transformers[{backend}] is not installed")
    named = {"AGENTMEM_CACHE": str(tmp_path), "AGENTMEM_BACKEND": backend}

    def embedded() -> subprocess.CompletedProcess[str]:
        """One process each: an export leaves things to be tidied up at its end."""
        command = [sys.executable, "-c", EMBED]
        ran = subprocess.run(command, env={**os.environ, **named}, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        assert np.array(json.loads(ran.stdout)) @ minilm.query("a beagle") > 0.999
        return ran

    embedded()
    [export] = (path for path in tmp_path.iterdir() if path.name.startswith(backend))
    made = {path: path.stat().st_mtime_ns for path in export.rglob("*")}
    embedded()
    assert {path: path.stat().st_mtime_ns for path in export.rglob("*")} == made
    [model] = [path for path in made if path.suffix in (".onnx", ".xml")]
    model.write_bytes(b"cut off")
    assert "is exported again" in embedded().stderr
    assert model.stat().st_size > len(b"cut off")


def test_export_is_stored_and_repeated_if_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # With torch, whose "export" needs no other package and is saved and loaded like any other.
    folder = loading.packaged_minilm()
    assert folder is not None
    monkeypatch.setenv("AGENTMEM_CACHE", str(tmp_path / "cache"))
    source = loading.ModelSource(str(folder), "torch", "cpu")
    vector = source.load_exported(folder).encode("a beagle")
    [export] = (tmp_path / "cache").iterdir()
    weights = export / "model.safetensors"
    made = weights.stat().st_mtime_ns
    assert source.load_exported(folder).encode("a beagle") @ vector > 0.9999
    assert weights.stat().st_mtime_ns == made
    weights.write_bytes(b"cut off")
    assert source.load_exported(folder).encode("a beagle") @ vector > 0.9999
    assert "is exported again" in caplog.text
    assert weights.stat().st_size > len(b"cut off")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [export.name]
    # The cache folder cannot be created.
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("AGENTMEM_CACHE", str(tmp_path / "file"))
    assert source.load_exported(folder).encode("a beagle") @ vector > 0.9999
    assert "could not be saved" in caplog.text


def test_vector_of_passages_and_summaries_is_the_mean_of_their_turns(minilm: Embedder) -> None:
    with MemoryController(InMemoryStore(), scope=Scope("ada"), linger=None) as memory:
        memory.add_many({"s": ["I adopted a beagle.", "He is called Biscuit."]})
        memories = memory.get_all(limit=None)
        entries = {e.memory.id: e for e in minilm.entries(memories)}
        stored = {
            e.memory.id: e.vector
            for g in Granularity
            for e in memory.services.store.get(Scope("ada"), g, list(entries))
        }
    turns = [e.vector for e in entries.values() if e.memory.granularity is Granularity.TURN]
    between = np.sum(turns, axis=0) / np.linalg.norm(np.sum(turns, axis=0))
    for kind in (Granularity.SUMMARY, Granularity.SESSION):
        [entry] = (e for e in entries.values() if e.memory.granularity is kind)
        assert entry.vector == pytest.approx(between, abs=1e-5)
        assert stored[entry.memory.id] == pytest.approx(between, abs=1e-5)
        # Without its turns, its text is embedded.
        [alone] = minilm.entries([entry.memory])
        assert alone.vector == pytest.approx(minilm.documents([entry.memory.text])[0], abs=1e-5)


def test_environment_variable_sets_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTMEM_BACKEND", "abacus")
    with pytest.raises(InvalidInputError, match="AGENTMEM_BACKEND='abacus'"):
        default_embeddings()
    assert "torch" in repr(default_embeddings(backend="torch"))


def test_batches_by_length_preserve_the_order(minilm: Embedder) -> None:
    texts = [" ".join(["beagle", "walk", "river"][: i % 4] * i) for i in range(40)]
    alone = np.stack([minilm.documents([text])[0] for text in texts])
    for room in (1, 64, 100_000):
        together = Embedder(SentenceTransformerEmbeddings(batch_tokens=room)).documents(texts)
        assert np.abs(together - alone).max() < 1e-5
    with pytest.raises(InvalidInputError, match="batch_tokens=0"):
        SentenceTransformerEmbeddings(batch_tokens=0)


def test_any_langchain_embeddings_work() -> None:
    embedder = Embedder(DeterministicFakeEmbedding(size=16))
    assert embedder.spec == EmbedderSpec("DeterministicFakeEmbedding", 16)
    assert embedder.documents(["a", "b"]).shape == (2, 16)
    assert embedder.max_tokens == 254
    assert Embedder(Named([1.0, 2.0])).spec == EmbedderSpec("text-embedding-of-somebody", 2)
    with pytest.raises(InvalidInputError, match="LangChain embeddings"):
        Embedder("all-MiniLM-L6-v2")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (RuntimeError("quota"), "RuntimeError: quota"),
        ([0.0, 0.0], "zeros"),
        ([1.0, float("nan")], "not finite"),
        ([float("inf"), 1.0], "not finite"),
        ([], "shape"),
        ([[1.0]], "shape"),
        (None, "shape"),
        (["a", "b"], "did not return vectors"),
    ],
)
def test_invalid_vectors_raise(row: Any, complaint: str) -> None:
    embedder = Embedder(Returning(row))
    with pytest.raises(EmbeddingError, match=complaint):
        embedder.documents(["a", "b"])
    with pytest.raises(EmbeddingError, match=complaint) as caught:
        embedder.query("a")
    if isinstance(row, Exception):
        assert caught.value.__cause__ is row


def test_change_of_dimension_raises() -> None:
    embeddings = Returning([1.0, 0.0])
    embedder = Embedder(embeddings)
    embedder.query("first")
    embeddings.row = [1.0, 0.0, 0.0]
    with pytest.raises(EmbeddingError, match="3 dimensions, expected 2"):
        embedder.query("second")


def test_query_cache_is_lru_and_read_only() -> None:
    embeddings = Returning([3.0, 4.0])
    embedder = Embedder(embeddings, cached_queries=2)
    assert embedder.spec.dimension == 2
    calls = [embedder.query(q) is not None and embeddings.calls for q in "abacab"]
    assert calls == [2, 3, 3, 4, 4, 5]
    with pytest.raises(ValueError, match="read-only"):
        embedder.query("b")[0] = 1


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_any_finite_nonzero_vector_is_normalized(row: list[float]) -> None:
    embedder = Embedder(Returning(row))
    if any(row):
        assert np.linalg.norm(embedder.query("x")) == pytest.approx(1, abs=1e-5)
    else:
        with pytest.raises(EmbeddingError):
            embedder.query("x")


def test_token_estimate_is_an_upper_bound(minilm: Embedder) -> None:
    for text in [
        "I went to the LGBTQ support group yesterday, and it was so powerful!",
        "Meet me at 17:45 on 2024-03-01 in room 12b (third floor).",
        "我今天去了北京动物园。看到了大熊猫。",
        "Überraschungsfrühstück für die Großmutter",
    ]:
        count = minilm.count_tokens(text)
        assert count <= estimate_tokens(text) <= 3 * count


@pytest.mark.parametrize(
    ("installed", "backend"),
    [((), "torch"), (("openvino",), "torch"), (("openvino", "optimum-intel"), "openvino")],
)
def test_auto_is_the_fastest_backend_that_is_installed(
    monkeypatch: pytest.MonkeyPatch, installed: tuple[str, ...], backend: str
) -> None:
    def version(package: str) -> str:
        if package not in installed:
            raise PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr("agentmem.embedding.loading.version", version)
    monkeypatch.setenv("AGENTMEM_BACKEND", "auto")
    assert f"backend='{backend}'" in repr(default_embeddings())
    assert "torch" in repr(default_embeddings(backend="torch"))

"""A store moves to another embedder in place; nothing is lost, however it is interrupted."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer
from typer.testing import CliRunner

from agentmem import (
    ChromaStore,
    EmbedderMismatchError,
    EmbeddingError,
    Granularity,
    Memory,
    MemoryController,
    Scope,
)
from agentmem.cli.app import app
from agentmem.embedding.loading import MINILM, ModelSource
from agentmem.embedding.sentence_embeddings import SentenceTransformerEmbeddings
from agentmem.maintenance.reembed import Reembedding, reembed

ADA, BEN = Scope("ada"), Scope("ben")
TEXTS = ["I adopted a beagle called Biscuit.", "Biscuit hates rain.", "I work as a nurse in Porto."]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, embeddings: Embeddings) -> Path:
    """A store of two users with all that may be lost: versions, links, summaries, citations."""
    place = tmp_path_factory.mktemp("original") / "store"
    with MemoryController.open(place, scope=ADA, embeddings=embeddings, linger=None) as memory:
        ids = [m.id for m in memory.add(TEXTS, session_id="s1")]
        memory.end_session("s1")
        memory.update(ids[2], text="I work as a nurse in Lisbon.")
        hits = memory.search("What is my dog called?")
        memory.feedback(hits, cited=[ids[0]])
        memory.add([f"Note {n} of Ben." for n in range(150)], session_id="s2", scope=BEN)
        memory.end_session("s2", scope=BEN)
    return place


@pytest.fixture
def path(tmp_path: Path, original: Path) -> Path:
    """A copy of the store, to be changed."""
    return Path(shutil.copytree(original, tmp_path / "store"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model of 64 dimensions in a folder: MiniLM's tokens, random."""
    source = ModelSource(MINILM, "torch", None).folder
    assert source is not None
    weights = np.random.default_rng(0).normal(size=(30_522, 64)).astype(np.float32)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    folder = tmp_path_factory.mktemp("models") / "static-64"
    SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu"
    ).save(str(folder))
    return folder


def records(path: Path) -> dict[str, Memory]:
    with ChromaStore.open(path) as store:
        return {
            memory.id: memory
            for scope in (ADA, BEN)
            for granularity in Granularity
            for memory in store.scan(scope, granularity)
        }


def test_everything_but_the_vectors_stays(path: Path) -> None:
    before = records(path)
    kinds = {memory.granularity for memory in before.values()}
    assert kinds >= {Granularity.TURN, Granularity.SUMMARY, Granularity.CITATION}
    new = DeterministicFakeEmbedding(size=48)
    report = reembed(path, new)
    assert (report.embedded, report.resumed, report.scopes) == (len(before), 0, 2)
    assert records(path) == before
    with ChromaStore.open(path) as store:
        assert store.embedder.dimension == 48
        assert not store.check_files()
        assert not [*store.check_records(ADA), *store.check_records(BEN)]
        [turn] = store.get(BEN, Granularity.TURN, [_id_of(before, "Note 7 of Ben.")])
        expected = np.array(new.embed_documents(["Note 7 of Ben."])[0])
        assert turn.vector @ expected / np.linalg.norm(expected) == pytest.approx(1, abs=1e-5)


def _id_of(memories: dict[str, Memory], text: str) -> str:
    return next(m.id for m in memories.values() if m.text == text)


def test_a_citation_keeps_its_question(path: Path, embeddings: Embeddings, model: Path) -> None:
    reembed(path, SentenceTransformerEmbeddings(str(model)))
    # And back: by then its vector was translated twice.
    reembed(path, embeddings)
    with ChromaStore.open(path) as store:
        [memory] = store.scan(ADA, Granularity.CITATION)
        [citation] = store.get(ADA, Granularity.CITATION, [memory.id])
    dog, job = (
        np.array(embeddings.embed_query(text))
        for text in ("What is my dog called?", "What is my job?")
    )
    assert citation.vector @ dog > citation.vector @ job


def test_the_same_embedder_changes_nothing(path: Path, embeddings: Embeddings) -> None:
    before = sorted(path.iterdir())
    assert reembed(path, embeddings) == Reembedding(0, 0, 2)
    assert sorted(path.iterdir()) == before


def test_a_killed_run_loses_nothing_and_the_next_continues(path: Path) -> None:
    before = records(path)
    program = (
        "import os, signal, sys\n"
        "from langchain_core.embeddings import DeterministicFakeEmbedding\n"
        "from agentmem.maintenance.reembed import reembed\n"
        "class Killed:\n"
        "    def expect(self, stage, count): pass\n"
        "    def advance(self, stage, count):\n"
        "        if count == 128: os.kill(os.getpid(), signal.SIGKILL)\n"
        "reembed(sys.argv[1], DeterministicFakeEmbedding(size=48), progress=Killed())\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    with ChromaStore.open(path) as store:
        assert store.embedder.dimension == 384
    assert records(path) == before
    report = reembed(path, DeterministicFakeEmbedding(size=48))
    assert report.resumed >= 128
    assert report.embedded + report.resumed == len(before)
    assert records(path) == before
    assert not list(path.glob(".agentmem-*"))


def test_a_run_that_failed_leaves_no_text_that_is_deleted_later(
    path: Path, embeddings: Embeddings
) -> None:
    def fail_after(calls: int) -> Callable[[list[str]], Any]:
        real = DeterministicFakeEmbedding(size=48)
        left = iter(range(calls))

        def embed(texts: list[str]) -> Any:
            next(left)
            return real.embed_documents(texts)

        return embed

    class Failing(Embeddings):
        model_name = "failing"
        embed = staticmethod(fail_after(3))

        def embed_documents(self, texts: list[str]) -> Any:
            return self.embed(texts)

        def embed_query(self, text: str) -> Any:
            return [1.0] * 48

    with pytest.raises(EmbeddingError, match="Failing failed"):
        reembed(path, Failing())
    assert (path / ".agentmem-reembed").exists()
    with MemoryController.open(path, scope=ADA, embeddings=embeddings) as memory:
        memory.delete_all()
    assert not (path / ".agentmem-reembed").exists()
    reembed(path, DeterministicFakeEmbedding(size=48))
    assert not [m for m in records(path).values() if m.scope == ADA]


def test_the_command_line_moves_a_store_and_uses_it(path: Path, model: Path) -> None:
    before = records(path)
    runner = CliRunner()
    moved = runner.invoke(app, ["reembed", "--model", str(model), "--store", str(path)])
    assert moved.exit_code == 0, moved.output
    assert f"embedded {len(before)} memories of 2 owners" in moved.output
    result = runner.invoke(
        app, ["search", "Biscuit hates rain", "--user", "ada", "--store", str(path)]
    )
    assert result.exit_code == 0, result.output
    assert TEXTS[1] in result.output
    # Without `embeddings=` too: the store knows its model.
    with MemoryController.open(path, scope=ADA) as memory:
        assert memory.search("Biscuit hates rain.", k=1)[0].memory.text == TEXTS[1]


def test_the_error_for_unknown_embeddings_names_the_fix(path: Path) -> None:
    reembed(path, DeterministicFakeEmbedding(size=48))
    with pytest.raises(EmbedderMismatchError, match="pass embeddings= that make"):
        MemoryController.open(path, scope=ADA)

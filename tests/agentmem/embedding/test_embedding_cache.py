"""The embedding cache: constant texts are embedded once, and never mistaken for another model's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from agentmem.embedding.cache import PROBES, EmbeddingCache
from agentmem.embedding.embedder import Embedder
from agentmem_stores import EmbedderSpec

TEXTS = ["tea", "a garden", "rain"]


class Counted(Embeddings):
    """Embeddings that depend on a seed and count the texts embedded."""

    spec = EmbedderSpec("counted", 8)

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._fake = DeterministicFakeEmbedding(size=8)
        self.count = 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.count += len(texts)
        return self._fake.embed_documents([self._seed + text for text in texts])

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENTMEM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def new_cache() -> EmbeddingCache:
    """A cache as another process has it, which writes everything to disk."""
    return EmbeddingCache(min_seconds=-1.0)


def test_vectors_are_read_from_disk() -> None:
    first, second = Counted("a"), Counted("a")
    vectors = new_cache().documents(Embedder(first), TEXTS)
    again = new_cache().documents(Embedder(second), TEXTS)
    assert np.array_equal(vectors, again)
    assert (first.count, second.count) == (len(TEXTS), PROBES)


def test_vectors_of_another_model_of_the_same_name_are_not_used() -> None:
    cache = new_cache()
    cache.documents(Embedder(Counted("a")), TEXTS)
    other = Embedder(Counted("b"))
    assert np.array_equal(cache.documents(other, TEXTS), other.documents(TEXTS))


def test_damaged_file_is_replaced(folder: Path) -> None:
    embedder = Embedder(Counted("a"))
    vectors = new_cache().documents(embedder, TEXTS)
    [path] = folder.iterdir()
    for content in (b"", path.read_bytes()[:-5], b"nonsense"):
        path.write_bytes(content)
        assert np.array_equal(new_cache().documents(embedder, TEXTS), vectors)


def test_folder_that_cannot_be_written_is_ignored(folder: Path) -> None:
    folder.write_text("in the way")
    first, second = Counted("a"), Counted("a")
    cache = new_cache()
    assert cache.documents(Embedder(first), TEXTS).shape == (3, 8)
    cache.documents(Embedder(second), TEXTS)
    assert second.count == PROBES, "cached in memory"


def test_fast_embeddings_are_not_written(folder: Path) -> None:
    EmbeddingCache(min_seconds=3600.0).documents(Embedder(Counted("a")), TEXTS)
    assert not folder.exists()

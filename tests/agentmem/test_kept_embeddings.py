"""What is embedded again in every process is kept, and never taken for another model's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from agentmem.embedding import cache as _kept
from agentmem.embedding.cache import kept_documents
from agentmem.embedding.embedder import Embedder
from agentmem_stores import EmbedderSpec

TEXTS = ["tea", "a garden", "rain"]


class Counted(Embeddings):
    """A model, by its seed, that counts what it is asked for."""

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
    monkeypatch.setattr(_kept, "WORTH_KEEPING", -1.0)
    _kept._held.clear()
    return tmp_path / "cache"


def test_what_was_kept_is_read_again() -> None:
    first, second = Counted("a"), Counted("a")
    made = kept_documents(Embedder(first), TEXTS)
    _kept._held.clear()
    again = kept_documents(Embedder(second), TEXTS)
    assert np.array_equal(made, again)
    assert (first.count, second.count) == (len(TEXTS), _kept.PROBED)


def test_another_model_of_the_same_name_is_told() -> None:
    kept_documents(Embedder(Counted("a")), TEXTS)
    other = Embedder(Counted("b"))
    assert np.array_equal(kept_documents(other, TEXTS), other.documents(TEXTS))


def test_what_is_damaged_is_made_anew(folder: Path) -> None:
    embedder = Embedder(Counted("a"))
    made = kept_documents(embedder, TEXTS)
    [path] = folder.iterdir()
    for content in (b"", path.read_bytes()[:-5], b"nonsense"):
        path.write_bytes(content)
        _kept._held.clear()
        assert np.array_equal(kept_documents(embedder, TEXTS), made)


def test_a_folder_that_cannot_be_written_is_no_obstacle(folder: Path) -> None:
    folder.write_text("in the way")
    first, second = Counted("a"), Counted("a")
    assert kept_documents(Embedder(first), TEXTS).shape == (3, 8)
    kept_documents(Embedder(second), TEXTS)
    assert second.count == _kept.PROBED, "held in the process"


def test_what_takes_no_time_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kept, "WORTH_KEEPING", 3600.0)
    kept_documents(Embedder(Counted("a")), TEXTS)
    assert not folder.exists()

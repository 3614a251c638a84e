"""A memory with a manual clock and, where meaning does not matter, a quick embedder."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import EmbedderSpec, InMemoryStore, MemoryController
from agentmem.testing import ManualClock


class WordEmbeddings(Embeddings):
    """Embeds words by their hash: only texts that share words are similar."""

    spec = EmbedderSpec("words", 64)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        vector = [0.0] * 64
        vector[0] = 0.1
        for word in text.lower().replace(":", " ").split():
            vector[1 + zlib.crc32(word.encode("utf-8", "replace")) % 63] += 1.0
        return vector


Open = Callable[..., MemoryController]


def new_memory(clock: ManualClock, **options: Any) -> MemoryController:
    """Return a controller with its own store, and quick embeddings unless others are passed."""
    embeddings = options.pop("embeddings", None) or WordEmbeddings()
    store = InMemoryStore(getattr(embeddings, "spec", None))
    rng = random.Random(7)
    return MemoryController(store, embeddings=embeddings, clock=clock, rng=rng, **options)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 5, 9, 0, tzinfo=UTC))


@pytest.fixture
def open_memory(clock: ManualClock) -> Iterator[Open]:
    """Open controllers on stores of their own, and close them after the test."""
    opened: list[MemoryController] = []

    def open_one(**options: object) -> MemoryController:
        controller = new_memory(clock, **options)
        opened.append(controller)
        return controller

    yield open_one
    for controller in opened:
        controller.close()

"""A memory for the adapters, whose frameworks need no other service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentmem import InMemoryStore, MemoryController, Scope
from agentmem.embedding.embedder import Embedder
from tests.agentmem.langchain.conftest import WordEmbeddings

ADA, BEN = Scope("ada"), Scope("ben")


@pytest.fixture
def memory() -> Iterator[MemoryController]:
    store = InMemoryStore(Embedder(WordEmbeddings()).spec)
    with MemoryController(store, scope=ADA, embeddings=WordEmbeddings(), linger=None) as controller:
        yield controller

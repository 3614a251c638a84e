"""All stores pass the conformance tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentmem_stores import ChromaStore, EmbedderSpec, InMemoryStore, MemoryStore
from agentmem_stores.conformance import StoreConformance
from tests.stores.conftest import ChromaServer

SPEC = EmbedderSpec("test", 8)


class TestInMemory(StoreConformance):
    @pytest.fixture
    def store(self) -> Iterator[MemoryStore]:
        with InMemoryStore(SPEC) as store:
            yield store


class TestEmbedded(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[MemoryStore]:
        with ChromaStore.open(tmp_path / "store", SPEC) as store:
            yield store


class TestServer(StoreConformance):
    @pytest.fixture
    def store(self, server: ChromaServer) -> Iterator[MemoryStore]:
        with server.connect(database=server.new_database(), embedder=SPEC) as store:
            yield store

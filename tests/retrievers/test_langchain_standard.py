"""LangChain's standard tests for retrievers."""

from __future__ import annotations

from typing import Any

import pytest

from agentmem import MemoryController, MemoryRetriever
from tests.retrievers.test_langchain_retriever import memory

standard = pytest.importorskip("langchain_tests.integration_tests")

__all__ = ["memory"]


@pytest.mark.anyio
class TestRetriever(standard.RetrieversIntegrationTests):  # type: ignore[misc, name-defined]
    @pytest.fixture(autouse=True)
    def _remember(self, memory: MemoryController) -> None:
        self.memory = memory

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @property
    def retriever_constructor(self) -> type[MemoryRetriever]:
        return MemoryRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"memory": self.memory}

    @property
    def retriever_query_example(self) -> str:
        return "What is my dog called?"

"""LangChain's standard tests for tools."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.tools import BaseTool

from agentmem import Scope
from agentmem.langchain import create_manage_memory_tool, create_search_memory_tool
from tests.agentmem.langchain.conftest import Open

unit = pytest.importorskip("langchain_tests.unit_tests")
integration = pytest.importorskip("langchain_tests.integration_tests")


class _WithMemory:
    @pytest.fixture(autouse=True)
    def _remember(self, open_memory: Open) -> None:
        self.memory = open_memory(scope=Scope("ada"))
        self.memory.add("I like tea.", session_id="s")

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"


class _Manage(_WithMemory):
    @property
    def tool_constructor(self) -> BaseTool:
        return create_manage_memory_tool(self.memory)

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"content": "Ada likes tea"}


class _Search(_WithMemory):
    @property
    def tool_constructor(self) -> BaseTool:
        return create_search_memory_tool(self.memory, response_format="content_and_artifact")

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"query": "tea", "limit": 3}


class TestManageUnit(_Manage, unit.ToolsUnitTests):  # type: ignore[misc, name-defined]
    pass


@pytest.mark.anyio
class TestManageIntegration(_Manage, integration.ToolsIntegrationTests):  # type: ignore[misc, name-defined]
    pass


class TestSearchUnit(_Search, unit.ToolsUnitTests):  # type: ignore[misc, name-defined]
    pass


@pytest.mark.anyio
class TestSearchIntegration(_Search, integration.ToolsIntegrationTests):  # type: ignore[misc, name-defined]
    pass

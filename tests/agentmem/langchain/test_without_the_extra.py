"""Without LangChain's agents and LangGraph, the core and the tools work; the rest raises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import agentmem.langchain

ROOT = Path(__file__).parents[3]
BLOCKED = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"langchain", "langgraph"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""


def without_the_extra(code: str) -> str:
    process = subprocess.run(
        [sys.executable, "-c", BLOCKED + code],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.mark.parametrize("name", ["AgentMemoryStore", "MemoryMiddleware"])
def test_missing_extra_error_names_the_command(name: str) -> None:
    code = f"""
import agentmem.langchain
try:
    from agentmem.langchain import {name}
except ImportError as error:
    print(type(error).__name__, error)
"""
    output = without_the_extra(code)
    assert output.startswith(f"MissingExtraError {name} needs")
    assert 'pip install "ebbinghaus-agentmem[langchain]"' in output


def test_tools_and_retriever_work_without_it() -> None:
    code = """
from agentmem import InMemoryStore, MemoryController, Scope
from agentmem.langchain import create_manage_memory_tool, create_search_memory_tool
from agentmem.migration import import_mem0
from langchain_core.embeddings import FakeEmbeddings
from agentmem import EmbedderSpec

class Fake(FakeEmbeddings):
    spec: object = EmbedderSpec("fake", 8)

store = InMemoryStore(EmbedderSpec("fake", 8))
with MemoryController(store, scope=Scope("ada"), embeddings=Fake(size=8)) as memory:
    create_manage_memory_tool(memory).invoke({"content": "Ada likes tea"})
    print(create_search_memory_tool(memory).invoke({"query": "tea"}))
    print(memory.as_retriever().invoke("tea")[0].page_content)
"""
    output = without_the_extra(code)
    assert output.count("Ada likes tea") == 2


def test_public_names_are_sorted_and_importable() -> None:
    assert (
        dir(agentmem.langchain) == agentmem.langchain.__all__ == sorted(agentmem.langchain.__all__)
    )
    for name in agentmem.langchain.__all__:
        assert getattr(agentmem.langchain, name).__name__ == name

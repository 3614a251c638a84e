"""Every example in a docstring runs as it is written."""

from __future__ import annotations

import asyncio
import doctest
import inspect
import pkgutil
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

import agentmem
import agentmem_retrievers
import agentmem_stores
from agentmem import InMemoryStore, MemoryController, Scope
from tests.serving import serving

ASYNC = {f"a{name}" for name in dir(MemoryController)}
VERBS = sorted(
    name
    for name, value in inspect.getmembers(MemoryController, callable)
    if not name.startswith("_") and name not in ASYNC
)


def examples() -> Iterator[Any]:
    """Every docstring with an example, in every module."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for package in (agentmem, agentmem_retrievers, agentmem_stores):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not info.name.endswith("__main__"):
                yield from examples_in(info.name, finder)


def examples_in(name: str, finder: doctest.DocTestFinder) -> Iterator[Any]:
    """Every docstring with an example in a module; in none whose framework is not installed."""
    try:
        module = import_module(name)
    except ModuleNotFoundError:
        if not name.startswith("agentmem.adapters."):
            raise
        return
    for test in finder.find(module, name):
        if test.examples:
            yield pytest.param(test, id=test.name)


@pytest.mark.parametrize("test", list(examples()))
def test_example_runs(
    test: doctest.DocTest,
    embeddings: Embeddings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        MemoryController(InMemoryStore(), scope=Scope("ada"), embeddings=embeddings) as memory,
        ExitStack() as stack,
    ):
        names = {name: getattr(agentmem, name) for name in agentmem.__all__}
        test.globs = names | test.globs | {"memory": memory, "asyncio": asyncio}
        if "server.url" in (test.docstring or ""):
            test.globs["server"] = stack.enter_context(serving(memory, tmp_path / "memories"))
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        output: list[str] = []
        runner.run(test, out=output.append)
        assert runner.failures == 0, "".join(output)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_documents_its_arguments_and_has_an_example(verb: str) -> None:
    method = getattr(MemoryController, verb)
    text = inspect.getdoc(method) or ""
    assert "Example:\n" in text
    assert ">>> " in text
    # What these mean is said once, in the docstring of the class.
    own = set(inspect.signature(method).parameters) - {"self", "scope"}
    shared = set(inspect.signature(MemoryController).parameters) if verb == "open" else set()
    missing = [name for name in own - shared if name not in text]
    assert not missing


@pytest.mark.parametrize("verb", VERBS)
def test_async_version_has_the_same_signature(verb: str) -> None:
    method = getattr(MemoryController, f"a{verb}", None)
    if method is not None:
        assert inspect.iscoroutinefunction(method)
        assert inspect.signature(method) == inspect.signature(getattr(MemoryController, verb))
        assert f"`{verb}`" in (inspect.getdoc(method) or "")

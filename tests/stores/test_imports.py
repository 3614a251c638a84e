"""The public names of the package, and what importing it loads."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

import agentmem_stores
from agentmem_stores import Batch, EmbedderSpec, Granularity, InMemoryStore, MemoryStore, Scope
from agentmem_stores.conformance import make_entry

ADA, TURN = Scope("ada"), Granularity.TURN


def test_importing_loads_no_chroma() -> None:
    heavy = ["chromadb", "torch", "sklearn", "sentence_transformers", "hypothesis", "pytest"]
    other_packages = ["agentmem", "agentmem_retrievers"]
    names = set(heavy + other_packages)
    code = f"import sys, agentmem_stores; print(*sys.modules.keys() & {names!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.split() == []


def test_public_names_are_sorted_and_exist() -> None:
    classes = [name for name in agentmem_stores.__all__ if name[0].isupper()]
    functions = [name for name in agentmem_stores.__all__ if name.islower()]
    assert agentmem_stores.__all__ == sorted(classes) + sorted(functions)
    assert all(hasattr(agentmem_stores, name) for name in agentmem_stores.__all__)


@pytest.mark.parametrize(
    ("former", "name"),
    [
        ("Copied", "CopyResult"),
        ("Neighbour", "Neighbor"),
        ("Written", "MemoryKeys"),
        ("sign_bytes", "token_code_bytes"),
    ],
)
def test_former_public_names_are_deprecated(former: str, name: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"{former} is now {name}"):
        assert getattr(agentmem_stores, former) is getattr(agentmem_stores, name)


def test_unknown_names_raise() -> None:
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        agentmem_stores.unknown  # noqa: B018
    with InMemoryStore() as store, pytest.raises(AttributeError, match="no attribute 'unknown'"):
        store.unknown  # type: ignore[attr-defined]  # noqa: B018


def test_former_method_names_are_deprecated() -> None:
    with InMemoryStore(EmbedderSpec("test", 8)) as memory_store:
        store: Any = memory_store
        entry = make_entry(store, "m")
        store.write(Batch(ADA, put=[entry]))
        with pytest.warns(DeprecationWarning, match="read is now get"):
            assert [e.memory for e in store.read(ADA, TURN, ["m"])] == [entry.memory]
        with pytest.warns(DeprecationWarning, match="recall is now get_memories"):
            assert store.recall(ADA, TURN, ["m"]) == [entry.memory]
    with pytest.warns(DeprecationWarning, match="spoken is now text_with_speaker"):
        assert entry.memory.spoken == entry.memory.text


def test_implementations_with_former_method_names_work() -> None:
    methods: dict[str, Any] = {
        name: getattr(InMemoryStore, name)
        for name in ("write", "scan", "nearest", "scopes", "revision", "close")
    }
    with pytest.warns(DeprecationWarning, match="FormerStore.read is now get"):
        former: Any = type(
            "FormerStore", (MemoryStore,), {**methods, "read": lambda *_: ["an entry"]}
        )
    assert former().get(ADA, TURN, ["m"]) == ["an entry"]

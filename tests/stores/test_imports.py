"""The package is light to import and depends on nothing of ours."""

from __future__ import annotations

import os
import subprocess
import sys

import agentmem_stores


def test_importing_loads_no_chroma() -> None:
    heavy = ["chromadb", "torch", "sklearn", "sentence_transformers", "hypothesis", "pytest"]
    ours = ["agentmem", "agentmem_retrievers"]
    code = f"import sys, agentmem_stores; print(*sys.modules.keys() & {set(heavy + ours)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.split() == []


def test_every_public_name_is_there() -> None:
    names = {"Batch", "ChromaStore", "InMemoryStore", "Memory", "MemoryStore", "Scope"}
    assert names <= set(vars(agentmem_stores))

"""Count the project files and calls that one `add` and one warm `search` run through.

`python -m benchmarks trace` stores three turns in an embedded store, warms the search up, and
then traces one `add` of one turn and one `search`. Frames of comprehensions and generators count
like those of functions; the default embedder (`agentmem/embedding`) does not count.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import agentmem
import agentmem_retrievers
import agentmem_stores
from agentmem import MemoryController, Scope

__all__ = ["print_table", "trace", "trace_methods"]

_ROOTS = tuple(
    str(Path(str(package.__file__)).parent)
    for package in (agentmem, agentmem_retrievers, agentmem_stores)
)
_EXCLUDED = str(Path(agentmem.__file__).parent / "embedding")


def trace(call: Callable[[], object]) -> Counter[str]:
    """Return how many project functions were called, by file, in all threads."""
    calls: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(_ROOTS) and not path.startswith(_EXCLUDED):
            calls[path] += 1

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return calls


def trace_methods() -> dict[str, Counter[str]]:
    """Trace `add` and a warm `search` on a store of three turns."""
    with (
        tempfile.TemporaryDirectory() as folder,
        MemoryController.open(folder, scope=Scope("ada")) as memory,
    ):
        for text in ("I adopted a beagle.", "My sister lives in Porto.", "I work as a baker."):
            memory.add(text, session_id="s1")
        memory.search("Where does my sister live?")
        return {
            "add": trace(lambda: memory.add("I like mangoes.", session_id="s1")),
            "search": trace(lambda: memory.search("Where does my sister live?")),
        }


def print_table(*, files: bool = False) -> None:
    """Print the number of files and calls per method; with `files` also the calls per file."""
    print("| method | files | calls |\n|---|---|---|")
    for method, calls in trace_methods().items():
        print(f"| `{method}` | {len(calls)} | {sum(calls.values())} |")
        if files:
            for path, count in calls.most_common():
                print(f"    {count:5d} {_relative(path)}")


def _relative(path: str) -> str:
    """Return a path from the folder of its package on."""
    [root] = [root for root in _ROOTS if path.startswith(f"{root}/")]
    return f"{Path(root).name}/{Path(path).relative_to(root)}"

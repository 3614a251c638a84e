"""What the program of every peer does: read a job, time the system, print the result.

It runs in the peer's environment, where agentmem is not installed.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any, Protocol

__all__ = ["MODEL", "System", "embed", "run"]

# Name of the model that the endpoint of a job embeds with.
MODEL = "all-MiniLM-L6-v2"

Session = Sequence[dict[str, str]]


class System(Protocol):
    """A memory system of one user."""

    def add(self, session: Session) -> None:
        """Store the turns of a session, each with `id`, `role` and `text`."""

    def search(self, question: str, k: int) -> list[str]:
        """Return the texts of the best memories."""


def embed(url: str, texts: Sequence[str]) -> list[list[float]]:
    """Embed texts at an endpoint as of OpenAI."""
    body = json.dumps({"input": list(texts), "model": MODEL}).encode()
    request = urllib.request.Request(
        f"{url}/embeddings", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        return [row["embedding"] for row in json.load(response)["data"]]


def run(open_system: Callable[[str, str], System]) -> None:
    """Run the job on stdin and print its result as the last line of stdout.

    Args:
        open_system: opens the system in a folder, with the URL of the embedding endpoint.
    """
    job: dict[str, Any] = json.load(sys.stdin)
    system = open_system(job["folder"], job["url"])
    start = time.perf_counter()
    for session in job["sessions"]:
        system.add(session)
    stored = time.perf_counter() - start
    hits, times = [], []
    for question in job["questions"]:
        start = time.perf_counter()
        hits.append(system.search(question, job["k"]))
        times.append(time.perf_counter() - start)
    print(json.dumps({"stored": stored, "times": times, "hits": hits}), flush=True)

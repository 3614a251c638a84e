"""The seam of a stage after the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from agentmem_retrievers import RecalledMemory, SearchResult

__all__ = ["Refiner", "refined"]


class Refiner(Protocol):
    """Looks again at what a search has found; give one or several to a `MemoryController`.

    Attributes:
        candidates: how many hits it wants to look at.
    """

    @property
    def candidates(self) -> int: ...

    def __call__(self, query: str, hits: Sequence[RecalledMemory]) -> Sequence[RecalledMemory]:
        """Return the hits that are kept, best first."""


def refined(recall: SearchResult, refiners: Sequence[Refiner], k: int) -> SearchResult:
    """Return what is left of a result after all stages, at most k hits of it."""
    hits: Sequence[RecalledMemory] = recall.hits
    for refiner in refiners:
        hits = refiner(recall.query, hits)
    return replace(recall, hits=tuple(hits[:k]))

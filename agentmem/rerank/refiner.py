"""The interface of a stage after the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from agentmem_retrievers import RecalledMemory, SearchResult

__all__ = ["Refiner", "apply_refiners"]


class Refiner(Protocol):
    """Reorders or filters the hits of a search; pass any number to a `MemoryController`.

    Example:
        >>> from agentmem import InMemoryStore, MemoryController, Scope
        >>> class UserOnly:
        ...     candidates = 20
        ...     def __call__(self, query, hits):
        ...         return [hit for hit in hits if hit.memory.role == "user"]
        >>> with MemoryController(
        ...     InMemoryStore(), scope=Scope(user_id="ada"), refiners=[UserOnly()]
        ... ) as memory:
        ...     _ = memory.add(["I like tea.", {"role": "assistant", "content": "Tea is fine."}])
        ...     print([hit.memory.text for hit in memory.search("tea")])
        ['I like tea.']
    """

    @property
    def candidates(self) -> int:
        """How many hits the refiner wants to see; the search returns at least as many."""

    def __call__(self, query: str, hits: Sequence[RecalledMemory]) -> Sequence[RecalledMemory]:
        """Return the hits to keep, best first."""


def apply_refiners(result: SearchResult, refiners: Sequence[Refiner], k: int) -> SearchResult:
    """Return a result after all refiners, in their order, with at most k hits."""
    hits: Sequence[RecalledMemory] = result.hits
    for refiner in refiners:
        hits = refiner(result.query, hits)
    return replace(result, hits=tuple(hits[:k]))

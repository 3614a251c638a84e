"""What a search returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import overload

import numpy as np

from agentmem_retrievers.routing import Routing
from agentmem_stores import Memory, Vectors

__all__ = ["RecalledMemory", "SearchResult"]


def _nothing() -> Vectors:
    return np.empty(0, dtype=np.float32)


def _unrouted() -> Routing:
    return Routing({}, {})


@dataclass(frozen=True)
class RecalledMemory:
    """A memory found by a search.

    Attributes:
        memory: as it stood when it was found, before this recall strengthened it.
        score: what it was ranked by; comparable within one search only.
        retention: R = exp(-t/S) at the time of the search, in [0, 1].
        contributions: what every part added to the score (with `explain=True`, else empty);
            they sum to the score.
        path: where a thread was followed (`hops`), the ids that led here, itself last.
        learned: how much of the score comes from former citations.
    """

    memory: Memory
    score: float
    retention: float
    contributions: Mapping[str, float] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    learned: float = field(default=0.0, repr=False, compare=False)
    load_context: Callable[[], tuple[Memory, ...]] = field(default=tuple, repr=False, compare=False)

    @cached_property
    def context(self) -> tuple[Memory, ...]:
        """The turns around it in its session, in order, read from the store when first asked."""
        return self.load_context()


@dataclass(frozen=True)
class SearchResult(Sequence[RecalledMemory]):
    """The answer to a query: memories, best first, and how sure the search is of them.

    Attributes:
        query: what was asked.
        hits: the memories.
        confidence: how likely it is that the answer was ever said, in [0, 1].
        asked_at: the moment whose memory answered (`as_of`, or the clock), UTC.
        asked: the question's embedding, shape (dimension,); empty where the hits cannot be
            learned from, because they are no turns or were reached over others.
    """

    query: str
    hits: tuple[RecalledMemory, ...]
    confidence: float
    asked_at: datetime
    load_routing: Callable[[], Routing] = field(default=_unrouted, repr=False, compare=False)
    asked: Vectors = field(default_factory=_nothing, repr=False, compare=False)

    @cached_property
    def routing(self) -> Routing:
        """How far the router trusts each granularity; see `SearchSettings.routed` for its say.

        Turns are ranked without asking all granularities, so that they are asked when this is
        first read, or by the search itself with `explain=True`.
        """
        return self.load_routing()

    @overload
    def __getitem__(self, index: int) -> RecalledMemory: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[RecalledMemory, ...]: ...
    def __getitem__(self, index: int | slice) -> RecalledMemory | tuple[RecalledMemory, ...]:
        return self.hits[index]

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[RecalledMemory]:
        return iter(self.hits)

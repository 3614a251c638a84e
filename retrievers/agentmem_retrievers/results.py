"""What a search returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import Any, TypeVar, overload

import numpy as np

from agentmem_retrievers.notebook import html_table
from agentmem_retrievers.routing import Routing
from agentmem_retrievers.text.passages import best_passage
from agentmem_stores import Memory, State, Vectors

__all__ = ["RecalledMemory", "SearchResult"]

T = TypeVar("T")


def _no_vector() -> Vectors:
    return np.empty(0, dtype=np.float32)


def _no_routing() -> Routing:
    return Routing({}, {})


def _loaded(value: T) -> T:
    """Return what was loaded before; a partial of this is picklable, other than a loader."""
    return value


@dataclass(frozen=True)
class RecalledMemory:
    """A memory found by a search.

    Attributes:
        memory: as it was found, before this recall strengthened it.
        score: what it was ranked by; comparable within one search only.
        retention: R = exp(-t/S) at the time of the search, in [0, 1].
        contributions: what each part of the search added to the score; they sum to it. Empty
            without `explain=True`.
        path: with `hops`, the ids that led to the memory, its own last.
        learned: how much of the score comes from former citations.
        duplicates: ids of memories that say the same, which it stands for.
        query: what was asked.
    """

    memory: Memory
    score: float
    retention: float
    contributions: Mapping[str, float] = field(default_factory=dict, hash=False)
    path: tuple[str, ...] = ()
    learned: float = field(default=0.0, repr=False, compare=False)
    load_context: Callable[[], tuple[Memory, ...]] = field(default=tuple, repr=False, compare=False)
    duplicates: tuple[str, ...] = ()
    query: str = field(default="", repr=False, compare=False)

    @cached_property
    def excerpt(self) -> str:
        """The passage of the text that shares most with the query; all of a short text."""
        return best_passage(self.memory.text, self.query)

    @property
    def archived(self) -> bool:
        """Whether the memory comes from the archive, which unsure searches look into."""
        return self.memory.state is State.ARCHIVED

    @cached_property
    def context(self) -> tuple[Memory, ...]:
        """The turns of its session in order, read on first access."""
        return self.load_context()

    def __getstate__(self) -> dict[str, Any]:
        # Copies and pickles have no store to read from, so the context is read before.
        return {**self.__dict__, "load_context": partial(_loaded, self.context)}


@dataclass(frozen=True)
class SearchResult(Sequence[RecalledMemory]):
    """The memories that answer a query, best first, and how confident the search is.

    Attributes:
        query: the text of the query.
        hits: the memories.
        confidence: probability that the answer was ever said, in [0, 1].
        asked_at: the moment as of which it was answered (`as_of`, or the clock), UTC.
        query_vector: the query's embedding, shape (dimension,); empty for hits that cannot be
            learned from, because they are not turns or were reached over other hits.
    """

    query: str
    hits: tuple[RecalledMemory, ...]
    confidence: float
    asked_at: datetime
    load_routing: Callable[[], Routing] = field(default=_no_routing, repr=False, compare=False)
    query_vector: Vectors = field(default_factory=_no_vector, repr=False, compare=False)

    @cached_property
    def routing(self) -> Routing:
        """How far the router trusts each granularity.

        Ranking turns queries one granularity only, so the others are queried on first access,
        or by the search itself with `explain=True`. `SearchSettings.routed` says where the
        routing counts.
        """
        return self.load_routing()

    def __getstate__(self) -> dict[str, Any]:
        # Copies and pickles have no store to query, so the routing is computed before.
        return {**self.__dict__, "load_routing": partial(_loaded, self.routing)}

    def _repr_html_(self) -> str:
        """Return a table for notebooks; texts are escaped."""
        return html_table(
            f"{self.query} (confidence {self.confidence:.2f})",
            ("score", "retention", "said at", "speaker", "text"),
            [
                (
                    f"{hit.score:.3f}",
                    f"{hit.retention:.2f}",
                    f"{hit.memory.said_at:%Y-%m-%d %H:%M}",
                    hit.memory.speaker or hit.memory.role,
                    hit.memory.text,
                )
                for hit in self
            ],
        )

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

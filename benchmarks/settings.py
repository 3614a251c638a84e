"""What a benchmark measures, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentmem_stores import InvalidInputError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from benchmarks.corpus import Corpus

__all__ = ["BENCHES", "BenchSettings"]

BENCHES = ("search", "scopes", "ingest", "add", "opening")


def _quiet(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class BenchSettings:
    """Everything a benchmark depends on.

    Attributes:
        sizes: memories of one owner, of all granularities, at which searching is measured.
        scopes: how many owners share a store.
        per_scope: how many memories each of them has.
        turns: how many turns are ingested and added.
        rounds: how often each time is taken; what is reported is the median.
        only: which of `BENCHES` are run.
        folder: where stores are kept for the next run.
        tell: hears what is being done.

    Raises:
        InvalidInputError: a number is out of range, or a benchmark does not exist.
    """

    corpus: Corpus
    embeddings: Embeddings
    folder: Path
    sizes: tuple[int, ...] = (2_000, 20_000, 200_000)
    scopes: int = 1_000
    per_scope: int = 200
    turns: int = 300
    rounds: int = 30
    only: tuple[str, ...] = BENCHES
    tell: Callable[[str], None] = _quiet

    def __post_init__(self) -> None:
        unknown = sorted(set(self.only) - set(BENCHES))
        if unknown:
            raise InvalidInputError(f"only={unknown} cannot be measured; there are {BENCHES}")
        numbers = (*self.sizes, self.scopes, self.per_scope, self.turns, self.rounds)
        if not self.sizes or min(numbers) < 1:
            raise InvalidInputError("sizes, scopes, turns and rounds must all be at least 1")

    @property
    def smallest(self) -> int:
        """The least of the sizes."""
        return min(self.sizes)

    @property
    def largest(self) -> int:
        """The greatest of the sizes."""
        return max(self.sizes)

    @property
    def middle(self) -> int:
        """The size at which a whole search is compared with its floor: the second, if any."""
        return sorted(self.sizes)[min(1, len(self.sizes) - 1)]

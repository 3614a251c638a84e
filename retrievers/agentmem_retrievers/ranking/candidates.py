"""Where candidates come from: the nearest of each granularity, and whoever shares rare words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.table import NONE, Rows, Table
from agentmem_retrievers.ranking.visibility import VisibilityMask
from agentmem_retrievers.routing import Routing, route
from agentmem_stores import Granularity, MemoryStore, Neighbor, Scope, Vectors

__all__ = ["CandidateSources", "Candidates", "candidate_rows"]

# The neighbours in the session of this many best hits of a channel are candidates too.
SURROUNDED = 40


@dataclass(frozen=True)
class Candidates:
    """The visible memories of one granularity nearest to a question, best first.

    Attributes:
        rows: rows of the granularity's table.
        similarities: cosines, of the same shape.
    """

    rows: Rows
    similarities: NDArray[np.float64]

    @classmethod
    def asked(
        cls,
        store: MemoryStore,
        scope: Scope,
        granularity: Granularity,
        table: Table,
        vector: Vectors,
        n: int,
        shown: VisibilityMask,
    ) -> Callable[[], Candidates]:
        """Begin to query the store, and return what waits for the answer."""
        answer = store.start_nearest(scope, granularity, vector[np.newaxis], n)
        return lambda: cls._read(answer(), table, shown)

    @classmethod
    def _read(cls, answer: list[list[Neighbor]], table: Table, shown: VisibilityMask) -> Candidates:
        [found] = answer
        rows = np.array([table.row_of.get(f.id, NONE) for f in found], dtype=np.intp)
        similarities = np.array([f.similarity for f in found], dtype=np.float64)
        known = rows != NONE
        rows, similarities = rows[known], similarities[known]
        seen = shown.at(rows)
        return cls(rows[seen], similarities[seen])

    def least(self) -> float:
        """The similarity taken for what was not found: that of the last found."""
        return float(self.similarities[-1]) if len(self.similarities) else 0.0


class CandidateSources:
    """What every granularity says of a question, and how far each is trusted.

    Each is asked when its answer is first wanted: to rank turns, theirs is enough. What is sure to
    be wanted is asked before, with `begin`.

    Args:
        granularities: those that can be asked.
        ask: begins to ask one of them, and returns what waits for the answer.
        fixed: trust all alike.
    """

    def __init__(
        self,
        granularities: Sequence[Granularity],
        ask: Callable[[Granularity], Callable[[], Candidates]],
        *,
        fixed: bool = False,
    ) -> None:
        self._granularities = tuple(granularities)
        self._begun = cache(ask)
        self._answer = cache(lambda granularity: self._begun(granularity)())
        self._fixed = fixed

    def begin(self, granularity: Granularity) -> None:
        """Ask a granularity, if it can be asked, and do not wait for what it says."""
        if granularity in self._granularities:
            self._begun(granularity)

    def near(self, granularity: Granularity) -> Candidates | None:
        """What a granularity says; None where it cannot be asked."""
        return self._answer(granularity) if granularity in self._granularities else None

    def all(self) -> dict[Granularity, Candidates]:
        """What all of them say."""
        return {g: self._answer(g) for g in self._granularities}

    @cached_property
    def routing(self) -> Routing:
        """Trust by the entropies of the channels."""
        found = route({g: channel.similarities for g, channel in self.all().items()})
        if self._fixed and self._granularities:
            shared = dict.fromkeys(self._granularities, 1 / len(self._granularities))
            return Routing(shared, found.entropies)
        return found


def _best(scores: NDArray[np.float64], n: int) -> Rows:
    """The places of the n greatest scores, best first, of equal ones the first."""
    if len(scores) <= n:
        return np.argsort(-scores, kind="stable")
    # Of many, only those are sorted that can be among them.
    enough = np.flatnonzero(scores >= np.partition(scores, -n)[-n])
    return enough[np.argsort(-scores[enough], kind="stable")[:n]]


def candidate_rows(
    table: Table,
    near: Candidates | None,
    worded: tuple[Rows, NDArray[np.float64]],
    shown: VisibilityMask,
    n: int,
    at_least: int,
) -> Rows:
    """Return the rows of the turns that are compared in full, in ascending order.

    They are the nearest, the best by words, and the neighbours of the best of all; where all of
    them are fewer than `at_least`, the last turns said are added.

    Args:
        worded: rows that share words, ascending, and how well they match.
    """
    held, scores = worded
    best = _best(scores, n)
    found = [held[best[scores[best] > 0]]]
    if near is not None:
        found.append(near.rows)
    around = [table.neighbors(rows[:SURROUNDED], o) for rows in found for o in (-1, 1)]
    rows = np.unique(np.concatenate([*found, *around]))
    rows = rows[rows != NONE]
    rows = rows[shown.at(rows)]
    if len(rows) < at_least:
        latest = np.flatnonzero(shown.all())
        latest = latest[np.argsort(-table.column("said")[latest], kind="stable")][:at_least]
        rows = np.union1d(rows, latest)
    return rows.astype(np.intp)

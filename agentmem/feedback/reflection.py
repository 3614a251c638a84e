"""Store citations: which of the memories that an answer was given it made use of.

The ranking learns from them, see `agentmem_retrievers.index.citations`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from agentmem.writing.sessions import ITEM_PREFIX
from agentmem_retrievers import ForgettingCurve, SearchResult, Weights
from agentmem_retrievers.index.citations import Citation
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import Batch, Entry, Granularity, Memory, MemoryStore, Scope

__all__ = ["MAX_CITATIONS", "Learned", "Reflection"]

# Citations kept per scope, the latest: they are closest to what will be asked next, and every
# search compares its query with each of them.
MAX_CITATIONS = 200


@dataclass(frozen=True)
class Learned:
    """What the ranking of a scope has learned from citations.

    Attributes:
        citations: how many answers it learns from.
        trust: how much weight their citations have, in [0, 1].
    """

    citations: int
    trust: float


@dataclass(frozen=True)
class Reflection:
    """Stores citations as records of the scope, so that they are deleted with its memories."""

    store: MemoryStore
    memories: IndexedStore
    weights: Weights
    curve: ForgettingCurve
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def record(
        self, scope: Scope, hits: SearchResult, cited: Collection[str], shown: Collection[str]
    ) -> None:
        """Store what an answer cited, and delete the oldest citations beyond the limit.

        Args:
            hits: what the answer was chosen from.
            cited: ids that the answer cited.
            shown: ids that were in its prompt.
        """
        if not cited or not len(hits.query_vector):
            return
        # Without the learned part of the score, or learning would learn from itself.
        scores = {h.memory.id: h.score - h.learned for h in hits if h.memory.id in shown}
        citation = Citation(hits.query_vector, scores, frozenset(cited))
        now = self.clock()
        memory = Memory(
            id=self.new_id(),
            scope=scope,
            granularity=Granularity.CITATION,
            # The query is stored as a vector only, never as text.
            text="citation",
            session_id=f"{ITEM_PREFIX}citation",
            said_at=now,
            written_at=now,
            role="system",
            strength=self.curve.max_days,
            sources=tuple(citation.scores),
            metadata=citation.to_metadata(),
        )
        entry = Entry(memory, np.asarray(hits.query_vector, dtype=np.float32))
        self.memories.write(Batch(scope, put=[entry], delete=self._excess(scope)))

    def _excess(self, scope: Scope) -> list[tuple[Granularity, str]]:
        """Return the oldest citations that must go before another one is added."""
        table = self.memories.index(scope).tables[Granularity.CITATION]
        excess = len(table) - MAX_CITATIONS + 1
        if excess <= 0:
            return []
        times = table.column("said_at")
        oldest = sorted(table.row_of, key=lambda i: (times[table.row_of[i]], table.row_of[i]))
        return [(Granularity.CITATION, i) for i in oldest[:excess]]

    def reset(self, scope: Scope) -> int:
        """Delete all citations of a scope; return how many there were."""
        ids = list(self.memories.index(scope).tables[Granularity.CITATION].row_of)
        self.memories.write(Batch(scope, delete=[(Granularity.CITATION, i) for i in ids]))
        return len(ids)

    def learned(self, scope: Scope) -> Learned:
        """Return how many citations there are, and how much they are trusted."""
        citations = self.memories.index(scope).citations
        return Learned(len(citations), citations.trust(self.weights.learned))

"""Learning from use: which of the memories shown an answer cited."""

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

__all__ = ["Learned", "Reflection"]

# The latest say most of what a scope is asked, and each costs something in every search.
KEPT = 200


@dataclass(frozen=True)
class Learned:
    """What a scope's use has taught.

    Attributes:
        citations: how many answers are learned from.
        trust: how far their citations are believed, in [0, 1]; see `agentmem_retrievers`.
    """

    citations: int
    trust: float


@dataclass(frozen=True)
class Reflection:
    """Keeps citations as records of the scope, so that they live and die with its memories."""

    store: MemoryStore
    memories: IndexedStore
    weights: Weights
    curve: ForgettingCurve
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def note(
        self, scope: Scope, hits: SearchResult, cited: Collection[str], shown: Collection[str]
    ) -> None:
        """Keep what an answer cited of what it was shown, and drop what is kept too long."""
        scores = {h.memory.id: h.score - h.learned for h in hits if h.memory.id in shown}
        if not cited or not len(hits.asked):
            return
        citation = Citation(hits.asked, scores, frozenset(cited))
        record = self._record(scope, citation)
        vector = np.asarray(hits.asked, dtype=np.float32)
        self.memories.write(Batch(scope, put=[Entry(record, vector)], delete=self._oldest(scope)))

    def _record(self, scope: Scope, citation: Citation) -> Memory:
        now = self.clock()
        return Memory(
            id=self.new_id(),
            scope=scope,
            granularity=Granularity.CITATION,
            # What was asked is kept as numbers only.
            text="citation",
            session_id=f"{ITEM_PREFIX}citation",
            said_at=now,
            written_at=now,
            role="system",
            strength=self.curve.max_days,
            sources=tuple(citation.scores),
            metadata=citation.to_metadata(),
        )

    def _oldest(self, scope: Scope) -> list[tuple[Granularity, str]]:
        held = self.memories.index(scope).tables[Granularity.CITATION]
        if len(held) < KEPT:
            return []
        said = held.column("said")
        first = sorted(held.row_of, key=lambda i: (said[held.row_of[i]], held.row_of[i]))
        return [(Granularity.CITATION, i) for i in first[: len(held) - KEPT + 1]]

    def reset(self, scope: Scope) -> int:
        """Unlearn everything; return how many citations there were."""
        held = list(self.memories.index(scope).tables[Granularity.CITATION].row_of)
        self.memories.write(Batch(scope, delete=[(Granularity.CITATION, i) for i in held]))
        return len(held)

    def learned(self, scope: Scope) -> Learned:
        """Say what there is to be learned from, and how far it is believed."""
        learning = self.memories.index(scope).learning
        return Learned(len(learning), learning.trust(self.weights.learned))

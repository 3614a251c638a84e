"""Move an embedded store to another embedder in place, without losing anything.

The new vectors go into a store inside the old one's folder, which replaces it when it is complete.
Until then the old store stays as it is, so an interruption costs nothing but the batch at work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from agentmem.embedding.embedder import MEAN_OF_TURNS, Embedder, mean_direction
from agentmem.progress import NullProgress, Progress
from agentmem_stores import (
    Batch,
    ChromaStore,
    Entry,
    Granularity,
    Memory,
    MemoryStore,
    Scope,
    StoreError,
    Vectors,
)
from agentmem_stores.store import paginate

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

__all__ = ["Reembedding", "reembed"]

# Memories embedded and written at once: what an interruption costs.
_PAGE = 128
# The latest turns of a scope, from which the map from old to new vectors is fitted.
_PAIRS = 2000
# Penalty of the regression between the two, against a mean squared length of 1.
_RIDGE = 0.1


@dataclass(frozen=True)
class Reembedding:
    """What `reembed` did.

    Attributes:
        embedded: how many memories it embedded.
        resumed: how many an interrupted run had embedded before.
        scopes: of how many owners.
    """

    embedded: int
    resumed: int
    scopes: int


def reembed(
    path: str | PathLike[str], embeddings: Embeddings, *, progress: Progress | None = None
) -> Reembedding:
    """Embed all memories of the store in a folder again, and replace their vectors.

    Ids, texts, times, strengths, links, former versions and citations stay the same. No other
    process may have the store open. An interrupted run continues with the next call, unless
    something was written to the store meanwhile; then it starts again. Needs disk space for a
    second copy.

    Args:
        embeddings: LangChain embeddings, with which the store is to be opened from then on.

    Raises:
        StoreLockedError: another process has the store open.
        StoreUnavailableError: the folder cannot be read or written, or the disk is full.
        EmbeddingError: the embeddings failed; the store is as it was.

    Example:
        >>> from langchain_core.embeddings import DeterministicFakeEmbedding
        >>> with MemoryController.open("moving", scope=Scope("ada")) as store:
        ...     _ = store.add("I adopted a beagle called Biscuit.")
        >>> reembed("moving", DeterministicFakeEmbedding(size=8)).scopes
        1
    """
    embedder, reporter = Embedder(embeddings), progress or NullProgress()
    with ChromaStore.open(path) as store:
        scopes = store.scopes()
        if store.embedder == embedder.spec:
            return Reembedding(0, 0, len(scopes))
        with store.open_replacement(embedder.spec) as target:
            moves = [_Move(store, target, scope, embedder, reporter) for scope in scopes]
            counts = [move.run() for move in moves]
            store.replace_by(target)
    embedded = sum(embedded for embedded, _ in counts)
    return Reembedding(embedded, sum(present for _, present in counts), len(scopes))


@dataclass(frozen=True)
class _Move:
    """Moves the memories of one scope from a store to another with other vectors."""

    source: MemoryStore
    target: MemoryStore
    scope: Scope
    embedder: Embedder
    progress: Progress

    def run(self) -> tuple[int, int]:
        """Embed what is missing; return how much that was, and how much was there before."""
        embedded = present = 0
        # Turns first: other memories take their vectors from them.
        order = sorted(Granularity, key=lambda granularity: granularity is not Granularity.TURN)
        for granularity in order:
            memories = list(self.source.scan(self.scope, granularity))
            done = {memory.id: memory for memory in self.target.scan(self.scope, granularity)}
            missing = [memory for memory in memories if done.get(memory.id) != memory]
            present += len(memories) - len(missing)
            self.progress.expect("embedding", len(missing))
            for page in paginate(missing, _PAGE):
                self.target.write(Batch(self.scope, put=list(self._entries(granularity, page))))
                self.progress.advance("embedding", len(page))
            embedded += len(missing)
            self._verify(granularity, memories)
        return embedded, present

    def _verify(self, granularity: Granularity, memories: Sequence[Memory]) -> None:
        copied = {memory.id: memory for memory in self.target.scan(self.scope, granularity)}
        if copied != {memory.id: memory for memory in memories}:
            raise StoreError(
                f"the copy of the {granularity.value} memories of {self.scope} is incomplete; the "
                "store is as it was, run the command again"
            )

    def _entries(self, granularity: Granularity, memories: Sequence[Memory]) -> Iterator[Entry]:
        if granularity is Granularity.TURN:
            batch = self.embedder.turns([memory.text for memory in memories])
            yield from map(Entry, memories, batch.vectors, batch.token_codes)
        elif granularity is Granularity.CITATION:
            yield from map(Entry, memories, self._translated(granularity, memories))
        elif granularity in MEAN_OF_TURNS:
            yield from map(self._mean_of_turns, memories)
        else:
            vectors = self.embedder.documents([memory.text for memory in memories])
            yield from map(Entry, memories, vectors)

    def _mean_of_turns(self, memory: Memory) -> Entry:
        turns = self.target.get(self.scope, Granularity.TURN, memory.sources)
        if turns and len(turns) == len(memory.sources):
            return Entry(memory, mean_direction([turn.vector for turn in turns]))
        return Entry(memory, self.embedder.documents([memory.text])[0])

    def _translated(self, granularity: Granularity, memories: Sequence[Memory]) -> Vectors:
        """Return new vectors for memories whose texts are not stored.

        The vector of a citation is that of a question. The turns, which have vectors of both
        embedders, tell how these correspond: by ridge regression in its dual form, which also
        works with fewer turns than dimensions.
        """
        entries = self.source.get(self.scope, granularity, [memory.id for memory in memories])
        old = np.stack([entry.vector for entry in entries]).astype(np.float64)
        ids = [m.id for m in self.source.scan(self.scope, Granularity.TURN)][-_PAIRS:]
        before = self.source.get(self.scope, Granularity.TURN, ids)
        after = self.target.get(self.scope, Granularity.TURN, ids)
        if not before:
            return self.embedder.documents([memory.text for memory in memories])
        x = np.stack([entry.vector for entry in before]).astype(np.float64)
        y = np.stack([entry.vector for entry in after]).astype(np.float64)
        fitted = old @ x.T @ np.linalg.solve(x @ x.T + _RIDGE * np.eye(len(x)), y)
        lengths = np.linalg.norm(fitted, axis=1, keepdims=True)
        # A question unlike every turn gets the direction of the mean turn.
        fitted = np.where(lengths > 1e-6, fitted, y.mean(axis=0))
        fitted /= np.linalg.norm(fitted, axis=1, keepdims=True)
        return np.asarray(fitted, dtype=np.float32)

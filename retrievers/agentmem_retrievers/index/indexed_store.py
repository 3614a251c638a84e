"""The derived indexes of a store's scopes: made when needed, kept in step, and kept in files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from agentmem_retrievers.index.persistence import IndexPersistence
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.vocabulary import Embed
from agentmem_stores import Batch, ClosedError, Granularity, Memory, MemoryStore, Scope

__all__ = ["IndexedStore"]

# Rows of what is gone, beyond as many as there are memories, after which an index is made anew.
LEAST_WASTE = 2000


class IndexedStore:
    """Writes to a store, and keeps an index of each scope that it has been asked about.

    Args:
        embed: returns the embeddings of words; without it no word is like another.
    """

    def __init__(self, store: MemoryStore, embed: Embed | None = None) -> None:
        self.store = store
        self.embed = embed
        self._indexes: dict[Scope, ScopeIndex] = {}
        self.lock = store.index_lock
        self._keeping = IndexPersistence(store)

    def index(self, scope: Scope) -> ScopeIndex:
        """The scope's index, which follows whatever else has written to the store."""
        with self.lock:
            index, now = self._indexes.get(scope), self.store.revision(scope)
            if index is None or not (index.revision == now or self._follow(index, scope, now)):
                index = self._indexes[scope] = self._made(scope)
            return index

    def _follow(self, index: ScopeIndex, scope: Scope, now: str) -> bool:
        """Take over what others have written; False where it is not known, or pays no more."""
        written = self.store.written_between(scope, index.revision, now)
        if written is None:
            return False
        ids = {g: [name for of, name in written if of is g] for g in Granularity}
        put = [entry for g in Granularity for entry in self.store.get(scope, g, ids[g])]
        held = {(entry.memory.granularity, entry.memory.id) for entry in put}
        index.apply(Batch(scope, put=put, delete=[one for one in written if one not in held]), now)
        return index.wasted <= LEAST_WASTE + len(index)

    def _made(self, scope: Scope) -> ScopeIndex:
        kept = self._keeping.load(scope)
        if kept is not None:
            return kept
        index = ScopeIndex.build(self.store, scope)
        # Read from its file, it takes a fraction of the memory.
        return (self._keeping.keep(scope, index) and self._keeping.load(scope)) or index

    def write(self, batch: Batch) -> None:
        """Write to the store and keep the index in step."""
        if not batch:
            return
        with self.lock:
            index = self.index(batch.scope)
            self._keeping.before(batch, index)
            index.apply(batch, self.store.write(batch))
            if index.wasted > LEAST_WASTE + len(index):
                index.renew(ScopeIndex.build(self.store, batch.scope))

    def get(self, scope: Scope, ids: Sequence[str]) -> list[Memory]:
        """Return the memories with these ids, whatever their granularity; unknown ids are skipped.

        They come by granularity, and within one in the order of `ids`.
        """
        index = self.index(scope)
        granularities = [index.granularity_of(memory_id) for memory_id in ids]
        memories: list[Memory] = []
        for granularity in Granularity:
            wanted = [i for i, g in zip(ids, granularities, strict=True) if g is granularity]
            if wanted:
                memories += self.store.get_memories(scope, granularity, wanted)
        return memories

    def scan(
        self, scope: Scope, granularity: Granularity, session_id: str | None = None
    ) -> Iterable[Memory]:
        """Return every memory of one granularity, of one session or of all of them."""
        if session_id is None:
            return self.store.scan(scope, granularity)
        ids = self.index(scope).members(session_id, granularity)
        return self.store.get_memories(scope, granularity, ids)

    def versions(self, memory: Memory) -> list[Memory]:
        """Return every version of a current memory, oldest first; the last is itself."""
        former = self.get(memory.scope, [f"{memory.id}@{n}" for n in range(1, memory.version)])
        return [*sorted(former, key=lambda m: m.version), memory]

    def learn(self, scope: Scope) -> None:
        """Embed the words of a scope that are new, so that the next question need not wait."""
        if self.embed is not None:
            with self.lock:
                self.index(scope).tables[Granularity.TURN].vocabulary.learn(self.embed)

    def prune(self, scope: Scope) -> None:
        """Let go of the words, and the names of sessions, that only what was deleted has had."""
        with self.lock:
            if scope not in self._indexes:
                return
            index = self.index(scope)
            index.prune()
            turns = index.tables[Granularity.TURN]
            turns.vocabulary.prune(turns.words.holding)

    def save(self) -> None:
        """Write the indexes down where that pays, for whoever opens the store next."""
        # Of a store that somebody else has closed there is nothing to be kept.
        with self.lock, suppress(ClosedError):
            for scope, index in self._indexes.items():
                self._keeping.keep(scope, index)

    def drop(self, scope: Scope) -> None:
        """Let go of a scope's index, and of its file; both are made anew from the store."""
        with self.lock:
            self._indexes.pop(scope, None)
            self._keeping.drop(scope)

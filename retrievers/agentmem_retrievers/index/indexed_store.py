"""A store with derived indexes that are written through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ContextDecorator, suppress
from functools import lru_cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

from agentmem_retrievers.index.persistence import IndexPersistence
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.vocabulary import Embed
from agentmem_stores import Batch, ClosedError, Granularity, Memory, MemoryStore, Scope

__all__ = ["SINGLE_THREADED_BLAS", "IndexedStore"]


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


class _SingleThreadedBlas(ContextDecorator):
    """Limits BLAS to one thread in the whole process, while any thread is inside.

    Searching and writing multiply many small matrices. Several threads are no faster at it, and
    after each product they spin for the next one and take the cores from Chroma and the embedder.
    Do not hold it while embedding: an embedder may compute with the same BLAS.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limit = _blas().limit(limits=1)
            self._inside += 1

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limit.restore_original_limits()


SINGLE_THREADED_BLAS = _SingleThreadedBlas()


class _ConsistentView:
    """The store's index lock, which also remembers the indexes that are up to date while held."""

    def __init__(self, lock: AbstractContextManager[Any]) -> None:
        self.lock = lock
        self.depth = 0
        self.current: dict[Scope, ScopeIndex] = {}

    def __enter__(self) -> None:
        self.lock.__enter__()
        self.depth += 1

    def __exit__(self, *exc: Any) -> None:
        self.depth -= 1
        if not self.depth:
            self.current.clear()
        self.lock.__exit__(*exc)


class IndexedStore:
    """Writes memories to a store, and keeps an index of every scope in step with it.

    Consistency: an index follows the revision of the store. Within one outermost `with lock` the
    index of a scope is brought up to date when it is first used, and then only by `write`; other
    processes that write meanwhile are seen by the next outermost `with lock`. Without the lock
    every `index()` call brings the index up to date.

    Args:
        store: where memories are written.
        embed: embeds words for the vocabulary; without it a search expands no terms.
        max_dead_rows: an index is rebuilt when more rows than this, beyond one for each memory,
            belong to deleted or replaced memories.

    Attributes:
        lock: reentrant; held over every read of an index that a write depends on.

    Example:
        >>> from agentmem_stores import InMemoryStore, Scope
        >>> memories = IndexedStore(InMemoryStore())
        >>> len(memories.index(Scope("ada")))
        0
    """

    def __init__(
        self, store: MemoryStore, embed: Embed | None = None, *, max_dead_rows: int = 2000
    ) -> None:
        self.store = store
        self.embed = embed
        self.lock = _ConsistentView(store.index_lock)
        self._max_dead_rows = max_dead_rows
        self._indexes: dict[Scope, ScopeIndex] = {}
        self._persistence = IndexPersistence(store)

    def index(self, scope: Scope) -> ScopeIndex:
        """Return the index of a scope, up to date with the store."""
        with self.lock.lock:
            index = self.lock.current.get(scope)
            if index is None:
                index, revision = self._indexes.get(scope), self.store.revision(scope)
                if index is None or index.revision != revision:
                    index = self._bring_up_to_date(scope, index, revision)
                if self.lock.depth:
                    self.lock.current[scope] = index
            return index

    def _bring_up_to_date(
        self, scope: Scope, index: ScopeIndex | None, revision: str
    ) -> ScopeIndex:
        """Apply what others wrote to a scope, or build its index."""
        if index is not None and self._follow(index, scope, revision):
            return index
        index = self._persistence.load(scope)
        if index is None:
            index = ScopeIndex.build(self.store, scope)
            if self._persistence.save(scope, index):
                # Mapped from the file, it takes a fraction of the memory.
                index = self._persistence.load(scope) or index
        self._indexes[scope] = index
        return index

    def _follow(self, index: ScopeIndex, scope: Scope, revision: str) -> bool:
        """Apply what others wrote; return False where it is unknown or rebuilding is better."""
        written = self.store.written_between(scope, index.revision, revision)
        if written is None:
            return False
        ids = {g: [i for of, i in written if of is g] for g in Granularity}
        put = [entry for g in Granularity for entry in self.store.get(scope, g, ids[g])]
        present = {(entry.memory.granularity, entry.memory.id) for entry in put}
        delete = [each for each in written if each not in present]
        index.apply(Batch(scope, put=put, delete=delete), revision)
        return index.n_dead_rows <= self._max_dead_rows + index.n_memories

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

    def write(self, batch: Batch) -> None:
        """Write a batch to the store and to the index.

        Raises:
            StoreError: as `MemoryStore.write` does.
        """
        if not batch:
            return
        with self.lock:
            index = self.index(batch.scope)
            if index.is_replaced_by(batch):
                # Before the text goes, so that no file outlives it.
                self._persistence.delete(batch.scope)
            # Until both are written the index is not to be trusted.
            self.lock.current.pop(batch.scope, None)
            index.apply(batch, self.store.write(batch))
            if index.n_dead_rows > self._max_dead_rows + index.n_memories:
                index.rebuild_from(ScopeIndex.build(self.store, batch.scope))
            self.lock.current[batch.scope] = index

    def learn_vocabulary(self, scope: Scope) -> None:
        """Embed the new words of a scope, so that the next search need not do it."""
        if self.embed is not None:
            with self.lock:
                turns = self.index(scope).tables[Granularity.TURN]
                turns.vocabulary.embed_new_words(self.embed)

    def prune(self, scope: Scope) -> None:
        """Drop what only deleted memories contributed to a scope's index: words, session names."""
        with self.lock:
            if scope in self._indexes:
                self.index(scope).prune()

    def save(self) -> None:
        """Save the indexes in files where that pays, for the next process that opens the store."""
        # Nothing can be saved beside a store that somebody else has closed.
        with self.lock, suppress(ClosedError):
            for scope, index in self._indexes.items():
                self._persistence.save(scope, index)

    def drop(self, scope: Scope) -> None:
        """Drop a scope's index and its file; both are rebuilt from the store when needed."""
        with self.lock:
            self.lock.current.pop(scope, None)
            self._indexes.pop(scope, None)
            self._persistence.delete(scope)

"""A store with derived indexes that are written through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import local

from agentmem_retrievers.index.inverted_index import Embed
from agentmem_retrievers.index.persistence import IndexPersistence
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import Batch, ClosedError, Granularity, Memory, MemoryStore, Scope

__all__ = ["IndexedStore"]


class IndexedStore:
    """Writes memories to a store, and keeps an index of every scope in step with it.

    Consistency: an index follows the revision of the store. `reading` and `writing` bring the
    index of a scope up to date when they are entered; until they are left, only `write` changes
    it, and calls of the same thread get the same index. Threads that read a scope share it, and one
    that writes has it alone; scopes do not wait for each other. Do not embed inside of them.

    Args:
        store: where memories are written.
        embed: embeds words for the vocabulary; without it a search expands no terms.
        max_dead_rows: an index is rebuilt when more rows than this, beyond one for each memory,
            belong to deleted or replaced memories.

    Example:
        >>> from agentmem_stores import InMemoryStore, Scope
        >>> memories = IndexedStore(InMemoryStore())
        >>> with memories.reading(Scope("ada")) as index:
        ...     len(index)
        0
    """

    def __init__(
        self, store: MemoryStore, embed: Embed | None = None, *, max_dead_rows: int = 2000
    ) -> None:
        self.store = store
        self.embed = embed
        self._locks = store.index_locks
        self._current = _CurrentIndexes()
        self._max_dead_rows = max_dead_rows
        self._indexes: dict[Scope, ScopeIndex] = {}
        self._persistence = IndexPersistence(store)

    @contextmanager
    def reading(self, scope: Scope) -> Iterator[ScopeIndex]:
        """Yield the index of a scope, up to date, which nobody changes meanwhile."""
        current = self._current.indexes
        if scope in current:
            yield current[scope]
            return
        lock, is_brought_up_to_date = self._locks.of(scope), False
        while True:
            with lock.shared():
                index = self._indexes.get(scope)
                # Others may write all the time: of the moment of the call is enough.
                if index is not None and (
                    is_brought_up_to_date or index.revision == self.store.revision(scope)
                ):
                    current[scope] = index
                    try:
                        yield index
                    finally:
                        current.pop(scope, None)
                    return
            with lock.exclusive():
                self._bring_up_to_date(scope)
            is_brought_up_to_date = True

    @contextmanager
    def writing(self, scope: Scope) -> Iterator[ScopeIndex]:
        """Yield the index of a scope, up to date, while no other thread reads or writes it.

        Raises:
            RuntimeError: the calling thread is inside `reading` of the scope.
        """
        current = self._current.indexes
        with self._locks.of(scope).exclusive():
            if scope in current:
                yield current[scope]
                return
            current[scope] = self._bring_up_to_date(scope)
            try:
                yield current[scope]
            finally:
                current.pop(scope, None)

    def index(self, scope: Scope) -> ScopeIndex:
        """Return the index of a scope, up to date; inside `reading` or `writing`, the same one."""
        index = self._current.indexes.get(scope)
        if index is not None:
            return index
        with self.reading(scope) as index:
            return index

    def _bring_up_to_date(self, scope: Scope) -> ScopeIndex:
        """Apply what others wrote to a scope, or build its index; the caller has its lock."""
        index, revision = self._indexes.get(scope), self.store.revision(scope)
        if index is not None and (
            index.revision == revision or self._follow(index, scope, revision)
        ):
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

    def turns(self, scope: Scope, ids: Iterable[str]) -> list[Memory]:
        """Return the turns with these ids, in this order; unknown ids are skipped.

        They come from the index, in a fifth of the time that the store takes.
        """
        with self.reading(scope) as index:
            table = index.tables[Granularity.TURN]
            return table.turns(scope, [table.row_of[i] for i in ids if i in table.row_of])

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
        with self.writing(batch.scope) as index:
            if index.is_replaced_by(batch):
                # Before the text goes, so that no file outlives it.
                self._persistence.delete(batch.scope)
            current = self._current.indexes
            # Until both are written the index is not to be trusted.
            del current[batch.scope]
            index.apply(batch, self.store.write(batch))
            if index.n_dead_rows > self._max_dead_rows + index.n_memories:
                index.rebuild_from(ScopeIndex.build(self.store, batch.scope))
            current[batch.scope] = index

    def learn_vocabulary(self, scope: Scope) -> None:
        """Embed the new words of a scope, so that the next search need not do it.

        Where speakers have no names, rankings use no similar terms, so nothing is embedded.
        """
        if self.embed is None:
            return
        with self.reading(scope) as index:
            table = index.tables[Granularity.TURN]
            words = table.vocabulary.to_embed() if table.has_speakers() else []
        if words:
            vectors = dict(zip(words, self.embed(words), strict=True))
            with self.reading(scope) as index:
                index.tables[Granularity.TURN].vocabulary.learn(vectors)

    def prune(self, scope: Scope) -> None:
        """Drop what only deleted memories contributed to a scope's index: words, session names."""
        if scope in self._indexes:
            with self.writing(scope) as index:
                index.prune()

    def save(self) -> None:
        """Save the indexes in files where that pays, for the next process that opens the store."""
        # Nothing can be saved beside a store that somebody else has closed.
        with suppress(ClosedError):
            for scope, index in list(self._indexes.items()):
                with self._locks.of(scope).exclusive():
                    self._persistence.save(scope, index)

    def drop(self, scope: Scope) -> None:
        """Drop a scope's index and its file; both are rebuilt from the store when needed."""
        with self._locks.of(scope).exclusive():
            self._current.indexes.pop(scope, None)
            self._indexes.pop(scope, None)
            self._persistence.delete(scope)


class _CurrentIndexes(local):
    """The indexes that the calling thread is reading or writing."""

    def __init__(self) -> None:
        self.indexes: dict[Scope, ScopeIndex] = {}

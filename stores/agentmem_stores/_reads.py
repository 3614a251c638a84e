"""What a store in Chroma answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ._background import begun
from ._checks import check_queries
from ._connected import Connected, reading
from ._groups import parts
from ._history import changes_since, last_write
from ._records import Granularity, Memory, Scope
from ._seam import Changes, Entry, Fault, Neighbour, Vectors, Written
from ._translate import guarded

__all__ = ["Reads"]

PAGE = 500


class Reads(Connected):
    """The reading half of `ChromaStore`; any number of threads may read at once."""

    @guarded
    @reading
    def read(self, scope: Scope, granularity: Granularity, ids: Sequence[str]) -> list[Entry]:
        table = self._tables.find(scope, granularity) if ids else None
        return table.entries(ids) if table is not None else []

    @guarded
    @reading
    def recall(self, scope: Scope, granularity: Granularity, ids: Sequence[str]) -> list[Memory]:
        table = self._tables.find(scope, granularity) if ids else None
        if table is None:
            return []
        found = {
            memory.id: memory
            for part in parts(list(dict.fromkeys(ids)), PAGE)
            for memory in table.memories(part)
        }
        return [found[i] for i in ids if i in found]

    def scan(self, scope: Scope, granularity: Granularity) -> Iterator[Memory]:
        # Ids first: what is written meanwhile moves no page.
        ids = self._ids(scope, granularity)
        return (
            memory for part in parts(ids, PAGE) for memory in self._page(scope, granularity, part)
        )

    def entries(self, scope: Scope, granularity: Granularity) -> Iterator[Entry]:
        for part in parts(self._ids(scope, granularity), PAGE):
            yield from self.read(scope, granularity, part)

    @guarded
    @reading
    def _ids(self, scope: Scope, granularity: Granularity) -> list[str]:
        table = self._tables.find(scope, granularity)
        return table.ids() if table is not None else []

    @guarded
    @reading
    def _page(self, scope: Scope, granularity: Granularity, ids: Sequence[str]) -> list[Memory]:
        table = self._tables.find(scope, granularity)
        return table.memories(ids) if table is not None else []

    @guarded
    @reading
    def nearest(
        self, scope: Scope, granularity: Granularity, vectors: Vectors, n: int
    ) -> list[list[Neighbour]]:
        vectors = check_queries(vectors, n, self.embedder)
        collection = self._partitions.find(scope, granularity)
        if collection is None or not len(vectors):
            return [[] for _ in vectors]
        return self._nearest.search(collection, (scope, granularity), vectors, n)

    def asking(
        self, scope: Scope, granularity: Granularity, vectors: Vectors, n: int
    ) -> Callable[[], list[list[Neighbour]]]:
        look = super().asking(scope, granularity, vectors, n)
        # What is compared here takes less time than a thread.
        if self._nearest.keeps((scope, granularity)):
            return look
        # For a server that does not answer no process has to wait that is about to end.
        return begun(look, daemon=self._directory is None)

    @guarded
    @reading
    def scopes(self) -> list[Scope]:
        return self._registry.scopes()

    @guarded
    @reading
    def revision(self, scope: Scope) -> str:
        return self._registry.revision(scope)

    def derived_folder(self) -> Path | None:
        return self._directory.derived if self._directory else None

    @guarded
    @reading
    def mark(self, scope: Scope) -> str:
        if self._directory is None:
            return self._registry.revision(scope)
        return str(last_write(self._directory.database, self._collections(scope)))

    @guarded
    @reading
    def changes(self, scope: Scope, mark: str) -> Changes | None:
        if self._directory is None:
            return None
        database, collections = self._directory.database, self._collections(scope)
        return changes_since(database, scope, collections, int(mark))

    def between(self, scope: Scope, before: str, after: str) -> Written | None:
        return self._registry.between(scope, before, after)

    def _collections(self, scope: Scope) -> dict[Granularity, str]:
        return {g: self._partitions.name(scope, g) for g in Granularity}

    @guarded
    @reading
    def faults(self, scope: Scope) -> list[Fault]:
        tables = [self._tables.find(scope, granularity) for granularity in Granularity]
        dimension = self.embedder.dimension
        return [fault for table in tables if table for fault in table.faults(dimension)]

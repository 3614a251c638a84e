"""The Chroma collections of a store.

Each granularity has collections of its own, because a filter takes time linear in the rows that
it filters. Scopes are spread over a fixed number of them by hash, because one collection per
scope would cost memory and time where there are many scopes.
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from agentmem_stores.records import Granularity, Scope

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

__all__ = ["Index", "Partitions", "create_collection"]

Index = Literal["hnsw", "spann"]


class Partitions:
    """Finds the collection of a scope and granularity; creates it with the first write.

    Args:
        client: Chroma's client.
        count: the number of collections per granularity.
        index: the vector index of new collections.
        shared: whether other clients may create collections meanwhile.
    """

    def __init__(
        self, client: ClientAPI, count: int, index: Index = "hnsw", *, shared: bool = True
    ) -> None:
        self._client = client
        self._count = count
        self._index = index
        self._shared = shared
        self._collections: dict[str, Collection] = {}
        # Names that Chroma does not know; without other clients there is no need to ask again.
        self._missing: set[str] = set()
        self._lock = RLock()

    def name(self, scope: Scope, granularity: Granularity) -> str:
        """Return the name of a collection, such as `turn-07`."""
        return f"{granularity}-{int(scope.key[:8], 16) % self._count:02d}"

    def find(self, scope: Scope, granularity: Granularity) -> Collection | None:
        """Return a collection; None if nothing was written to it yet."""
        name = self.name(scope, granularity)
        with self._lock:
            collection = self._collections.get(name)
            if collection is not None or name in self._missing:
                return collection
            from chromadb.errors import NotFoundError

            try:
                collection = self._client.get_collection(name, embedding_function=None)
            except NotFoundError:
                if not self._shared:
                    self._missing.add(name)
                return None
            self._collections[name] = collection
            return collection

    def find_or_create(self, scope: Scope, granularity: Granularity) -> Collection:
        """Return a collection; create it if it does not exist."""
        collection = self.find(scope, granularity)
        if collection is not None:
            return collection
        name = self.name(scope, granularity)
        with self._lock:
            self._missing.discard(name)
            collection = create_collection(self._client, name, self._index)
            return self._collections.setdefault(name, collection)


def create_collection(client: ClientAPI, name: str, index: Index = "hnsw") -> Collection:
    """Create the collection of a granularity and partition, or return the existing one."""
    configuration: Any = {index: {"space": "cosine"}}
    return client.get_or_create_collection(
        name, configuration=configuration, embedding_function=None
    )

"""Which Chroma collection holds a scope's memories of one granularity.

A collection per granularity, because a filter costs time linear in what it filters; some scopes
share one by hash, because a collection for each of many owners would cost memory and time.
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from agentmem_stores.records import Granularity, Scope

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

__all__ = ["Index", "Partitions", "make_collection"]

Index = Literal["hnsw", "spann"]


class Partitions:
    """Finds collections by scope and granularity; makes one when it is first written to.

    Args:
        client: Chroma's client.
        count: how many collections each granularity is spread over.
        index: which of Chroma's indexes new collections get.
        shared: whether other clients may make collections meanwhile.
    """

    def __init__(
        self, client: ClientAPI, count: int, index: Index = "hnsw", *, shared: bool = True
    ) -> None:
        self._client = client
        self._count = count
        self._index = index
        self._shared = shared
        self._found: dict[str, Collection] = {}
        # Nobody else makes them, so there is no need to ask for these again.
        self._missing: set[str] = set()
        self._lock = RLock()

    def name(self, scope: Scope, granularity: Granularity) -> str:
        """Return the collection's name, such as `turn-07`."""
        return f"{granularity}-{int(scope.key[:8], 16) % self._count:02d}"

    def find(self, scope: Scope, granularity: Granularity) -> Collection | None:
        """Return the collection, None while nobody wrote to it."""
        from chromadb.errors import NotFoundError

        name = self.name(scope, granularity)
        with self._lock:
            if name in self._missing:
                return None
            if name not in self._found:
                try:
                    found = self._client.get_collection(name, embedding_function=None)
                except NotFoundError:
                    if not self._shared:
                        self._missing.add(name)
                    return None
                self._found[name] = found
            return self._found[name]

    def make(self, scope: Scope, granularity: Granularity) -> Collection:
        """Return the collection, a new one if need be."""
        found = self.find(scope, granularity)
        if found is not None:
            return found
        name = self.name(scope, granularity)
        with self._lock:
            self._missing.discard(name)
            return self._found.setdefault(name, make_collection(self._client, name, self._index))


def make_collection(client: ClientAPI, name: str, index: Index = "hnsw") -> Collection:
    """Make the collection of one granularity and partition, or return it."""
    configuration: Any = {index: {"space": "cosine"}}
    return client.get_or_create_collection(
        name, configuration=configuration, embedding_function=None
    )

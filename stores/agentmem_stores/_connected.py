"""A store's connection with Chroma: how it is made, comes back after a failure, and ends."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from threading import RLock
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

from ._directory import REGISTRY, Directory
from ._errors import AgentMemError
from ._gate import Gate
from ._held import Held
from ._history import count
from ._journal import Journal
from ._nearest import Nearest
from ._partitions import Index, Partitions
from ._registry import Layout, Registry
from ._seam import EmbedderSpec, MemoryStore
from ._tables import Tables
from ._translate import translated

if TYPE_CHECKING:
    from chromadb.api.client import Client

__all__ = ["Connected", "reading"]

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Connected")


def reading(
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R]:
    """Let a method wait while the store goes over to other files, or to another client."""

    @wraps(method)
    def call(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        self._recover()
        with self._gate.shared(), self._noting_failure():
            return method(self, *args, **kwargs)

    return cast("Callable[Concatenate[S, P], R]", call)


class Connected(MemoryStore):
    """Holds the client of Chroma, what stands in its collections, and who may use them now."""

    def __init__(
        self,
        held: Held,
        client: Client,
        where: str,
        embedder: EmbedderSpec | None,
        *,
        index: Index = "hnsw",
        timeout: float = 60.0,
    ) -> None:
        self._index: Index = index
        self._timeout = timeout
        self._where = where
        self._held = held
        # Gives files and connections free, on garbage collection at the latest.
        self._release = weakref.finalize(self, held.close)
        self._lock = RLock()
        # Shared by what reads; what writes holds the lock.
        self._gate = Gate()
        self._closed = self._failed = False
        self._journal = Journal(held.directory.path) if held.directory else None
        self._use(client, embedder)

    @property
    def _directory(self) -> Directory | None:
        return self._held.directory

    @property
    def _process(self) -> int:
        return self._held.process

    def _use(self, client: Client, embedder: EmbedderSpec | None) -> None:
        self._client = client
        collection = client.get_collection(REGISTRY, embedding_function=None)
        layout = Layout.of(collection.metadata, self._where)
        layout.require(embedder, self._where)
        self.embedder = layout.embedder
        self._registry = Registry(
            collection, shared=self._directory is None, grace=2 * self._timeout
        )
        self._partitions = Partitions(
            client, layout.partitions, self._index, shared=self._directory is None
        )
        quick = partial(count, self._directory.database) if self._directory else None
        self._nearest = Nearest(self._registry, quick)
        self._tables = Tables(self._partitions, client.get_max_batch_size())

    def _recover(self) -> None:
        """Open Chroma anew after it failed.

        Its connections may still hold locks of the database, for which the next write would wait
        without end.
        """
        if not self._failed:
            return
        with self._lock, self._gate.alone():
            if self._failed:
                self._use(self._held.reopen(), self.embedder)
                self._redo()
                self._failed = False

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            yield
        except AgentMemError:
            raise
        except BaseException:
            self._failed = self._directory is not None
            raise

    def _redo(self) -> None:
        """Finish the batch in which the process ended, or Chroma failed."""
        if self._journal is None:
            return
        with self._journal.left() as left:
            if left is not None:
                batch, metadata = left
                self._registry.announce(batch.scope)
                self._tables.apply(batch, metadata)
                self._registry.written(batch.scope, batch)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            try:
                with translated(self._where):
                    if not self._failed:
                        self._registry.settle()
            finally:
                self._closed = True
                self._release()

"""Memories in Chroma: embedded in this process, or on a server.

A store's connection with Chroma: how it is made, comes back after a failure, and ends.

What a store in Chroma answers."""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial, wraps
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

from agentmem_stores.checks import check_batch
from agentmem_stores.chroma.client import create_on_disk, ensure_registry, remote
from agentmem_stores.chroma.errors import guarded, translated
from agentmem_stores.chroma.files.changelog import count
from agentmem_stores.chroma.files.compaction import copy, size_of, wipe_what_is_freed
from agentmem_stores.chroma.files.directory import REGISTRY, Directory
from agentmem_stores.chroma.files.hnsw_recovery import put_back
from agentmem_stores.chroma.journal import Journal
from agentmem_stores.chroma.nearest import Nearest
from agentmem_stores.chroma.partitions import Index, Partitions
from agentmem_stores.chroma.registry import Layout, Registry
from agentmem_stores.chroma.resources import Resources
from agentmem_stores.chroma.rows import Metadata, Tables, metadata_of, size_of_batch
from agentmem_stores.chroma.rwlock import ReadWriteLock
from agentmem_stores.errors import AgentMemError, InvalidInputError, StoreError
from agentmem_stores.store import DEFAULT_EMBEDDER, Batch, Compaction, EmbedderSpec, MemoryStore

if TYPE_CHECKING:
    from chromadb.api.client import Client
from collections.abc import Sequence

from agentmem_stores.batching import parts
from agentmem_stores.checks import check_queries
from agentmem_stores.chroma.background import begun
from agentmem_stores.chroma.files.changelog import changes_since, last_write
from agentmem_stores.records import Granularity, Memory, Scope
from agentmem_stores.store import Changes, Entry, Fault, Neighbor, Vectors, Written

__all__ = ["ChromaStore"]

_log = logging.getLogger("agentmem")


P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="ChromaStore")


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


PAGE = 500


class ChromaStore(MemoryStore):
    """Holds memories in Chroma; made by `open` or `connect`. Safe to share between threads.

    What a batch puts into one granularity is one request to Chroma, and so atomic, up to
    Chroma's largest request (5,461 memories when embedded). More than that, and what is deleted
    from several granularities, is several requests; an embedded store writes such a batch down
    first, and finishes it after a crash. On a server each request stays whole by itself.
    """

    def __init__(
        self,
        held: Resources,
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
        self._gate = ReadWriteLock()
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

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        embedder: EmbedderSpec | None = None,
        *,
        partitions: int = 32,
        repair: bool = False,
    ) -> ChromaStore:
        """Open the store in a directory, or create one where nothing is.

        Args:
            embedder: whose vectors it holds. None means whichever an existing store was made
                for, and all-MiniLM-L6-v2 for a new one.
            partitions: over how many collections the owners of a new store are spread.
            repair: take out index files that are damaged; `faults` then tells whose vectors were
                lost with them, and `MemoryController.check(repair=True)` embeds their texts anew.

        Raises:
            StoreUnavailableError: the path cannot be read or written.
            StoreLockedError: another process, or another object in this one, has it open.
            StoreFormatError: what is there is not agentmem's, newer, or damaged.
            EmbedderMismatchError: it holds another embedder's vectors.
        """
        layout = _layout(embedder, partitions)
        where = Path(path).expanduser().absolute()
        with ExitStack() as stack, translated(str(where)):
            directory = Directory(where)
            held = Resources(directory)
            stack.callback(held.close)
            directory.prepare(lambda new: create_on_disk(new, layout), repair=repair)
            client = held.reopen()
            if count := put_back(where, client):
                _log.warning(
                    "%s: an index was half written; %d vectors were put back", where, count
                )
            store = cls(held, client, str(where), embedder)
            if repair:
                store._registry.restore()
            store._redo()
            stack.pop_all()
            return store

    @classmethod
    def connect(
        cls,
        *,
        host: str = "localhost",
        port: int = 8000,
        ssl: bool = False,
        headers: dict[str, str] | None = None,
        tenant: str | None = None,
        database: str | None = None,
        embedder: EmbedderSpec | None = None,
        partitions: int = 32,
        timeout: float = 60.0,
        index: Index = "hnsw",
    ) -> ChromaStore:
        """Connect with the store on a Chroma server, or create one in an empty database.

        Args:
            headers: sent with every request, such as `{"x-chroma-token": ...}`.
            tenant, database: Chroma's defaults when not given.
            embedder, partitions: as in `open`.
            timeout: how many seconds to wait for the server, to connect and for each part of an
                answer; of whatever fails then, nothing is tried again by itself. A client that
                dies while it writes is taken for gone by the others after twice this time.
            index: what new collections are searched with: Chroma's distributed mode, and so
                Chroma Cloud, has SPANN; a single server takes either for HNSW.

        Raises:
            StoreUnavailableError: the server cannot be reached, or refuses the client.
            StoreFormatError: the store there is newer.
            EmbedderMismatchError: it holds another embedder's vectors.
        """
        layout = _layout(embedder, partitions)
        where = f"the Chroma server at {host}:{port}"
        with ExitStack() as stack, translated(where):
            client = remote(
                host=host,
                port=port,
                ssl=ssl,
                headers=headers,
                tenant=tenant,
                database=database,
                timeout=timeout,
            )
            held = Resources(client=client)
            stack.callback(held.close)
            ensure_registry(client, layout)
            store = cls(held, client, where, embedder, index=index, timeout=timeout)
            stack.pop_all()
            return store

    @guarded
    def write(self, batch: Batch) -> str:
        check_batch(batch, self.embedder)
        metadata = metadata_of(batch)
        with self._lock:
            self._recover()
            if not batch:
                return self._registry.revision(batch.scope)
            if self._directory is not None:
                self._directory.require_room(size_of_batch(batch))
            with self._noting_failure():
                return self._write(batch, metadata)

    def _write(self, batch: Batch, metadata: Metadata) -> str:
        self._tables.check_patched(batch)
        before = self._registry.announce(batch.scope)
        try:
            with self._journal_for(batch, metadata):
                self._tables.apply(batch, metadata)
        except BaseException:
            self._registry.failed(batch.scope)
            self._nearest.forget(batch.scope)
            raise
        after = self._registry.written(batch.scope, batch)
        self._nearest.written(batch, before, after)
        return after

    def _journal_for(self, batch: Batch, metadata: Metadata) -> AbstractContextManager[None]:
        if self._journal is None or not self._tables.can_be_halved(batch):
            return nullcontext()
        return self._journal.of(batch, metadata)

    @guarded
    def check_files(self) -> list[str]:
        with self._lock:
            return self._directory.faults() if self._directory else []

    @guarded
    def compact(self) -> Compaction:
        """Make the files anew from what lives; everything deleted is gone from them then.

        Needs room for a second copy meanwhile. A crash leaves the store as it was, or compacted.
        Others may go on reading; what writes waits.

        Chroma writes index files out of memory that it has not cleared, in which the texts of
        this process can lie. With glibc, memory is overwritten from now on when it is freed and
        when it is given out (`Compaction.wiped`), so that nothing deleted comes back with later
        writes. Elsewhere only a process of its own, such as `agentmem compact`, is sure.

        Raises:
            StoreError: the store is on a server, whose files are not this client's.
        """
        directory = self._directory
        if directory is None:
            raise StoreError(
                f"the files of {self._where} are not this client's; stop the server and compact "
                "its directory with ChromaStore.open(path).compact()"
            )
        with self._lock:
            self._recover()
            before = size_of(directory.path)
            directory.require_room(before)
            wiped = wipe_what_is_freed()
            self._registry.settle()
            directory.make_aside(lambda path: copy(self._client, path))
            with self._gate.alone(), self._noting_failure():
                self._use(self._held.reopen(Directory.move_in), self.embedder)
            return Compaction(before, size_of(directory.path), wiped)

    @guarded
    @reading
    def get(self, scope: Scope, granularity: Granularity, ids: Sequence[str]) -> list[Entry]:
        table = self._tables.find(scope, granularity) if ids else None
        return table.entries(ids) if table is not None else []

    @guarded
    @reading
    def get_memories(
        self, scope: Scope, granularity: Granularity, ids: Sequence[str]
    ) -> list[Memory]:
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

    def scan_entries(self, scope: Scope, granularity: Granularity) -> Iterator[Entry]:
        for part in parts(self._ids(scope, granularity), PAGE):
            yield from self.get(scope, granularity, part)

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
    ) -> list[list[Neighbor]]:
        vectors = check_queries(vectors, n, self.embedder)
        collection = self._partitions.find(scope, granularity)
        if collection is None or not len(vectors):
            return [[] for _ in vectors]
        return self._nearest.search(collection, (scope, granularity), vectors, n)

    def start_nearest(
        self, scope: Scope, granularity: Granularity, vectors: Vectors, n: int
    ) -> Callable[[], list[list[Neighbor]]]:
        look = super().start_nearest(scope, granularity, vectors, n)
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
    def last_sequence(self, scope: Scope) -> str:
        if self._directory is None:
            return self._registry.revision(scope)
        return str(last_write(self._directory.database, self._collections(scope)))

    @guarded
    @reading
    def changes_since(self, scope: Scope, sequence: str) -> Changes | None:
        if self._directory is None:
            return None
        database, collections = self._directory.database, self._collections(scope)
        return changes_since(database, scope, collections, int(sequence))

    def written_between(self, scope: Scope, before: str, after: str) -> Written | None:
        return self._registry.between(scope, before, after)

    def _collections(self, scope: Scope) -> dict[Granularity, str]:
        return {g: self._partitions.name(scope, g) for g in Granularity}

    @guarded
    @reading
    def check_records(self, scope: Scope) -> list[Fault]:
        tables = [self._tables.find(scope, granularity) for granularity in Granularity]
        dimension = self.embedder.dimension
        return [fault for table in tables if table for fault in table.faults(dimension)]

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


def _layout(embedder: EmbedderSpec | None, partitions: int) -> Layout:
    if not 1 <= partitions <= 4096:
        raise InvalidInputError(f"partitions={partitions} must be from 1 to 4096")
    return Layout(embedder or DEFAULT_EMBEDDER, partitions)

"""`ChromaStore`: memories in Chroma, embedded in this process or on a server."""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial, wraps
from itertools import chain
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

from typing_extensions import override

from agentmem_stores.chroma import rows
from agentmem_stores.chroma.client import (
    close_client,
    create_registry,
    create_store,
    open_directory,
    open_server,
)
from agentmem_stores.chroma.errors import translate, translated
from agentmem_stores.chroma.files import changelog
from agentmem_stores.chroma.files.compaction import copy, size_of, wipe_freed_memory
from agentmem_stores.chroma.files.directory import Directory
from agentmem_stores.chroma.files.hnsw_recovery import restore_vectors
from agentmem_stores.chroma.files.id_lists import IdLists
from agentmem_stores.chroma.journal import Journal
from agentmem_stores.chroma.nearest import NearestNeighbors
from agentmem_stores.chroma.registry import REGISTRY, Layout, Registry
from agentmem_stores.chroma.rows import Index, Partitions
from agentmem_stores.errors import (
    AgentMemError,
    ClosedError,
    EmbedderMismatchError,
    InvalidInputError,
    StoreError,
    StoreFormatError,
    StoreUnavailableError,
)
from agentmem_stores.exact import CACHED_VECTORS, EXACT_LIMIT, ExactCache
from agentmem_stores.locks import ReadWriteLock
from agentmem_stores.records import Granularity, Memory, Scope
from agentmem_stores.store import (
    DEFAULT_EMBEDDER,
    Batch,
    Changes,
    Compaction,
    EmbedderSpec,
    Entry,
    Fault,
    MemoryKeys,
    MemoryStore,
    Neighbor,
    Vectors,
    paginate,
    require_existing,
    validate_batch,
    validate_queries,
)

if TYPE_CHECKING:
    from chromadb.api.client import Client

__all__ = ["ChromaStore"]

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="ChromaStore")

_log = logging.getLogger("agentmem")

# Clients that a forked process has inherited. Closing or collecting one could block forever.
_inherited: list[object] = []


class _Connection:
    """A client and, for an embedded store, the lock of its directory; closed together.

    Attributes:
        directory: None for a store on a server.
        process: the id of the process that opened it; forked processes cannot use it.
    """

    def __init__(self, directory: Directory | None = None, client: Client | None = None) -> None:
        self.process = os.getpid()
        self.directory = directory
        self._client = client

    def reopen(self, between: Callable[[Directory], object] = lambda _: None) -> Client:
        """Close the embedded client, if any, and open another; may be called again if it fails.

        Args:
            between: called with the directory while no client has it open.
        """
        assert self.directory is not None
        self._close_client()
        between(self.directory)
        self._client = client = open_directory(self.directory.path)
        return client

    def require_present(self) -> None:
        """Check that nobody has removed the directory; see `Directory.require_present`."""
        if self.directory is not None:
            self.directory.require_present()

    def close(self) -> None:
        """Close the client and release the directory; calling it twice is allowed."""
        if os.getpid() != self.process:
            _inherited.append(self._client)
            return
        try:
            self._close_client()
        finally:
            if self.directory is not None:
                self.directory.release()

    def _close_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            close_client(client)


def _guarded(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Refuse a closed store, recover a failed one, and translate errors of the backend."""

    @wraps(method)
    def call(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._closed or os.getpid() != self._connection.process:
            raise self._closed_error()
        try:
            self._connection.require_present()
            if self._failed:
                self._recover()
            return method(self, *args, **kwargs)
        except BaseException as error:
            translation = self._translated(error)
            if translation is None:
                raise
            raise translation from error

    return cast("Callable[Concatenate[S, P], R]", call)


class ChromaStore(MemoryStore):
    """Stores memories in Chroma. `open` and `connect` create one; threads may share it.

    The puts of a batch in one granularity are one request to Chroma and so atomic, up to
    `max_batch_size` rows. A larger batch, or one that deletes from several granularities, takes
    several requests. An embedded store records such a batch in a journal first and finishes it
    after a crash; on a server each request is atomic by itself.

    >>> with ChromaStore.open("./store") as store:
    ...     store.scopes()
    []
    """

    def __init__(
        self,
        connection: _Connection,
        client: Client,
        where: str,
        embedder: EmbedderSpec | None,
        *,
        index: Index = "hnsw",
        timeout: float = 60.0,
        max_batch_size: int | None = None,
        exact_limit: int = EXACT_LIMIT,
        cached_vectors: int = CACHED_VECTORS,
    ) -> None:
        self._connection = connection
        self._directory = connection.directory
        self._journal = Journal(self._directory.path) if self._directory else None
        self._where = where
        self._index: Index = index
        self._timeout = timeout
        self._batch_limit = max_batch_size
        self._exact_limit = exact_limit
        self._cached_vectors = cached_vectors
        # Closes files and connections, on garbage collection at the latest.
        self._release = weakref.finalize(self, connection.close)
        # Writes hold the one; reads share the other, which is exclusive while the client changes.
        # Where both are needed, the write lock is taken first.
        self._write_lock = RLock()
        self._client_lock = ReadWriteLock()
        self._closed = self._failed = False
        self._attach(client, embedder)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        embedder: EmbedderSpec | None = None,
        *,
        partitions: int = 32,
        repair: bool = False,
        max_batch_size: int | None = None,
        exact_limit: int = EXACT_LIMIT,
        cached_vectors: int = CACHED_VECTORS,
    ) -> ChromaStore:
        """Open the store in a directory; create one if the directory is empty or missing.

        Args:
            path: the directory.
            embedder: whose vectors the store has. None accepts that of an existing store, and
                means all-MiniLM-L6-v2 for a new one.
            partitions: the number of collections that the scopes of a new store are spread over.
            repair: remove damaged index files. `check_records` then returns the memories whose
                vectors were lost, and `MemoryController.check(repair=True)` embeds them again.
            max_batch_size: rows per request; Chroma's own limit by default (5,461).
            exact_limit: scopes of up to this many memories are searched exactly.
            cached_vectors: the number of vectors to cache for exact search.

        Raises:
            StoreUnavailableError: the path cannot be read or written.
            StoreLockedError: another process, or another object in this one, has it open.
            StoreFormatError: the directory is not agentmem's, of a newer version, or damaged.
            EmbedderMismatchError: the store has vectors of another embedder.
        """
        layout = _new_layout(embedder, partitions)
        try:
            where = Path(path).expanduser().absolute()
        except (RuntimeError, TypeError) as error:
            raise StoreUnavailableError(f"{path!r} is not a path ({error})") from error
        with ExitStack() as stack, translated(str(where)):
            directory = Directory(where)
            connection = _Connection(directory)
            stack.callback(connection.close)
            directory.prepare(lambda new: create_store(new, layout), repair=repair)
            client = connection.reopen()
            _restore_vectors(directory, client)
            store = cls(
                connection,
                client,
                str(where),
                embedder,
                max_batch_size=max_batch_size,
                exact_limit=exact_limit,
                cached_vectors=cached_vectors,
            )
            if repair:
                store._registry.rewrite_rows()
            store._finish_batch()
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
        max_batch_size: int | None = None,
        exact_limit: int = EXACT_LIMIT,
        cached_vectors: int = CACHED_VECTORS,
    ) -> ChromaStore:
        """Connect to the store on a Chroma server; create one in an empty database.

        Args:
            host, port, ssl: the server.
            headers: sent with every request, such as `{"x-chroma-token": ...}`.
            tenant, database: Chroma's defaults if None.
            embedder, partitions, max_batch_size, exact_limit, cached_vectors: as in `open`.
            timeout: seconds to wait for a connection and for each part of a response. Failed
                requests are not repeated. Other clients take one that dies during a write for
                dead after twice this time.
            index: the index of new collections. Chroma's distributed mode, including Chroma
                Cloud, has SPANN; a single server uses HNSW for either.

        Raises:
            StoreUnavailableError: the server cannot be reached or refuses the client.
            StoreFormatError: a newer version wrote the store.
            EmbedderMismatchError: the store has vectors of another embedder.
        """
        layout = _new_layout(embedder, partitions)
        where = f"the Chroma server at {host}:{port}"
        with ExitStack() as stack, translated(where):
            client = open_server(
                host=host,
                port=port,
                ssl=ssl,
                headers=headers,
                tenant=tenant,
                database=database,
                timeout=timeout,
            )
            connection = _Connection(client=client)
            stack.callback(connection.close)
            create_registry(client, layout)
            store = cls(
                connection,
                client,
                where,
                embedder,
                index=index,
                timeout=timeout,
                max_batch_size=max_batch_size,
                exact_limit=exact_limit,
                cached_vectors=cached_vectors,
            )
            stack.pop_all()
            return store

    # Writing

    @override
    @_guarded
    def write(self, batch: Batch) -> str:
        validate_batch(batch, self.embedder)
        groups = rows.encode_batch(batch)
        scope = batch.scope
        with self._write_lock:
            if self._failed:
                self._recover()
            if not groups:
                return self._registry.revision(scope)
            if self._directory is not None:
                self._directory.require_space(rows.estimate_size(groups))
                if batch.put or batch.delete:
                    # It lacks what is put now, and may have texts that are deleted now.
                    self._directory.discard_replacement()
            if batch.patch:
                self._require_patched(batch, groups)
            before = self._registry.begin_write(scope)
            try:
                with self._journaled(scope, groups):
                    self._apply(scope, groups)
            except BaseException:
                # A part of the batch may be stored, so nothing derived before is current.
                self._registry.fail_write(scope)
                self._exact.forget(scope)
                raise
            after = self._registry.end_write(scope, batch)
            self._exact.update(batch, before, after)
            return after

    def _require_patched(self, batch: Batch, groups: Sequence[rows.RowGroup]) -> None:
        existing: set[tuple[str, str]] = set()
        for group in groups:
            if group.operation == "update":
                collection = self._partitions.find(batch.scope, group.granularity)
                if collection is not None:
                    ids = rows.existing_ids(collection, group.ids, self._max_batch_size)
                    existing.update([(group.granularity, i) for i in ids])
        require_existing(batch.patch, existing)

    def _apply(self, scope: Scope, groups: Sequence[rows.RowGroup]) -> None:
        """Write rows; doing so twice makes no difference."""
        for group in groups:
            if group.operation == "delete":
                collection = self._partitions.find(scope, group.granularity)
            else:
                collection = self._partitions.find_or_create(scope, group.granularity)
            if collection is not None:
                protect = self._lists.protect if self._lists else None
                rows.write_rows(collection, group, self._max_batch_size, protect)

    @override
    @_guarded
    def compact(self) -> Compaction:
        """Rewrite the store's files from its live rows, so that nothing deleted remains in them.

        Needs disk space for a second copy. After a crash the store is as before, or compacted.
        Reads may go on; writes wait.

        Chroma writes index files from memory that it has not cleared, and which may have texts
        of this process. With glibc, memory is overwritten from now on when it is freed and
        allocated (`Compaction.wiped`), so later writes bring nothing deleted back. On other
        platforms only a separate process, such as `agentmem compact`, is certain.

        Raises:
            StoreError: the store is on a server, which owns the files.
        """
        directory = self._directory
        if directory is None:
            raise StoreError(
                f"{self._where} owns its files; stop the server and compact its directory with "
                "ChromaStore.open(path).compact()"
            )
        with self._write_lock:
            if self._failed:
                self._recover()
            before = size_of(directory.path)
            directory.require_space(before)
            wiped = wipe_freed_memory()
            self._registry.flush()
            directory.create_aside(lambda path: copy(self._client, path))
            with self._client_lock.exclusive():
                self._attach(self._connection.reopen(Directory.move_in), self.embedder)
            return Compaction(before, size_of(directory.path), wiped)

    @_guarded
    def open_replacement(self, embedder: EmbedderSpec) -> ChromaStore:
        """Open a store for vectors of another embedder, to fill it and call `replace_by`.

        It lies inside this store's directory. If filling it is interrupted, the next call opens
        it as it was left, provided that nothing was written here meanwhile and the embedder is the
        same; otherwise it begins empty.

        Raises:
            StoreError: this store is on a server, which owns the files.
        """
        directory = self._require_directory()
        with self._write_lock:
            if directory.replacement.exists():
                try:
                    return ChromaStore.open(directory.replacement, embedder)
                except (EmbedderMismatchError, StoreFormatError):
                    directory.discard_replacement()
            partitions = self._partitions.count
            return ChromaStore.open(directory.replacement, embedder, partitions=partitions)

    @_guarded
    def replace_by(self, replacement: ChromaStore) -> None:
        """Replace the files of this store by those of `open_replacement`, which is closed.

        After a crash the store is as before, or replaced.

        Raises:
            StoreError: this store is on a server, which owns the files.
        """
        directory = self._require_directory()
        with self._write_lock:
            replacement.close()
            directory.adopt_replacement()
            with self._client_lock.exclusive():
                self._attach(self._connection.reopen(Directory.move_in), None)

    def _require_directory(self) -> Directory:
        if self._directory is None:
            raise StoreError(
                f"{self._where} owns its files; stop the server and open its directory instead"
            )
        return self._directory

    # Reading

    @override
    @_guarded
    def get(self, scope: Scope, granularity: Granularity, ids: Sequence[str]) -> list[Entry]:
        with self._client_lock.shared():
            collection = self._partitions.find(scope, granularity) if ids else None
            if collection is None:
                return []
            return rows.get_entries(collection, scope, granularity, ids)

    @override
    @_guarded
    def get_memories(
        self, scope: Scope, granularity: Granularity, ids: Sequence[str]
    ) -> list[Memory]:
        with self._client_lock.shared():
            collection = self._partitions.find(scope, granularity) if ids else None
            if collection is None:
                return []
            return rows.get_memories(collection, scope, granularity, ids)

    @override
    def scan(self, scope: Scope, granularity: Granularity) -> Iterator[Memory]:
        # All ids first, because writes during the iteration would shift pages.
        pages = paginate(self._list_ids(scope, granularity))
        return chain.from_iterable(self.get_memories(scope, granularity, page) for page in pages)

    @override
    def scan_entries(self, scope: Scope, granularity: Granularity) -> Iterator[Entry]:
        pages = paginate(self._list_ids(scope, granularity))
        return chain.from_iterable(self.get(scope, granularity, page) for page in pages)

    @_guarded
    def _list_ids(self, scope: Scope, granularity: Granularity) -> list[str]:
        with self._client_lock.shared():
            collection = self._partitions.find(scope, granularity)
            return [] if collection is None else rows.list_ids(collection, scope)

    @override
    @_guarded
    def nearest(
        self, scope: Scope, granularity: Granularity, vectors: Vectors, n: int
    ) -> list[list[Neighbor]]:
        vectors = validate_queries(vectors, n, self.embedder)
        with self._client_lock.shared():
            collection = self._partitions.find(scope, granularity)
            if collection is None or not len(vectors):
                return [[] for _ in vectors]
            key = (scope, granularity)
            if key in self._exact:
                revision = self._registry.peek_revision(scope)
                neighbors = self._exact.nearest(key, revision, vectors, n)
                if neighbors is None:
                    neighbors = self._nearest.search_changed(collection, key, vectors, n, revision)
                return neighbors
            return self._nearest.search(collection, key, vectors, n)

    @override
    @_guarded
    def scopes(self) -> list[Scope]:
        with self._client_lock.shared():
            return self._registry.scopes()

    @override
    @_guarded
    def revision(self, scope: Scope) -> str:
        with self._client_lock.shared():
            return self._registry.revision(scope)

    @override
    def derived_folder(self) -> Path | None:
        return self._directory.derived if self._directory else None

    @override
    @_guarded
    def last_sequence(self, scope: Scope) -> str:
        with self._client_lock.shared():
            if self._directory is None:
                return self._registry.revision(scope)
            collections = self._collection_names(scope)
            return str(changelog.last_sequence(self._directory.database, collections))

    @override
    @_guarded
    def changes_since(self, scope: Scope, sequence: str) -> Changes | None:
        if self._directory is None:
            return None
        with self._client_lock.shared():
            database, collections = self._directory.database, self._collection_names(scope)
            self._apply_log(scope, database)
            return changelog.changes_since(database, scope, collections, int(sequence))

    def _apply_log(self, scope: Scope, database: Path) -> None:
        """Let Chroma apply what a killed process has only logged.

        It does so when a collection is first read; until then its database says nothing of it. A
        collection without such writes is not read, because Chroma would load its vectors.
        """
        names = {n: g for g, n in self._collection_names(scope).items() if n not in self._applied}
        for name in changelog.with_unapplied_writes(database, names):
            collection = self._partitions.find(scope, names[name])
            if collection is not None:
                collection.get(limit=1, include=[])
        self._applied.update(names)

    def _collection_names(self, scope: Scope) -> dict[Granularity, str]:
        return {g: self._partitions.name(scope, g) for g in Granularity}

    @override
    def written_between(self, scope: Scope, before: str, after: str) -> MemoryKeys | None:
        return self._registry.written_between(scope, before, after)

    @override
    @_guarded
    def check_records(self, scope: Scope) -> list[Fault]:
        faults: list[Fault] = []
        with self._client_lock.shared():
            for granularity in Granularity:
                collection = self._partitions.find(scope, granularity)
                if collection is not None:
                    dimension = self.embedder.dimension
                    faults += rows.check_rows(collection, scope, granularity, dimension)
        return faults

    @override
    @_guarded
    def check_files(self) -> list[str]:
        with self._write_lock:
            return self._directory.check() if self._directory else []

    # Opening, recovering and closing

    def _attach(self, client: Client, embedder: EmbedderSpec | None) -> None:
        """Use a client from now on."""
        collection = client.get_collection(REGISTRY, embedding_function=None)
        layout = Layout.from_metadata(collection.metadata, self._where)
        layout.require_embedder(embedder, self._where)
        shared = self._directory is None
        self.embedder = layout.embedder
        self._client = client
        self._max_batch_size = self._batch_limit or client.get_max_batch_size()
        self._lists = None
        if self._directory is not None:
            path, database = self._directory.path, self._directory.database
            self._lists = IdLists(path, database, self._client_lock)
        self._registry = Registry(collection, shared=shared, grace=2 * self._timeout)
        self._partitions = Partitions(client, layout.partitions, self._index, shared=shared)
        # Names of the collections that are up to date in the database; see `_apply_log`.
        self._applied: set[str] = set()
        # Chroma could only count a scope by filtering the whole collection.
        count = partial(changelog.count, self._directory.database) if self._directory else None
        self._exact = ExactCache(self._exact_limit, self._cached_vectors)
        self._nearest = NearestNeighbors(self._registry, self._exact, count)

    def _recover(self) -> None:
        """Open Chroma again after it failed.

        Its connections may still hold locks of the database, for which the next write would wait
        forever.
        """
        with self._write_lock, self._client_lock.exclusive():
            if self._failed:
                # A full disk may have cut a save short.
                client = self._connection.reopen(Directory.recover_segments)
                _restore_vectors(self._require_directory(), client)
                self._attach(client, self.embedder)
                self._finish_batch()
                self._failed = False

    def _journaled(
        self, scope: Scope, groups: Sequence[rows.RowGroup]
    ) -> AbstractContextManager[None]:
        """Return a context in which a crash cannot split a batch in an order of its own.

        `Batch` lets the caller order the granularities of puts and patches, but not deletions.
        """
        deletes = largest = 0
        for group in groups:
            deletes += group.operation == "delete"
            largest = max(largest, len(group.ids))
        if self._journal is None or (largest <= self._max_batch_size and deletes < 2):
            return nullcontext()
        return self._journal.recorded(scope, groups)

    def _finish_batch(self) -> None:
        """Apply the batch during which the process died or Chroma failed."""
        if self._journal is None:
            return
        with self._journal.unfinished() as batch:
            if batch is not None:
                scope, groups = batch
                self._registry.begin_write(scope)
                self._apply(scope, groups)
                self._registry.end_write(scope)

    @override
    def close(self) -> None:
        with self._write_lock:
            if self._closed:
                return
            try:
                with translated(self._where):
                    if not self._failed:
                        self._registry.flush()
            except StoreError as error:
                cause = self._cause(error)
                if cause is None:
                    raise
                raise cause from error
            finally:
                self._closed = True
                self._release()

    def _translated(self, error: BaseException) -> BaseException | None:
        """Return the error to raise instead of one of a call; None to raise that one.

        What is no error of ours may leave Chroma unusable, so the next call recovers it.
        """
        if not isinstance(error, AgentMemError):
            self._failed = self._directory is not None
        translation = translate(error, self._where)
        if isinstance(translation or error, StoreError):
            return self._cause(error) or translation
        return translation

    def _cause(self, error: BaseException) -> AgentMemError | None:
        """Return why a call failed where its error would mislead; None if the error tells it."""
        if self._closed:
            # Another thread has closed the store meanwhile.
            return self._closed_error()
        try:
            # SQLite calls a database whose file is gone read-only.
            self._connection.require_present()
        except StoreUnavailableError as removed:
            return None if str(removed) == str(error) else removed
        return None

    def _closed_error(self) -> ClosedError:
        if self._closed:
            return ClosedError(f"the store {self._where} is closed; open it again")
        return ClosedError(
            f"the store {self._where} was opened before this process was forked; open it here"
        )


def _restore_vectors(directory: Directory, client: Client) -> None:
    if restored := restore_vectors(directory.path, directory.database, client):
        _log.warning(
            "%s: an index was only partly written; restored %d vectors", directory.path, restored
        )


def _new_layout(embedder: EmbedderSpec | None, partitions: int) -> Layout:
    if not 1 <= partitions <= 4096:
        raise InvalidInputError(f"partitions must be from 1 to 4096, not {partitions}")
    return Layout(embedder or DEFAULT_EMBEDDER, partitions)

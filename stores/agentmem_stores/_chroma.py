"""Memories in Chroma: embedded in this process, or on a server."""

from __future__ import annotations

import logging
import os
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

from ._checks import check_batch
from ._clients import create_on_disk, ensure_registry, remote
from ._compaction import copy, size_of, wipe_what_is_freed
from ._directory import Directory
from ._errors import InvalidInputError, StoreError
from ._held import Held
from ._partitions import Index
from ._reads import Reads
from ._registry import Layout
from ._rescue import put_back
from ._seam import (
    DEFAULT_EMBEDDER,
    Batch,
    Compaction,
    EmbedderSpec,
)
from ._tables import Metadata, metadata_of, size_of_batch
from ._translate import guarded, translated

__all__ = ["ChromaStore"]

_log = logging.getLogger("agentmem")


class ChromaStore(Reads):
    """Holds memories in Chroma; made by `open` or `connect`. Safe to share between threads.

    What a batch puts into one granularity is one request to Chroma, and so atomic, up to
    Chroma's largest request (5,461 memories when embedded). More than that, and what is deleted
    from several granularities, is several requests; an embedded store writes such a batch down
    first, and finishes it after a crash. On a server each request stays whole by itself.
    """

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
            held = Held(directory)
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
            held = Held(client=client)
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
    def damage(self) -> list[str]:
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


def _layout(embedder: EmbedderSpec | None, partitions: int) -> Layout:
    if not 1 <= partitions <= 4096:
        raise InvalidInputError(f"partitions={partitions} must be from 1 to 4096")
    return Layout(embedder or DEFAULT_EMBEDDER, partitions)

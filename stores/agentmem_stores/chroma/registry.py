"""The registry of a store: its format, its embedder, its scopes and their revisions.

The registry is one more Chroma collection, so that all clients of a server see it. The
collection's metadata has the format. Each row has the number of writes of one client to one
scope. A client updates only rows of its own, so no update is lost, and the rows of a scope taken
together, its revision, change with every write.

A client of a server marks its row before it writes to a scope, and counts the write afterwards.
If it dies in between, the mark stays. The other clients then read the scope again once the mark
is older than a request can take, again after twice that time, and so on.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, log2
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem_stores.chroma.rows import SCOPE
from agentmem_stores.errors import EmbedderMismatchError, StoreFormatError
from agentmem_stores.locks import ScopeLocks
from agentmem_stores.records import Granularity, Scope
from agentmem_stores.store import Batch, EmbedderSpec, MemoryKeys, paginate

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

__all__ = ["REGISTRY", "Layout", "Registry", "WriteLog", "written_between"]

# The name of the collection.
REGISTRY = "agentmem"
# The format of the store. A store of a higher format is refused, so that no older version writes
# rows into it.
FORMAT = 1
# Rows per request; rows of the registry are small.
PAGE_SIZE = 1000
# An embedded store stores its write count once per this many writes, and the exact count when it
# closes. After a crash it continues with a number that was never used.
RESERVED = 1000
# Rows of other clients that a scope may have; beyond that, those of finished clients are deleted.
MAX_CLIENTS = 8
# Memory ids in a write log. A client that missed more reads the whole scope.
MAX_LOGGED = 100
# The client id of whichever process has an embedded store open.
EMBEDDED = "embedded"
# Keys of a row's metadata.
WRITING = "writing"
LOG = "log"


@dataclass(frozen=True)
class Layout:
    """The parameters of a store that are fixed when it is created."""

    embedder: EmbedderSpec
    partitions: int

    def to_metadata(self) -> dict[str, str | int]:
        """Return the metadata of the registry's collection."""
        return {
            "agentmem_format": FORMAT,
            "embedder": self.embedder.name,
            "dimension": self.embedder.dimension,
            "partitions": self.partitions,
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any] | None, where: str) -> Layout:
        """Read the metadata of the registry's collection.

        Raises:
            StoreFormatError: agentmem did not write it, or a newer version did.
        """
        metadata = metadata or {}
        version = metadata.get("agentmem_format")
        if not isinstance(version, int) or version < 1:
            raise StoreFormatError(f"{where} is not an agentmem store; pass another path")
        if version > FORMAT:
            raise StoreFormatError(
                f"{where} has format {version}, but this version reads formats up to {FORMAT}; "
                "upgrade ebbinghaus-agentmem"
            )
        try:
            embedder = EmbedderSpec(str(metadata["embedder"]), int(metadata["dimension"]))
            return cls(embedder, int(metadata["partitions"]))
        except (KeyError, ValueError) as error:
            raise StoreFormatError(
                f"{where} has lost its embedder or partitions; restore it from an export"
            ) from error

    def require_embedder(self, embedder: EmbedderSpec | None, where: str) -> None:
        """Check that an embedder is the store's own; None accepts any.

        Raises:
            EmbedderMismatchError: it is not.
        """
        if embedder is not None and embedder != self.embedder:
            raise EmbedderMismatchError(
                f"{where} has vectors of {_describe(self.embedder)}, not of "
                f"{_describe(embedder)}; open it with the former, or move it to the latter with "
                "`agentmem reembed`"
            )


class Registry:
    """The registry of an open store.

    Args:
        collection: the collection that stores it.
        shared: whether other clients may write to the store meanwhile.
        grace: seconds after which a request to the server has succeeded or failed.
        max_clients: rows of other clients that a scope may have.
    """

    def __init__(
        self,
        collection: Collection,
        *,
        shared: bool,
        grace: float = 60.0,
        max_clients: int = MAX_CLIENTS,
    ) -> None:
        self._collection = collection
        self._shared = shared
        self._grace = grace
        self._max_clients = max_clients
        self._client = uuid.uuid4().hex if shared else EMBEDDED
        # The number of writes of this client to each scope, and the last number stored.
        self._counts: dict[Scope, int] = {}
        self._stored_counts: dict[Scope, int] = {}
        # What the rows of all clients said when `revision` was last called, and the revision that
        # follows from them and from `_counts`.
        self._seen: dict[Scope, dict[str, str]] = {}
        self._revisions: dict[Scope, str] = {}
        # By row, with which count and since when a client has been marked as writing.
        self._writing: dict[str, tuple[int, float]] = {}
        # When a write of this client failed that may be partly applied, or still be applied.
        self._failed_at: dict[Scope, float] = {}
        self._log = WriteLog()
        # The write logs of all clients, by scope and client.
        self._logs: dict[Scope, dict[str, str]] = {}
        # Of each scope, since a request to the server takes as long as one: others need not wait.
        self._locks = ScopeLocks()

    def scopes(self) -> list[Scope]:
        """Return every scope that was ever written to, sorted by name."""
        scopes = {
            Scope(row["user_id"], row.get("agent_id"))
            for page in _pages(self._collection)
            for row in page["metadatas"]
        }
        return sorted(scopes, key=lambda s: (s.user_id, s.agent_id or ""))

    def revision(self, scope: Scope) -> str:
        """Return the current revision of a scope, on which `end_write` builds."""
        known = None if self._shared else self._revisions.get(scope)
        if known is not None:
            return known
        with self._locks.hold(scope):
            if self._shared or scope not in self._seen:
                self._seen[scope] = self._read(scope)
                self._revisions[scope] = self._format(scope, self._seen[scope])
            return self._revisions[scope]

    def peek_revision(self, scope: Scope) -> str:
        """Return the current revision of a scope without changing what `end_write` builds on."""
        known = None if self._shared else self._revisions.get(scope)
        if known is not None:
            return known
        with self._locks.hold(scope):
            return self._format(scope, self._read(scope))

    def begin_write(self, scope: Scope) -> str:
        """Announce a write to a scope; return the revision before it."""
        with self._locks.hold(scope):
            if scope not in self._seen:
                self._seen[scope] = self._read(scope)
                self._revisions[scope] = self._format(scope, self._seen[scope])
            count = self._counts.get(scope, 0)
            if self._shared:
                self._store({scope: count}, writing=True)
            elif count >= self._stored_counts.get(scope, 0):
                self._store({scope: count + RESERVED})
            return self._revisions[scope]

    def end_write(self, scope: Scope, batch: Batch | None = None) -> str:
        """Count a write; return the new revision, provided that no other client wrote meanwhile.

        Args:
            scope: what was written to.
            batch: what was written, for other clients; None if that is unknown.
        """
        with self._locks.hold(scope):
            self._counts[scope] = self._counts.get(scope, 0) + 1
            if self._shared:
                if batch is None:
                    self._log.clear(scope)
                else:
                    self._log.add(scope, self._counts[scope], batch)
                self._store({scope: self._counts[scope]})
                self._delete_finished_clients(scope)
            self._revisions[scope] = self._format(scope, self._seen[scope])
            return self._revisions[scope]

    def fail_write(self, scope: Scope) -> None:
        """Count a write that may be partly applied, for this client only.

        The other clients see it as writing until its next write.
        """
        with self._locks.hold(scope):
            self._count_unknown(scope)
            if self._shared:
                self._failed_at[scope] = monotonic()

    def written_between(self, scope: Scope, before: str, after: str) -> MemoryKeys | None:
        """Return what clients wrote to a scope between two revisions; None if unknown."""
        with self._locks.hold(scope):
            return written_between(before, after, self._logs.get(scope, {}))

    def flush(self) -> None:
        """Store the exact write counts of an embedded store, so that the next opening uses them."""
        with self._locks.hold_all():
            if not self._shared:
                self._store({scope: self._counts.get(scope, 0) for scope in self._stored_counts})

    def rewrite_rows(self) -> None:
        """Write every row again, with the vector that it may have lost."""
        for page in list(_pages(self._collection)):
            self._collection.upsert(
                ids=page["ids"],
                embeddings=np.zeros((len(page["ids"]), 1), dtype=np.float32),
                metadatas=page["metadatas"],
            )

    def _count_unknown(self, scope: Scope) -> None:
        self._counts[scope] = self._counts.get(scope, 0) + 1
        self._log.clear(scope)
        if scope in self._seen:
            self._revisions[scope] = self._format(scope, self._seen[scope])

    def _read(self, scope: Scope) -> dict[str, str]:
        """Read the rows of a scope; return what they say, by client."""
        # Not filtered by the scope's key, which every memory of the scope has too: Chroma searches
        # the values of all collections, which takes 0.2 s if they have 200,000 memories.
        page: Any = self._collection.get(where={"user_id": scope.user_id}, include=["metadatas"])
        rows = {
            row.partition("/")[2]: metadata
            for row, metadata in zip(page["ids"], page["metadatas"], strict=True)
            if row.startswith(f"{scope.key}/")
        }
        self._counts.setdefault(scope, int(rows.get(self._client, {"revision": 0})["revision"]))
        if monotonic() - self._failed_at.get(scope, inf) > self._grace:
            # By now the failed write is done or never will be, so derived data can be made anew.
            del self._failed_at[scope]
            self._count_unknown(scope)
        self._logs[scope] = {c: str(row[LOG]) for c, row in rows.items() if row.get(LOG)}
        return {c: self._client_state(f"{scope.key}/{c}", row) for c, row in rows.items()}

    def _client_state(self, row: str, metadata: Mapping[str, Any]) -> str:
        """Return a client's write count, with a tilde per doubling of the time it is overdue."""
        count = int(metadata["revision"])
        if not metadata.get(WRITING):
            self._writing.pop(row, None)
            return str(count)
        if self._writing.get(row, (None,))[0] != count:
            self._writing[row] = (count, monotonic())
        age = monotonic() - self._writing[row][1]
        return str(count) + "~" * int(log2(max(1.0, 2 * age / self._grace)))

    def _format(self, scope: Scope, seen: Mapping[str, str]) -> str:
        """Return a revision, such as `client:3,other client:14`."""
        states = {**seen, self._client: str(self._counts[scope])}
        return ",".join([f"{c}:{n}" for c, n in sorted(states.items()) if n != "0"]) or "0"

    def _store(self, counts: Mapping[Scope, int], *, writing: bool = False) -> None:
        for scopes in paginate(list(counts), PAGE_SIZE):
            metadatas: list[Any] = []
            for scope in scopes:
                row: dict[str, Any] = {
                    SCOPE: scope.key,
                    "user_id": scope.user_id,
                    "revision": counts[scope],
                    WRITING: writing,
                }
                if self._shared:
                    row[LOG] = self._log.dumps(scope)
                if scope.agent_id is not None:
                    row["agent_id"] = scope.agent_id
                metadatas.append(row)
            # Chroma requires vectors; these are never searched.
            self._collection.upsert(
                ids=[f"{scope.key}/{self._client}" for scope in scopes],
                embeddings=np.zeros((len(scopes), 1), dtype=np.float32),
                metadatas=metadatas,
            )
        self._stored_counts.update(counts)

    def _delete_finished_clients(self, scope: Scope) -> None:
        # Revisions stay distinct: this client's count is new, and a client that returns counts on.
        # `_seen` stays as it is, so that this client reads the whole scope once more, in case one
        # of the deleted clients has just written.
        others = {
            f"{scope.key}/{client}": state
            for client, state in self._seen[scope].items()
            if client != self._client
        }
        # If a client that is writing were deleted, no client would notice how its write ends.
        finished = [r for r, state in others.items() if r not in self._writing or "~" in state]
        if len(finished) > self._max_clients:
            self._collection.delete(ids=finished)


class WriteLog:
    """The ids that the last writes of one client touched, by scope and write count."""

    def __init__(self, limit: int = MAX_LOGGED) -> None:
        self._limit = limit
        self._writes: dict[Scope, dict[int, list[str]]] = {}

    def add(self, scope: Scope, count: int, batch: Batch) -> None:
        """Add a write; drop the oldest ones beyond the limit."""
        writes = self._writes.setdefault(scope, {})
        puts = [(entry.memory.granularity, entry.memory.id) for entry in batch.put]
        patches = [(memory.granularity, memory.id) for memory in batch.patch]
        keys = dict.fromkeys([*puts, *patches, *batch.delete])
        writes[count] = [f"{granularity.value}/{i}" for granularity, i in keys]
        while sum(map(len, writes.values())) + len(writes) > self._limit:
            del writes[min(writes)]

    def clear(self, scope: Scope) -> None:
        """Drop all writes to a scope, because what one of them did is unknown."""
        self._writes.pop(scope, None)

    def dumps(self, scope: Scope) -> str:
        """Return the log of a scope as JSON, which `written_between` reads."""
        return json.dumps(self._writes.get(scope, {}), separators=(",", ":"))


def written_between(before: str, after: str, logs: Mapping[str, str]) -> MemoryKeys | None:
    """Return what clients wrote between two revisions; None if their logs do not cover it.

    Args:
        before: a revision of a `Registry`.
        after: a later one.
        logs: write logs as JSON, by client.
    """
    old, new = _parse(before), _parse(after)
    if old is None or new is None or old.keys() - new.keys():
        return None
    keys: dict[tuple[Granularity, str], None] = {}
    for client, count in new.items():
        log = json.loads(logs.get(client, "{}"))
        if count < old.get(client, 0):
            return None
        for number in range(old.get(client, 0) + 1, count + 1):
            if str(number) not in log:
                return None
            for key in log[str(number)]:
                granularity, _, memory_id = key.partition("/")
                keys[Granularity(granularity), memory_id] = None
    return tuple(keys)


def _parse(revision: str) -> dict[str, int] | None:
    """Return write counts by client; None if a client may have died during a write."""
    if "~" in revision:
        return None
    pairs = [state.split(":") for state in revision.split(",") if ":" in state]
    return {client: int(count) for client, count in pairs}


def _pages(collection: Collection) -> Iterator[Any]:
    offset = 0
    while page := collection.get(limit=PAGE_SIZE, offset=offset, include=["metadatas"]):
        if not page["ids"]:
            return
        yield page
        offset += len(page["ids"])


def _describe(embedder: EmbedderSpec) -> str:
    return f"{embedder.name} ({embedder.dimension} dimensions)"

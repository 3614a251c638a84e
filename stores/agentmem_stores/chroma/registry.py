"""What a store knows about itself: its format, its embedder, its owners and their revisions.

All of it is one more Chroma collection, so that a server's clients see it too. The collection's
metadata holds the format; a row holds how often one client wrote to one scope. Each client
writes its own rows only, so no write is ever lost between two, and the rows of a scope taken
together differ after every write.

A client of a server says in its row that it is about to write before it writes, and counts when
it has written. If it dies in between, what it says stays, and the others look at everything again
once it has stayed for longer than a request can take, and again after twice that time, and so on.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, log2
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem_stores.batching import parts
from agentmem_stores.chroma.codec import SCOPE
from agentmem_stores.chroma.write_log import WriteLog, between
from agentmem_stores.errors import EmbedderMismatchError, StoreFormatError
from agentmem_stores.records import Scope
from agentmem_stores.store import Batch, EmbedderSpec, Written

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

__all__ = ["Layout", "Registry"]

FORMAT = 1
PAGE = 1000
# An embedded store writes its own count down only so often, and exactly when it closes: after a
# crash it goes on with a number that was never in use.
RESERVED = 1000
# Rows of clients that are gone are taken out when a scope has more than this.
MAX_CLIENTS = 8
EMBEDDED = "embedded"

# What was written cannot be seen by its count yet.
WRITING = "writing"
# What a client has last written to a scope; clients of before it was kept tell none.
LOG = "log"

# By client, what tells its last write from others.
Marks = dict[str, str]


@dataclass(frozen=True)
class Layout:
    """How a store is laid out; fixed when it is created."""

    embedder: EmbedderSpec
    partitions: int

    def metadata(self) -> dict[str, str | int]:
        """What is written down of it."""
        return {
            "agentmem_format": FORMAT,
            "embedder": self.embedder.name,
            "dimension": self.embedder.dimension,
            "partitions": self.partitions,
        }

    @classmethod
    def of(cls, metadata: Mapping[str, Any] | None, where: str) -> Layout:
        """Read it.

        Raises:
            StoreFormatError: it was not written by agentmem, or by a newer one.
        """
        known = metadata or {}
        version = known.get("agentmem_format")
        if not isinstance(version, int) or version < 1:
            raise StoreFormatError(f"{where} holds no store of agentmem; pass another place")
        if version > FORMAT:
            raise StoreFormatError(
                f"{where} has format {version}, this agentmem reads up to {FORMAT}; "
                "upgrade ebbinghaus-agentmem"
            )
        try:
            embedder = EmbedderSpec(str(known["embedder"]), int(known["dimension"]))
            return cls(embedder, int(known["partitions"]))
        except (KeyError, ValueError) as error:
            raise StoreFormatError(
                f"{where} does not say its embedder or partitions; restore it from an export"
            ) from error

    def require(self, embedder: EmbedderSpec | None, where: str) -> None:
        """Check that an embedder is the store's own; None stands for whichever it is.

        Raises:
            EmbedderMismatchError: it is not.
        """
        if embedder is not None and embedder != self.embedder:
            raise EmbedderMismatchError(
                f"{where} holds vectors of {_named(self.embedder)}, not of {_named(embedder)}; "
                "open it with the former, or export it and import it into a new store"
            )


class Registry:
    """The registry of an opened store.

    Args:
        collection: where it lives.
        shared: whether other clients may write to the store meanwhile.
        grace: seconds within which whatever a client has asked of the server is done.
    """

    def __init__(self, collection: Collection, *, shared: bool, grace: float = 60.0) -> None:
        self._collection = collection
        self._shared = shared
        self._me = uuid.uuid4().hex if shared else EMBEDDED
        self._counts: dict[Scope, int] = {}
        self._seen: dict[Scope, Marks] = {}
        self._stored: dict[Scope, int] = {}
        # With which count, and since when, a client is seen writing, by its row's id.
        self._writing: dict[str, tuple[int, float]] = {}
        # Since when a write of this client has failed that may be done in part, or yet be done.
        self._unsure: dict[Scope, float] = {}
        self._grace = grace
        self._log = WriteLog()
        # By scope and client, what was last seen of the clients' own logs.
        self._logs: dict[Scope, dict[str, str]] = {}
        self._lock = RLock()

    def scopes(self) -> list[Scope]:
        """Every owner who ever wrote, sorted by name."""
        owners = {
            Scope(row["user_id"], row.get("agent_id"))
            for page in _pages(self._collection)
            for row in page["metadatas"]
        }
        return sorted(owners, key=lambda s: (s.user_id, s.agent_id or ""))

    def revision(self, scope: Scope) -> str:
        """The scope's mark as of now, on which `written` builds."""
        with self._lock:
            if self._shared or scope not in self._seen:
                self._seen[scope] = self._look(scope)
            return self._mark(scope, self._seen[scope])

    def current(self, scope: Scope) -> str:
        """The same for a look aside, on which `written` does not build."""
        if not self._shared:
            return self.revision(scope)
        with self._lock:
            return self._mark(scope, self._look(scope))

    def announce(self, scope: Scope) -> str:
        """Make known that something of the owner's is about to be written; return the mark."""
        with self._lock:
            if scope not in self._seen:
                self._seen[scope] = self._look(scope)
            count = self._counts.get(scope, 0)
            if self._shared:
                self._put({scope: count}, writing=True)
            elif count >= self._stored.get(scope, 0):
                self._put({scope: count + RESERVED})
            return self._mark(scope, self._seen[scope])

    def between(self, scope: Scope, before: str, after: str) -> Written | None:
        """What clients of a server wrote between two revisions; None where not known."""
        with self._lock:
            return between(before, after, self._logs.get(scope, {}))

    def written(self, scope: Scope, batch: Batch) -> str:
        """Count a write; return the mark as it is if nobody else wrote since `revision`."""
        with self._lock:
            self._count(scope)
            if self._shared:
                self._log.note(scope, self._counts[scope], batch)
                self._put({scope: self._counts[scope]})
                self._prune(scope)
            return self._mark(scope, self._seen[scope])

    def failed(self, scope: Scope) -> None:
        """Count a write that may have been done in part, for this client's own eyes.

        The others see it writing until it next writes.
        """
        with self._lock:
            self._count(scope)
            self._log.forget(scope)
            if self._shared:
                self._unsure[scope] = monotonic()

    def _count(self, scope: Scope) -> None:
        self._counts[scope] = self._counts.get(scope, 0) + 1

    def settle(self) -> None:
        """Write down exact counts, so that the next opening goes on from them."""
        with self._lock:
            if not self._shared:
                self._put({scope: self._counts.get(scope, 0) for scope in self._stored})

    def restore(self) -> None:
        """Write every row again, with the vector that it may have lost."""
        for page in list(_pages(self._collection)):
            self._collection.upsert(
                ids=page["ids"],
                embeddings=np.zeros((len(page["ids"]), 1), dtype=np.float32),
                metadatas=page["metadatas"],
            )

    def _look(self, scope: Scope) -> Marks:
        # Not by the scope's key, which every memory of the scope has as well: Chroma looks through
        # the values of all collections, which takes 0.2 s where there are 200,000 memories.
        found: Any = self._collection.get(where={"user_id": scope.user_id}, include=["metadatas"])
        pairs = zip(found["ids"], found["metadatas"], strict=True)
        rows = {row: told for row, told in pairs if row.startswith(f"{scope.key}/")}
        own = rows.get(f"{scope.key}/{self._me}", {"revision": 0})
        self._counts.setdefault(scope, int(own["revision"]))
        if monotonic() - self._unsure.get(scope, inf) > self._grace:
            del self._unsure[scope]
            self._count(scope)
            self._log.forget(scope)
        told = {row.partition("/")[2]: metadata for row, metadata in rows.items()}
        self._logs[scope] = {c: str(m[LOG]) for c, m in told.items() if m.get(LOG)}
        return {row.partition("/")[2]: self._told(row, metadata) for row, metadata in rows.items()}

    def _told(self, row: str, metadata: Mapping[str, Any]) -> str:
        """What a client's row tells: its count, and how long it has been writing, if too long."""
        count = int(metadata["revision"])
        if not metadata.get(WRITING):
            self._writing.pop(row, None)
            return str(count)
        if self._writing.get(row, (None,))[0] != count:
            self._writing[row] = (count, monotonic())
        age = monotonic() - self._writing[row][1]
        return str(count) + "~" * int(log2(max(1.0, 2 * age / self._grace)))

    def _mark(self, scope: Scope, seen: Marks) -> str:
        marks = {**seen, self._me: str(self._counts[scope])}
        return ",".join(f"{client}:{n}" for client, n in sorted(marks.items()) if n != "0") or "0"

    def _put(self, counts: Mapping[Scope, int], *, writing: bool = False) -> None:
        for part in parts(list(counts), PAGE):
            # Chroma wants vectors; nobody searches here.
            self._collection.upsert(
                ids=[f"{scope.key}/{self._me}" for scope in part],
                embeddings=np.zeros((len(part), 1), dtype=np.float32),
                metadatas=[self._row(scope, counts[scope], writing=writing) for scope in part],
            )
        self._stored.update(counts)

    def _row(self, scope: Scope, count: int, *, writing: bool) -> dict[str, Any]:
        row = {SCOPE: scope.key, "user_id": scope.user_id, "revision": count, WRITING: writing}
        if self._shared:
            row[LOG] = self._log.told(scope)
        return row if scope.agent_id is None else {**row, "agent_id": scope.agent_id}

    def _prune(self, scope: Scope) -> None:
        # Marks stay distinct: this client's own count is new, and one that comes back counts on.
        # What was seen is left as it is, so that this client looks at everything once again, in
        # case one of those taken out wrote a moment ago.
        seen = self._seen[scope]
        rows = {
            f"{scope.key}/{client}": told for client, told in seen.items() if client != self._me
        }
        # Of one that is writing, the others would not notice how it ends.
        gone = [row for row, told in rows.items() if row not in self._writing or "~" in told]
        if len(gone) > MAX_CLIENTS:
            self._collection.delete(ids=gone)


def _pages(collection: Collection) -> Iterator[Any]:
    offset = 0
    while page := collection.get(limit=PAGE, offset=offset, include=["metadatas"]):
        if not page["ids"]:
            return
        yield page
        offset += len(page["ids"])


def _named(embedder: EmbedderSpec) -> str:
    return f"{embedder.name} ({embedder.dimension} dimensions)"

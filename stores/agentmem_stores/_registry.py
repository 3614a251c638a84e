"""What a store knows about itself: its format, its embedder, its owners and their revisions.

All of it is one more Chroma collection, so that a server's clients see it too. The collection's
metadata holds the format; a row holds how often one client wrote to one scope. Each client
writes its own rows only, so no write is ever lost between two, and the rows of a scope taken
together differ after every write.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from ._codec import SCOPE
from ._errors import EmbedderMismatchError, StoreFormatError
from ._groups import parts
from ._records import Scope
from ._seam import EmbedderSpec

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

Marks = dict[str, int]


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
    """

    def __init__(self, collection: Collection, *, shared: bool) -> None:
        self._collection = collection
        self._shared = shared
        self._me = uuid.uuid4().hex if shared else EMBEDDED
        self._counts: dict[Scope, int] = {}
        self._seen: dict[Scope, Marks] = {}
        self._stored: dict[Scope, int] = {}
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
        """Make the owner known before anything of theirs is written; return the mark."""
        with self._lock:
            if scope not in self._seen:
                self._seen[scope] = self._look(scope)
            count = self._counts.get(scope, 0)
            if scope not in self._stored:
                self._put({scope: count if self._shared else count + RESERVED})
            elif not self._shared and count >= self._stored[scope]:
                self._put({scope: count + RESERVED})
            return self._mark(scope, self._seen[scope])

    def written(self, scope: Scope) -> str:
        """Count a write; return the mark as it is if nobody else wrote since `revision`."""
        with self._lock:
            self.failed(scope)
            if self._shared:
                self._put({scope: self._counts[scope]})
                self._prune(scope)
            return self._mark(scope, self._seen[scope])

    def failed(self, scope: Scope) -> None:
        """Count a write that may have been done in part, for this client's own eyes."""
        with self._lock:
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
        found: Any = self._collection.get(where={SCOPE: scope.key}, include=["metadatas"])
        marks = {
            row.partition("/")[2]: int(metadata["revision"])
            for row, metadata in zip(found["ids"], found["metadatas"], strict=True)
        }
        self._counts.setdefault(scope, marks.get(self._me, 0))
        return marks

    def _mark(self, scope: Scope, seen: Marks) -> str:
        marks = {**seen, self._me: self._counts[scope]}
        return ",".join(f"{client}:{n}" for client, n in sorted(marks.items()) if n) or "0"

    def _put(self, counts: Mapping[Scope, int]) -> None:
        for part in parts(list(counts), PAGE):
            # Chroma wants vectors; nobody searches here.
            self._collection.upsert(
                ids=[f"{scope.key}/{self._me}" for scope in part],
                embeddings=np.zeros((len(part), 1), dtype=np.float32),
                metadatas=[_row(scope, counts[scope]) for scope in part],
            )
        self._stored.update(counts)

    def _prune(self, scope: Scope) -> None:
        # Marks stay distinct: this client's own count is new, and one that comes back counts on.
        # What was seen is left as it is, so that this client looks at everything once again, in
        # case one of those taken out wrote a moment ago.
        others = [client for client in self._seen[scope] if client != self._me]
        if len(others) > MAX_CLIENTS:
            self._collection.delete(ids=[f"{scope.key}/{client}" for client in others])


def _row(scope: Scope, count: int) -> dict[str, Any]:
    row = {SCOPE: scope.key, "user_id": scope.user_id, "revision": count}
    return row if scope.agent_id is None else {**row, "agent_id": scope.agent_id}


def _pages(collection: Collection) -> Iterator[Any]:
    offset = 0
    while page := collection.get(limit=PAGE, offset=offset, include=["metadatas"]):
        if not page["ids"]:
            return
        yield page
        offset += len(page["ids"])


def _named(embedder: EmbedderSpec) -> str:
    return f"{embedder.name} ({embedder.dimension} dimensions)"

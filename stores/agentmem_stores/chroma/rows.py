"""One scope's memories of one granularity, as rows of a Chroma collection.

The rows of a store by owner and granularity, and what a batch changes in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem_stores.batching import parts
from agentmem_stores.chroma.codec import SCOPE, decode, decode_words, memory_id, row_id
from agentmem_stores.errors import StoreFormatError
from agentmem_stores.records import Granularity, Memory, Scope, is_unicode
from agentmem_stores.store import Entry, Fault, vector_fault

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection
from collections import Counter

from agentmem_stores.batching import grouped
from agentmem_stores.checks import check_patched
from agentmem_stores.chroma.codec import encode, encode_words
from agentmem_stores.chroma.partitions import Partitions
from agentmem_stores.store import Batch

__all__ = ["Metadata", "Table", "Tables", "metadata_of", "size_of_batch"]

PAGE = 500

Metadata = Mapping[str, dict[str, str]]


class Table:
    """Reads and writes rows; no row of another scope can be touched, because ids hold the scope.

    Args:
        collection: where the rows are, perhaps among those of other scopes.
        largest: how many rows Chroma takes in one request.
    """

    def __init__(
        self, collection: Collection, scope: Scope, granularity: Granularity, *, largest: int
    ) -> None:
        self._collection = collection
        self._scope = scope
        self._granularity = granularity
        self._largest = largest

    def put(self, entries: Sequence[Entry], metadata: Metadata) -> None:
        """Insert or replace rows."""
        for part in parts(entries, self._largest):
            self._collection.upsert(
                ids=self._rows([entry.memory.id for entry in part]),
                embeddings=np.array([entry.vector for entry in part], dtype=np.float32),
                documents=[entry.memory.text for entry in part],
                metadatas=[metadata[entry.memory.id] for entry in part],
            )

    def patch(self, memories: Sequence[Memory], metadata: Metadata) -> None:
        """Replace everything but texts and vectors."""
        for part in parts(memories, self._largest):
            self._collection.update(
                ids=self._rows([memory.id for memory in part]),
                metadatas=[metadata[memory.id] for memory in part],
            )

    def delete(self, ids: Sequence[str]) -> None:
        """Delete rows; ids that do not exist are passed over."""
        for part in parts(self._rows(ids), self._largest):
            self._collection.delete(ids=part)

    def existing(self, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that exist."""
        found: set[str] = set()
        for part in parts(self._rows(ids), self._largest):
            found.update(map(memory_id, self._collection.get(ids=part, include=[])["ids"]))
        return found

    def entries(self, ids: Sequence[str]) -> list[Entry]:
        """Return the entries with these ids, in this order."""
        found: dict[str, Entry] = {}
        for part in parts(self._rows(list(dict.fromkeys(ids))), PAGE):
            page: Any = self._collection.get(
                ids=part, include=["documents", "metadatas", "embeddings"]
            )
            vectors = np.asarray(page["embeddings"], dtype=np.float32)
            told = map(decode_words, page["metadatas"])
            for memory, vector, words in zip(self._decoded(page), vectors, told, strict=True):
                found[memory.id] = Entry(memory, vector, words)
        return [found[i] for i in ids if i in found]

    def ids(self) -> list[str]:
        """Return all ids of the scope."""
        rows = self._collection.get(where={SCOPE: self._scope.key}, include=[])["ids"]
        return [memory_id(row) for row in rows]

    def memories(self, ids: Sequence[str]) -> list[Memory]:
        """Return the memories with these ids, in no particular order."""
        page = self._collection.get(ids=self._rows(ids), include=["documents", "metadatas"])
        return list(self._decoded(page))

    def faults(self, dimension: int) -> Iterator[Fault]:
        """Yield what is wrong with rows of the scope."""
        from chromadb.errors import InternalError

        for part in parts(self.ids(), PAGE):
            try:
                yield from self._vector_faults(part, dimension)
            except (InternalError, StoreFormatError):
                # Chroma does not say which of them it is.
                for one in part:
                    yield from self._faults_of(one, dimension)

    def _vector_faults(self, ids: Sequence[str], dimension: int) -> list[Fault]:
        return [
            Fault(self._granularity, entry.memory.id, "vector", said)
            for entry in self.entries(ids)
            if (said := vector_fault(entry.vector, dimension))
        ]

    def _faults_of(self, one: str, dimension: int) -> list[Fault]:
        from chromadb.errors import InternalError

        try:
            self.memories([one])
            return self._vector_faults([one], dimension)
        except StoreFormatError as error:
            return [Fault(self._granularity, one, "record", str(error))]
        except InternalError:
            return [Fault(self._granularity, one, "vector", "is lost")]

    def _rows(self, ids: Sequence[str]) -> list[str]:
        # Ids that no memory can have; Chroma cannot even be asked for them.
        return [row_id(self._scope, i) for i in ids if is_unicode(i)]

    def _decoded(self, page: Any) -> Iterator[Memory]:
        columns = zip(page["ids"], page["documents"], page["metadatas"], strict=True)
        for row, text, metadata in columns:
            yield decode(self._scope, self._granularity, row, text, metadata or {})


class Tables:
    """Makes a scope's tables when something is first put into them.

    Args:
        largest: how many rows Chroma takes in one request.
    """

    def __init__(self, partitions: Partitions, largest: int) -> None:
        self._partitions = partitions
        self.largest = largest

    def find(self, scope: Scope, granularity: Granularity) -> Table | None:
        """A scope's table, where anything was ever written to its partition."""
        collection = self._partitions.find(scope, granularity)
        if collection is None:
            return None
        return Table(collection, scope, granularity, largest=self.largest)

    def check_patched(self, batch: Batch) -> None:
        """Check that what is patched exists; raises as `check_patched` does."""
        known: set[tuple[str, str]] = set()
        for granularity, memories in grouped(batch.patch, lambda memory: memory.granularity):
            table = self.find(batch.scope, granularity)
            if table is not None:
                found = table.existing([memory.id for memory in memories])
                known.update((granularity, memory_id) for memory_id in found)
        check_patched(batch.patch, known)

    def apply(self, batch: Batch, metadata: Metadata) -> None:
        """Write a batch; doing it twice makes no difference."""
        for granularity, entries in grouped(batch.put, lambda entry: entry.memory.granularity):
            self._made(batch.scope, granularity).put(entries, metadata)
        for granularity, memories in grouped(batch.patch, lambda memory: memory.granularity):
            self._made(batch.scope, granularity).patch(memories, metadata)
        for granularity, pairs in grouped(batch.delete, lambda pair: pair[0]):
            table = self.find(batch.scope, granularity)
            if table is not None:
                table.delete([memory_id for _, memory_id in pairs])

    def _made(self, scope: Scope, granularity: Granularity) -> Table:
        collection = self._partitions.make(scope, granularity)
        return Table(collection, scope, granularity, largest=self.largest)

    def can_be_halved(self, batch: Batch) -> bool:
        """Whether a crash could halve a batch in a way that whoever built it cannot order."""
        sizes = Counter(("put", entry.memory.granularity) for entry in batch.put)
        sizes.update(("patch", memory.granularity) for memory in batch.patch)
        deleted = Counter(("delete", granularity) for granularity, _ in batch.delete)
        return max((sizes + deleted).values()) > self.largest or len(deleted) > 1


def metadata_of(batch: Batch) -> dict[str, dict[str, str]]:
    """Return the metadata of all rows that a batch writes; raises as `encode` does."""
    metadata = {memory.id: encode(memory) for memory in batch.patch}
    for entry in batch.put:
        metadata[entry.memory.id] = {**encode(entry.memory), **encode_words(entry.token_codes)}
    return metadata


def size_of_batch(batch: Batch) -> int:
    """About how many bytes a batch takes: everything is kept in several forms."""
    sizes = (e.vector.nbytes + len(e.memory.text) + len(e.token_codes) for e in batch.put)
    return 8 * sum(sizes)

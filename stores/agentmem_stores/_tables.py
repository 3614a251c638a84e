"""The rows of a store by owner and granularity, and what a batch changes in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ._checks import check_patched
from ._codec import encode, encode_words
from ._groups import grouped
from ._partitions import Partitions
from ._records import Granularity, Scope
from ._seam import Batch
from ._table import Table

__all__ = ["Metadata", "Tables", "metadata_of", "size_of_batch"]

Metadata = Mapping[str, dict[str, str]]


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
        metadata[entry.memory.id] = {**encode(entry.memory), **encode_words(entry.words)}
    return metadata


def size_of_batch(batch: Batch) -> int:
    """About how many bytes a batch takes: everything is kept in several forms."""
    sizes = (e.vector.nbytes + len(e.memory.text) + len(e.words) for e in batch.put)
    return 8 * sum(sizes)

"""Reading and writing the rows of one scope in a Chroma collection.

A collection has rows of several scopes. Row ids start with the scope's key, so no request for
one scope can touch a row of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from agentmem_stores.chroma.codec import SCOPE, decode, decode_token_codes, encode, memory_id
from agentmem_stores.errors import StoreFormatError
from agentmem_stores.records import Granularity, Memory, Scope, is_unicode
from agentmem_stores.store import Batch, Entry, Fault, Vectors, paginate, vector_fault

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

__all__ = [
    "RowGroup",
    "check_rows",
    "encode_batch",
    "estimate_size",
    "existing_ids",
    "get_entries",
    "get_memories",
    "list_ids",
    "write_rows",
]


@dataclass(slots=True)
class RowGroup:
    """Rows of one scope and granularity that are upserted, updated or deleted together.

    Attributes:
        operation: the method of Chroma's collection that applies it.
        granularity: which collection.
        ids: row ids.
        documents: texts; an update does not send them.
        metadatas: see `codec`.
        embeddings: vectors, for an upsert only.
    """

    operation: Literal["upsert", "update", "delete"]
    granularity: Granularity
    ids: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    metadatas: list[dict[str, str]] = field(default_factory=list)
    embeddings: list[Vectors] = field(default_factory=list)


def encode_batch(batch: Batch) -> list[RowGroup]:
    """Return the rows that a batch writes, in the order in which they must be applied."""
    groups: dict[tuple[str, Granularity], RowGroup] = {}
    key = batch.scope.key
    for entry in batch.put:
        memory = entry.memory
        granularity = memory.granularity
        group = groups.setdefault(("upsert", granularity), RowGroup("upsert", granularity))
        group.ids.append(f"{key}/{memory.id}")
        group.documents.append(memory.text)
        group.metadatas.append(encode(memory, entry.token_codes))
        group.embeddings.append(entry.vector)
    for memory in batch.patch:
        granularity = memory.granularity
        group = groups.setdefault(("update", granularity), RowGroup("update", granularity))
        group.ids.append(f"{key}/{memory.id}")
        group.documents.append(memory.text)
        group.metadatas.append(encode(memory))
    for granularity, deleted_id in batch.delete:
        # Ids that are not Unicode exist nowhere, and Chroma's requests cannot carry them.
        if is_unicode(deleted_id):
            group = groups.setdefault(("delete", granularity), RowGroup("delete", granularity))
            group.ids.append(f"{key}/{deleted_id}")
    return list(groups.values())


def estimate_size(groups: Sequence[RowGroup]) -> int:
    """Return about how many bytes rows take on disk.

    Chroma stores texts and metadata in several forms (log, rows, full-text index); a factor of 8
    covers them.
    """
    size = 0
    for group in groups:
        size += sum(map(len, group.documents)) + 4 * sum(map(len, group.embeddings))
        for metadata in group.metadatas:
            size += sum(map(len, metadata.values()))
    return 8 * size


def write_rows(collection: Collection, group: RowGroup, max_batch_size: int) -> None:
    """Apply a group; doing so twice makes no difference."""
    for start in range(0, len(group.ids), max_batch_size):
        page = slice(start, start + max_batch_size)
        if group.operation == "upsert":
            collection.upsert(
                ids=group.ids[page],
                embeddings=np.array(group.embeddings[page], dtype=np.float32),
                documents=group.documents[page],
                metadatas=group.metadatas[page],  # type: ignore[arg-type]
            )
        elif group.operation == "update":
            collection.update(
                ids=group.ids[page],
                metadatas=group.metadatas[page],  # type: ignore[arg-type]
            )
        else:
            collection.delete(ids=group.ids[page])


def existing_ids(collection: Collection, rows: Sequence[str], max_batch_size: int) -> set[str]:
    """Return the memory ids of those rows that exist."""
    existing: set[str] = set()
    for page in paginate(rows, max_batch_size):
        existing.update(map(memory_id, collection.get(ids=list(page), include=[])["ids"]))
    return existing


def list_ids(collection: Collection, scope: Scope) -> list[str]:
    """Return the ids of all memories of a scope."""
    return [memory_id(row) for row in collection.get(where={SCOPE: scope.key}, include=[])["ids"]]


def get_entries(
    collection: Collection, scope: Scope, granularity: Granularity, ids: Sequence[str]
) -> list[Entry]:
    """Return the entries with these ids, in this order; unknown ids are left out."""
    entries: dict[str, Entry] = {}
    for page in paginate(_row_ids(scope, ids)):
        rows: Any = collection.get(ids=list(page), include=["documents", "metadatas", "embeddings"])
        vectors = np.asarray(rows["embeddings"], dtype=np.float32)
        columns = zip(rows["ids"], rows["documents"], rows["metadatas"], vectors, strict=True)
        for row, text, metadata, vector in columns:
            memory = decode(scope, granularity, row, text, metadata or {})
            entries[memory.id] = Entry(memory, vector, decode_token_codes(row, metadata))
    return [entries[i] for i in ids if i in entries]


def get_memories(
    collection: Collection, scope: Scope, granularity: Granularity, ids: Sequence[str]
) -> list[Memory]:
    """Return the memories with these ids, in this order; unknown ids are left out."""
    memories: dict[str, Memory] = {}
    for page in paginate(_row_ids(scope, ids)):
        rows: Any = collection.get(ids=list(page), include=["documents", "metadatas"])
        columns = zip(rows["ids"], rows["documents"], rows["metadatas"], strict=True)
        for row, text, metadata in columns:
            memory = decode(scope, granularity, row, text, metadata or {})
            memories[memory.id] = memory
    return [memories[i] for i in ids if i in memories]


def _row_ids(scope: Scope, ids: Sequence[str]) -> list[str]:
    return [f"{scope.key}/{i}" for i in dict.fromkeys(ids) if i.isascii() or is_unicode(i)]


def check_rows(
    collection: Collection, scope: Scope, granularity: Granularity, dimension: int
) -> Iterator[Fault]:
    """Yield what is wrong with the rows of a scope; reads all of them."""
    from chromadb.errors import InternalError

    for page in paginate(list_ids(collection, scope)):
        try:
            entries = get_entries(collection, scope, granularity, page)
        except (InternalError, StoreFormatError):
            # The error does not say which row it is about.
            for one in page:
                yield from _check_row(collection, scope, granularity, one, dimension)
        else:
            for entry in entries:
                if reason := vector_fault(entry.vector, dimension):
                    yield Fault(granularity, entry.memory.id, "vector", reason)


def _check_row(
    collection: Collection, scope: Scope, granularity: Granularity, one: str, dimension: int
) -> Iterator[Fault]:
    from chromadb.errors import InternalError

    try:
        get_memories(collection, scope, granularity, [one])
        for entry in get_entries(collection, scope, granularity, [one]):
            if reason := vector_fault(entry.vector, dimension):
                yield Fault(granularity, one, "vector", reason)
    except StoreFormatError as error:
        yield Fault(granularity, one, "record", str(error))
    except InternalError:
        yield Fault(granularity, one, "vector", "is lost")

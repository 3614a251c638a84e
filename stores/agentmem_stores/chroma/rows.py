"""Memories as rows of Chroma collections: partitions, encoding, reading and writing.

Each granularity has collections of its own, because a filter takes time linear in the rows that
it filters. Scopes are spread over a fixed number of them, the partitions, by hash, because one
collection per scope would cost memory and time where there are many scopes.

A row has an id, a document (the text), a vector and three metadata values: the scope's key to
filter by, all other fields of the memory as one JSON object, and the token codes. Fields share
one value because Chroma stores and reads metadata value by value (10,000 records are read in
0.4 s instead of 6.7 s), and because an update merges metadata, so a field set to None would
remain. Token codes have their own value, so that an update of the record leaves them as they are.

A collection has rows of several scopes. Row ids start with the scope's key, so no request for
one scope can touch a row of another.
"""

from __future__ import annotations

import warnings
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from agentmem_stores.errors import StoreFormatError
from agentmem_stores.records import (
    Granularity,
    Memory,
    Scope,
    is_unicode,
)
from agentmem_stores.serialization import from_json, to_json
from agentmem_stores.store import Batch, Entry, Fault, Vectors, paginate, vector_fault

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

__all__ = [
    "SCOPE",
    "Index",
    "Partitions",
    "RowGroup",
    "check_rows",
    "create_collection",
    "decode",
    "decode_token_codes",
    "encode",
    "encode_batch",
    "estimate_size",
    "existing_ids",
    "get_entries",
    "get_memories",
    "list_ids",
    "memory_id",
    "write_rows",
]

Index = Literal["hnsw", "spann"]

# Keys of a row's metadata. "words" is the name of the token codes in stores of format 1.
SCOPE = "scope"
RECORD = "record"
TOKEN_CODES = "words"

# After how many writes to a collection Chroma saves its index. It reads those that it has not saved
# again with every write, on average half as many; its default is 1,000. Saving takes time linear in
# the collection. Only embedded, because nothing protects the lists of ids of a server (`id_lists`).
SYNC_THRESHOLD = 100


class Partitions:
    """Finds the collection of a scope and granularity; creates it with the first write.

    Args:
        client: Chroma's client.
        count: the number of collections per granularity.
        index: the vector index of new collections.
        shared: whether other clients may create collections meanwhile.

    Attributes:
        count: the number of collections per granularity.
    """

    def __init__(
        self, client: ClientAPI, count: int, index: Index = "hnsw", *, shared: bool = True
    ) -> None:
        self._client = client
        self.count = count
        self._index = index
        self._shared = shared
        self._collections: dict[str, Collection] = {}
        # Names that Chroma does not know; without other clients there is no need to ask again.
        self._missing: set[str] = set()
        self._lock = RLock()

    def name(self, scope: Scope, granularity: Granularity) -> str:
        """Return the name of a collection, such as `turn-07`."""
        return f"{granularity}-{int(scope.key[:8], 16) % self.count:02d}"

    def find(self, scope: Scope, granularity: Granularity) -> Collection | None:
        """Return a collection; None if nothing was written to it yet."""
        name = self.name(scope, granularity)
        with self._lock:
            collection = self._collections.get(name)
            if collection is not None or name in self._missing:
                return collection
            from chromadb.errors import NotFoundError

            try:
                collection = self._client.get_collection(name, embedding_function=None)
            except NotFoundError:
                if not self._shared:
                    self._missing.add(name)
                return None
            if not self._shared:
                _set_sync_threshold(collection)
            self._collections[name] = collection
            return collection

    def find_or_create(self, scope: Scope, granularity: Granularity) -> Collection:
        """Return a collection; create it if it does not exist."""
        collection = self.find(scope, granularity)
        if collection is not None:
            return collection
        name = self.name(scope, granularity)
        with self._lock:
            self._missing.discard(name)
            collection = create_collection(
                self._client, name, self._index, embedded=not self._shared
            )
            return self._collections.setdefault(name, collection)


def create_collection(
    client: ClientAPI, name: str, index: Index = "hnsw", *, embedded: bool
) -> Collection:
    """Create the collection of a granularity and partition, or return the existing one.

    Args:
        client: Chroma's client.
        name: of the collection.
        index: its vector index.
        embedded: whether this process writes the files of the index.
    """
    configuration: Any = {index: {"space": "cosine"}}
    if embedded:
        configuration[index]["sync_threshold"] = SYNC_THRESHOLD
    return client.get_or_create_collection(
        name, configuration=configuration, embedding_function=None
    )


def _set_sync_threshold(collection: Collection) -> None:
    """Let Chroma save the index of a collection of an earlier version as often as of a new one."""
    if collection.configuration_json["hnsw"]["sync_threshold"] != SYNC_THRESHOLD:
        with warnings.catch_warnings():
            # Chroma warns about any collection without an embedding function of its own.
            warnings.simplefilter("ignore", DeprecationWarning)
            collection.modify(configuration={"hnsw": {"sync_threshold": SYNC_THRESHOLD}})


def memory_id(row: str) -> str:
    """Return the memory id in a row id, which is `scope key/memory id`."""
    return row.partition("/")[2]


def encode(memory: Memory, token_codes: bytes | None = None) -> dict[str, str]:
    """Return a memory's metadata for Chroma; its text and vector are stored beside it.

    Args:
        memory: what to encode.
        token_codes: the token codes of a new row, also if empty, because an upsert merges
            metadata. None leaves those of an existing row.
    """
    row = {SCOPE: memory.scope.key, RECORD: to_json(memory)}
    if token_codes is not None:
        row[TOKEN_CODES] = b64encode(token_codes).decode()
    return row


def decode(
    scope: Scope, granularity: Granularity, row: str, text: str, metadata: Mapping[str, Any]
) -> Memory:
    """Return the memory of a row.

    Raises:
        StoreFormatError: agentmem did not write the row, or the row is damaged.
    """
    try:
        return from_json(scope, granularity, memory_id(row), text, metadata[RECORD])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreFormatError(
            f"row {row!r} cannot be read ({error!r}); restore the store from an export"
        ) from error


def decode_token_codes(row: str, metadata: Mapping[str, Any]) -> bytes:
    """Return the token codes of a row; empty for rows written before there were any.

    Raises:
        StoreFormatError: the row is damaged.
    """
    try:
        return b64decode(metadata.get(TOKEN_CODES, ""), validate=True)
    except (TypeError, ValueError) as error:
        raise StoreFormatError(f"token codes of row {row!r} cannot be read ({error!r})") from error


@dataclass(slots=True)
class RowGroup:
    """Rows of one scope and granularity that are upserted, updated or deleted together.

    Attributes:
        operation: the method of Chroma's collection that applies it.
        granularity: which collection.
        ids: row ids.
        documents: texts; an update does not send them.
        metadatas: what `encode` returns.
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


def write_rows(
    collection: Collection,
    group: RowGroup,
    max_batch_size: int,
    protect: Callable[[Collection], None] | None = None,
) -> None:
    """Apply a group; doing so twice makes no difference.

    Args:
        collection: what to write to.
        group: the rows.
        max_batch_size: rows per request.
        protect: called before each request; see `IdLists.protect`.
    """
    for start in range(0, len(group.ids), max_batch_size):
        page = slice(start, start + max_batch_size)
        if protect is not None:
            protect(collection)
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

"""Documents as memories: one for each chunk, in a session of their own that never ends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from agentmem.documents.chunking import Chunk, chunks_of
from agentmem.documents.reading import DocumentText
from agentmem.writing.messages import Draft
from agentmem.writing.sessions import ITEM_PREFIX
from agentmem_stores import Batch, Granularity, Memory, MemoryNotFoundError, Scope
from agentmem_stores.store import paginate

if TYPE_CHECKING:
    from agentmem.controller.deletion import Deletion
    from agentmem.controller.services import Services

__all__ = ["DOCUMENT", "Document", "Documents", "document_id"]

# The role of chunks, and the metadata with their provenance.
DOCUMENT = "document"
# Documents are no conversations: they do not fade, and no topic, summary or fact is made of them.
_SESSION_PREFIX = f"{ITEM_PREFIX}document/"
# Chunks embedded and written at once. Writing compares each with each.
_BATCH = 512


@dataclass(frozen=True)
class Document:
    """A document in memory.

    Attributes:
        id: names the document for `delete_document`.
        title: its title.
        source: where it comes from: a path, an address, or a name.
        session_id: the session of its chunks, for the filter `session_id=`.
        chunks: ids of its chunks in order.
        added: how many chunks were embedded and written by `add_document`.
        removed: how many chunks of its former content were deleted.
    """

    id: str
    title: str
    source: str
    session_id: str
    chunks: tuple[str, ...] = field(repr=False)
    added: int = 0
    removed: int = 0


def document_id(source: str) -> str:
    """Return the id of the document that comes from a source.

    >>> document_id("notes.md")
    '754b6dc3f8728b19'
    """
    return hashlib.sha256(source.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Documents:
    """Writes, lists and deletes documents."""

    services: Services

    def add(
        self,
        scope: Scope,
        document: DocumentText,
        *,
        title: str,
        source: str,
        metadata: Mapping[str, Any],
        expires_at: datetime | None,
    ) -> Document:
        """Write a document; of one from the same source, only chunks that changed are written.

        The id of a chunk follows from its text, so a chunk that moved keeps its embedding, its
        strength and its associations.
        """
        services, name = self.services, document_id(source)
        session_id = f"{_SESSION_PREFIX}{name}"
        embedder = services.embedder
        chunks = chunks_of(document, title, embedder.max_tokens, embedder.count_tokens)
        origin = {"id": name, "title": title, "source": source}
        drafts = services.admission.drafts(
            [_draft(chunk, n, origin, metadata, expires_at) for n, chunk in enumerate(chunks)]
        )
        now = services.clock()
        wanted = _memories(scope, session_id, drafts, now)
        known = {m.id: m for m in self._chunks(scope, session_id)}
        new = [memory for memory in wanted if memory.id not in known]
        with services.locks.hold(scope):
            services.reinforcement.flush(scope)
            moved = [_moved(known[m.id], m) for m in wanted if m.id in known]
            changed = [m for m in moved if m != known[m.id]]
            services.memories.write(Batch(scope, patch=changed))
        for batch in _batches(new):
            embedded = embedder.turns([memory.text for memory in batch])
            with services.locks.hold(scope):
                services.memories.write(Batch(scope, put=services.writer.link(batch, embedded)))
        # Old chunks go last, so that a crash leaves too much rather than too little.
        removed = known.keys() - {memory.id for memory in wanted}
        with services.locks.hold(scope):
            gone = [v for i in sorted(removed) for v in services.memories.versions(known[i])]
            if gone:
                services.deletion.replace(scope, gone)
        return Document(
            name, title, source, session_id, tuple(m.id for m in wanted), len(new), len(removed)
        )

    def all(self, scope: Scope) -> list[Document]:
        """Return the documents of a scope, by title and source."""
        index = self.services.memories.index(scope)
        documents = []
        for session_id in index.session_ids():
            if session_id.startswith(_SESSION_PREFIX):
                chunks = self._chunks(scope, session_id)
                origin = chunks[0].metadata[DOCUMENT]
                documents.append(
                    Document(
                        origin["id"],
                        origin["title"],
                        origin["source"],
                        session_id,
                        tuple(chunk.id for chunk in chunks),
                    )
                )
        return sorted(documents, key=lambda document: (document.title, document.source))

    def delete(self, scope: Scope, name: str) -> Deletion:
        """Delete a document, named by its id or its source.

        Raises:
            MemoryNotFoundError: there is none.
        """
        index = self.services.memories.index(scope)
        for known in (name, document_id(name)):
            session_id = f"{_SESSION_PREFIX}{known}"
            if index.members(session_id, Granularity.TURN):
                return self.services.deletion.delete_session(scope, session_id)
        raise MemoryNotFoundError(f"{scope} has no document {name!r}; documents() lists them")

    def _chunks(self, scope: Scope, session_id: str) -> list[Memory]:
        ids = self.services.memories.index(scope).members(session_id, Granularity.TURN)
        store = self.services.store
        read = [
            memory
            for page in paginate(ids)
            for memory in store.get_memories(scope, Granularity.TURN, page)
        ]
        place = {memory_id: n for n, memory_id in enumerate(ids)}
        return sorted(read, key=lambda memory: place[memory.id])


def _draft(
    chunk: Chunk,
    number: int,
    origin: Mapping[str, Any],
    metadata: Mapping[str, Any],
    expires_at: datetime | None,
) -> Draft:
    provenance = {
        **origin,
        "section": chunk.section,
        "page": chunk.page,
        "start": chunk.start,
        "end": chunk.end,
        "chunk": number,
    }
    return Draft(
        chunk.text,
        role=DOCUMENT,
        metadata={**metadata, DOCUMENT: provenance},
        expires_at=expires_at,
    )


def _memories(
    scope: Scope, session_id: str, drafts: Sequence[Draft], now: datetime
) -> list[Memory]:
    """Return memories whose ids follow from the document and their text."""
    seen: dict[str, int] = {}
    memories = []
    for position, draft in enumerate(drafts):
        repeated = seen[draft.text] = seen.get(draft.text, -1) + 1
        digest = hashlib.sha256(f"{session_id}\n{repeated}\n{draft.text}".encode())
        memories.append(
            Memory(
                id=digest.hexdigest()[:32],
                scope=scope,
                granularity=Granularity.TURN,
                text=draft.text,
                session_id=session_id,
                said_at=now,
                written_at=now,
                role=DOCUMENT,
                position=position,
                expires_at=draft.expires_at,
                metadata=draft.metadata,
            )
        )
    return memories


def _moved(known: Memory, wanted: Memory) -> Memory:
    """Return a chunk that is in memory with its place in the present document."""
    return replace(
        known,
        position=wanted.position,
        metadata=wanted.metadata,
        expires_at=wanted.expires_at,
    )


def _batches(memories: Sequence[Memory]) -> Iterator[list[Memory]]:
    rest = iter(memories)
    while batch := list(islice(rest, _BATCH)):
        yield batch

"""Export a scope as JSON lines, and import it: a header, then one memory per line.

Vectors are not exported; an import embeds the texts again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from agentmem.embedding.embedder import Embedder
from agentmem.maintenance.import_schema import EXPORT_FORMAT, ExportedMemory, read_export
from agentmem.writing.messages import Admission
from agentmem.writing.sessions import is_derived, is_item_session
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import (
    AgentMemError,
    Batch,
    Entry,
    Granularity,
    Memory,
    MemoryStore,
    Scope,
    StoreUnavailableError,
)
from agentmem_stores.records import is_unicode

__all__ = ["Import", "Transfer", "to_json"]


def to_json(memory: Memory) -> dict[str, Any]:
    """Return every field of a memory but its scope, as JSON values."""
    record: dict[str, Any] = {}
    for name in ExportedMemory.model_fields:
        value = getattr(memory, name)
        record[name] = value.isoformat() if isinstance(value, datetime) else value
    return record | {
        "granularity": memory.granularity.value,
        "state": memory.state.value,
        "sources": list(memory.sources),
        "edges": [[edge.target, edge.weight] for edge in memory.edges],
        "recalls": [[recall.at.isoformat(), recall.strength] for recall in memory.recalls],
        "metadata": dict(memory.metadata),
    }


@dataclass(frozen=True)
class Import:
    """A file that was read, and whose memories are embedded and can be written.

    Attributes:
        revision: of the scope when the file was read.
        entries: what to write.
        undigested_sessions: sessions whose derived memories are left out, to be digested again.
    """

    path: Path
    revision: str
    entries: Sequence[Entry]
    undigested_sessions: tuple[str, ...]


@dataclass(frozen=True)
class Transfer:
    """Export scopes to files, and import them.

    Args:
        check: raises ValueError for a record that cannot be what it claims to be.
    """

    store: MemoryStore
    memories: IndexedStore
    embedder: Embedder
    admission: Admission
    check: Callable[[Memory], None]

    def export(self, scope: Scope, path: str | os.PathLike[str]) -> int:
        """Write every memory of a scope, including former versions; return how many.

        The file is written under another name and renamed, so it is complete or not there.

        Raises:
            StoreUnavailableError: the file cannot be written.
        """
        target = Path(path)
        partial = target.with_name(target.name + ".part")
        header = {"agentmem": EXPORT_FORMAT, "user_id": scope.user_id, "agent_id": scope.agent_id}
        count = 0
        try:
            # Not sorted over the whole scope: only one granularity at a time is in memory.
            with partial.open("w", encoding="utf-8") as file:
                file.write(_line(header))
                for granularity in Granularity:
                    memories = self.store.scan(scope, granularity)
                    for memory in sorted(memories, key=lambda m: (m.said_at, m.id)):
                        file.write(_line(to_json(memory)))
                        count += 1
            partial.replace(target)
        except AgentMemError:
            raise  # Some errors of the store are OSErrors too, and have a better message.
        except OSError as error:
            raise StoreUnavailableError(f"cannot write {target}: {error}") from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        return count

    def read(self, scope: Scope, path: str | os.PathLike[str]) -> Import:
        """Read a file of `export` and embed what it contains; see `MemoryController.import_`.

        The caller holds no lock: `before_write` and the embedder run.
        """
        with self.memories.reading(scope) as index:
            revision = index.revision
            read = list(read_export(Path(path), scope, index.granularity_of, self.check))
        admitted, left_out = self._admit(read)
        with self.memories.reading(scope) as index:
            linked = _linked(admitted, index)
        undigested = (m.session_id for m in left_out if m.granularity.of_session)
        sessions = dict.fromkeys(s for s in undigested if not is_item_session(s))
        return Import(Path(path), revision, self.embedder.entries(linked), tuple(sessions))

    def write(self, scope: Scope, imported: Import) -> None:
        """Write a file that was read, as one batch; the caller holds the lock of the scope."""
        index = self.memories.index(scope)
        if index.revision != imported.revision:
            # Another call has written since, maybe other memories of the same ids.
            for _ in read_export(imported.path, scope, index.granularity_of, self.check):
                pass
        memories = _linked([entry.memory for entry in imported.entries], index)
        entries = [
            replace(entry, memory=memory)
            for entry, memory in zip(imported.entries, memories, strict=True)
        ]
        self.memories.write(Batch(scope, put=entries))

    def _admit(self, read: Sequence[Memory]) -> tuple[list[Memory], list[Memory]]:
        """Apply the write hook; return what to store, and the derived memories to leave out.

        A memory is left out if it derives from a text that the hook changed or kept out: its
        summary or keywords may hold parts of an address that no hook recognizes any more.
        """
        admitted = {memory.id: self.admission.memory(memory) for memory in read}
        changed = {
            memory.version_of or memory.id
            for memory in read
            if (new := admitted[memory.id]) is None or new.text != memory.text
        }
        left_out: dict[str, Memory] = {}
        while affected := {
            m.id: m
            for m in read
            if m.id not in left_out and is_derived(m) and not changed.isdisjoint(m.sources)
        }:
            left_out |= affected
            changed |= affected.keys()
        to_store = [new for i, new in admitted.items() if new is not None and i not in left_out]
        return to_store, list(left_out.values())


def _linked(memories: Sequence[Memory], index: ScopeIndex) -> list[Memory]:
    """Return imported memories without links to memories that do not exist.

    Lines may have been taken out of the file.
    """
    imported_ids = {memory.id for memory in memories}

    def exists(memory_id: str) -> bool:
        return memory_id in imported_ids or index.granularity_of(memory_id) is not None

    return [
        replace(
            memory,
            edges=tuple(edge for edge in memory.edges if exists(edge.target)),
            sources=tuple(source for source in memory.sources if exists(source)),
        )
        for memory in memories
    ]


def _line(value: Mapping[str, Any]) -> str:
    """Return a line of the file; values that an older version let in may hold lone surrogates."""
    line = json.dumps(value, ensure_ascii=False)
    return (line if is_unicode(line) else json.dumps(value)) + "\n"

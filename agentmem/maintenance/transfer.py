"""A scope as JSON lines: a header, then a memory a line; vectors are made anew on import."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentmem.embedding.embedder import Embedder
from agentmem.maintenance.import_schema import FORMAT, PLAIN, TIMES, read_export
from agentmem.writing.admission import Admission
from agentmem.writing.sessions import is_derived, is_item_session
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import (
    AgentMemError,
    Batch,
    Granularity,
    Memory,
    MemoryStore,
    Scope,
    StoreUnavailableError,
)

__all__ = ["Transfer", "to_json"]


def to_json(memory: Memory) -> dict[str, Any]:
    """Everything of a memory but its scope, in what JSON can hold."""
    record: dict[str, Any] = {name: getattr(memory, name) for name in PLAIN}
    for name in TIMES:
        moment = getattr(memory, name)
        record[name] = moment and moment.isoformat()
    return record | {
        "granularity": memory.granularity.value,
        "state": memory.state.value,
        "sources": list(memory.sources),
        "edges": [[edge.target, edge.weight] for edge in memory.edges],
        "metadata": dict(memory.metadata),
    }


@dataclass(frozen=True)
class Imported:
    """What an import wrote, and the sessions whose derived memories it left out."""

    records: int
    undigested: tuple[str, ...]


@dataclass(frozen=True)
class Transfer:
    """Writes scopes to files and reads them back.

    Args:
        check: raises ValueError for a record that cannot be what it claims to be.
    """

    store: MemoryStore
    memories: IndexedStore
    embedder: Embedder
    admission: Admission
    check: Callable[[Memory], None]

    def export(self, scope: Scope, path: str | os.PathLike[str]) -> int:
        """Write every memory of a scope, former versions too; the file appears whole or not."""
        target = Path(path)
        partial = target.with_name(target.name + ".part")
        header = {"agentmem": FORMAT, "user_id": scope.user_id, "agent_id": scope.agent_id}
        count = 0
        try:
            with partial.open("w", encoding="utf-8") as file:
                file.write(json.dumps(header, ensure_ascii=False) + "\n")
                for memory in self._in_order(scope):
                    file.write(json.dumps(to_json(memory), ensure_ascii=False) + "\n")
                    count += 1
            partial.replace(target)
        except AgentMemError:
            raise  # Some of these are OSErrors too, and say what is wrong with the store.
        except OSError as error:
            raise StoreUnavailableError(f"cannot write {target}: {error}") from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        return count

    def _in_order(self, scope: Scope) -> Iterator[Memory]:
        for granularity in Granularity:
            yield from sorted(self.store.scan(scope, granularity), key=lambda m: (m.said_at, m.id))

    def import_(self, scope: Scope, path: str | os.PathLike[str]) -> Imported:
        """Read a file of `export` into a scope; see `MemoryController.import_`."""
        index = self.memories.index(scope)
        read = list(read_export(Path(path), scope, index.granularity_of, self.check))
        memories, left_out = self._admitted(read)
        known = {memory.id for memory in memories}

        def there(memory_id: str) -> bool:
            return memory_id in known or index.granularity_of(memory_id) is not None

        whole = [_pruned(memory, there) for memory in memories]
        entries = self.embedder.entries(whole)
        self.memories.write(Batch(scope, put=entries))
        missing = (m.session_id for m in left_out if m.granularity.of_session)
        ended = dict.fromkeys(session for session in missing if not is_item_session(session))
        return Imported(len(entries), tuple(ended))

    def _admitted(self, read: Sequence[Memory]) -> tuple[list[Memory], list[Memory]]:
        """What is to be stored, and what was made of texts that were changed or kept out.

        Keywords may hold the parts of an address that nobody would know for one any more.
        """
        passed = {memory.id: self.admission.memory(memory) for memory in read}
        changed = {m.version_of or m.id for m in read if _differs(m, passed[m.id])}
        tainted: dict[str, Memory] = {}
        while found := {m.id: m for m in read if m.id not in tainted and _is_tainted(m, changed)}:
            tainted |= found
            changed |= found.keys()
        kept = [new for i, new in passed.items() if new is not None and i not in tainted]
        return kept, list(tainted.values())


def _differs(memory: Memory, passed: Memory | None) -> bool:
    return passed is None or passed.text != memory.text


def _is_tainted(memory: Memory, changed: set[str]) -> bool:
    return is_derived(memory) and not changed.isdisjoint(memory.sources)


def _pruned(memory: Memory, there: Callable[[str], bool]) -> Memory:
    """A memory without what it says of others that do not exist, as when lines were taken out."""
    return replace(
        memory,
        edges=tuple(edge for edge in memory.edges if there(edge.target)),
        sources=tuple(source for source in memory.sources if there(source)),
    )

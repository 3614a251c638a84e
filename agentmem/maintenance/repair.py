"""Repair a scope by rebuilding what is derived; turns are never changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from agentmem.embedding.embedder import Embedder
from agentmem.maintenance.check import Check, CheckReport, read_scope
from agentmem.writing.sessions import Sessions, is_derived, is_item_session
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import Batch, Fault, Granularity, Memory, MemoryStore, Scope

__all__ = ["Repair"]

# Memories embedded and written at once, so that their vectors fit into memory.
_BATCH_SIZE = 500


@dataclass(frozen=True)
class Repair:
    """Embeds memories that lost their vector, removes broken links and digests sessions again."""

    store: MemoryStore
    memories: IndexedStore
    embedder: Embedder
    sessions: Sessions
    check: Check

    def run(self, scope: Scope) -> CheckReport:
        """Repair a scope as far as possible; the report has what was repaired and what is left."""
        faults, before = self.check.inspect(scope)
        if faults is None or not before:
            return CheckReport(before)
        # A memory whose record is lost cannot be rebuilt, and whether others link to it is unknown.
        if not any(fault.part == "record" for fault in faults):
            self._restore_vectors(scope, faults)
            self._remove_broken_links(scope)
        self.memories.drop(scope)
        after = self.check.problems(scope)
        return CheckReport(after, tuple(p for p in before if p not in after))

    def _restore_vectors(self, scope: Scope, faults: Collection[Fault]) -> None:
        memories = read_scope(self.store, scope)
        damaged = [memories[fault.id] for fault in faults]
        # The vector of a citation is that of a query, whose text is not stored: delete it.
        citations = [m for m in damaged if m.granularity is Granularity.CITATION]
        self.store.write(Batch(scope, delete=[(m.granularity, m.id) for m in citations]))
        others = [m for m in damaged if m.granularity is not Granularity.CITATION]
        for start in range(0, len(others), _BATCH_SIZE):
            batch = others[start : start + _BATCH_SIZE]
            self.store.write(Batch(scope, put=self.embedder.entries(batch)))
        self.memories.drop(scope)

    def _remove_broken_links(self, scope: Scope) -> None:
        memories = read_scope(self.store, scope)
        orphans = [
            m for m in memories.values() if is_derived(m) and not memories.keys() >= {*m.sources}
        ]
        remaining = memories.keys() - {memory.id for memory in orphans}
        pruned = [(m, _without_broken_links(m, remaining)) for m in memories.values()]
        self.memories.write(
            Batch(
                scope,
                patch=[new for old, new in pruned if new != old and old.id in remaining],
                delete=[(memory.granularity, memory.id) for memory in orphans],
            )
        )
        sessions = (m.session_id for m in orphans if not is_item_session(m.session_id))
        for session in dict.fromkeys(sessions):
            if self.memories.index(scope).members(session, Granularity.TURN):
                self.sessions.end(scope, session)


def _without_broken_links(memory: Memory, existing: Collection[str]) -> Memory:
    return replace(
        memory,
        edges=tuple(
            edge
            for edge in memory.edges
            if edge.target in existing and edge.target != memory.id and 0 < edge.weight <= 1
        ),
        sources=tuple(source for source in memory.sources if source in existing),
    )

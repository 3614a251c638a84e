"""Making anew what is derived; what people said is never touched."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from agentmem.embedding.embedder import Embedder
from agentmem.maintenance.check import Check, CheckReport, held_by
from agentmem.writing.sessions import Sessions, is_derived, is_item_session
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import Batch, Fault, Granularity, Memory, MemoryStore, Scope

__all__ = ["Repair"]

_PAGE = 500


@dataclass(frozen=True)
class Repair:
    """Embeds what has lost its vector, drops links to nothing, and digests sessions again."""

    store: MemoryStore
    memories: IndexedStore
    embedder: Embedder
    sessions: Sessions
    check: Check

    def run(self, scope: Scope) -> CheckReport:
        """Repair a scope as far as it can be; what is left is in the report."""
        faults, before = self.check.look(scope)
        if faults is None or not before:
            return CheckReport(before)
        # Without its record a memory can be neither read nor made; the others must wait for it.
        if not any(fault.lost == "record" for fault in faults):
            self._embed(scope, faults)
            self._unlink(scope)
        self.memories.drop(scope)
        after = self.check.problems(scope)
        return CheckReport(after, tuple(p for p in before if p not in after))

    def _embed(self, scope: Scope, faults: Collection[Fault]) -> None:
        held = held_by(self.store, scope)
        broken = [held[fault.id] for fault in faults]
        # A citation's vector is that of a question, which nobody keeps: it is learned anew.
        gone = [m for m in broken if m.granularity is Granularity.CITATION]
        self.store.write(Batch(scope, delete=[(m.granularity, m.id) for m in gone]))
        kept = [m for m in broken if m.granularity is not Granularity.CITATION]
        for start in range(0, len(kept), _PAGE):
            page = kept[start : start + _PAGE]
            self.store.write(Batch(scope, put=self.embedder.entries(page)))
        self.memories.drop(scope)

    def _unlink(self, scope: Scope) -> None:
        held = held_by(self.store, scope)
        orphans = [m for m in held.values() if is_derived(m) and not held.keys() >= {*m.sources}]
        left = held.keys() - {memory.id for memory in orphans}
        pruned = [(m, _pruned(m, left)) for m in held.values() if m.id in left]
        self.memories.write(
            Batch(
                scope,
                patch=[new for old, new in pruned if new != old],
                delete=[(memory.granularity, memory.id) for memory in orphans],
            )
        )
        for session in dict.fromkeys(
            m.session_id for m in orphans if not is_item_session(m.session_id)
        ):
            if self.memories.index(scope).members(session, Granularity.TURN):
                self.sessions.end(scope, session)


def _pruned(memory: Memory, left: Collection[str]) -> Memory:
    edges = (e for e in memory.edges if e.target in left and e.target != memory.id)
    return replace(
        memory,
        edges=tuple(e for e in edges if 0 < e.weight <= 1),
        sources=tuple(s for s in memory.sources if s in left),
    )

"""Recalls strengthen memories: noted in the path of a search, written behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock, Timer

from agentmem_retrievers import ForgettingCurve, Recall, SearchEngine, rest_days
from agentmem_stores import Batch, Granularity, Memory, MemoryStore, Scope, State

__all__ = ["Reinforcement", "recalled"]

_Key = tuple[Scope, Granularity, str]


def recalled(memory: Memory, curve: ForgettingCurve, moment: datetime) -> Memory:
    """Return a memory after a recall: stronger, and active again if it was archived."""
    active = memory.state is State.SUPERSEDED
    return replace(
        memory,
        strength=curve.strengthened(memory.strength, rest_days(memory, moment)),
        last_recalled_at=max(moment, memory.last_recalled_at or moment),
        recall_count=memory.recall_count + 1,
        state=memory.state if active else State.ACTIVE,
        state_changed_at=memory.state_changed_at if active else None,
    )


@dataclass
class Reinforcement:
    """Collects recalls and writes them in one batch per scope.

    A batch is written when something else is (the controller calls `flush`), and otherwise
    `linger` seconds after the first recall by a thread of its own. A crash before that loses
    reinforcement only, never a memory.
    """

    store: MemoryStore
    engine: SearchEngine
    curve: ForgettingCurve
    linger: float | None

    def __post_init__(self) -> None:
        self._pending: dict[_Key, list[datetime]] = {}
        self._lock = Lock()
        self._timer: Timer | None = None

    def note(self, scope: Scope, recall: Recall) -> None:
        """Remember that these memories were recalled; no input or output happens here."""
        with self._lock:
            for hit in recall:
                key = (scope, hit.memory.granularity, hit.memory.id)
                self._pending.setdefault(key, []).append(recall.asked_at)
            if self._pending and self._timer is None and self.linger is not None:
                self._timer = Timer(self.linger, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what is pending."""
        with self._lock:
            pending, self._pending = self._pending, {}
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        for scope in dict.fromkeys(scope for scope, _, _ in pending):
            self._write(scope, {k[1:]: v for k, v in pending.items() if k[0] == scope})

    def _write(self, scope: Scope, recalls: dict[tuple[Granularity, str], list[datetime]]) -> None:
        patch = []
        for granularity in Granularity:
            ids = [i for g, i in recalls if g is granularity]
            for entry in self.store.read(scope, granularity, ids) if ids else ():
                memory = entry.memory
                for moment in recalls[granularity, memory.id]:
                    memory = recalled(memory, self.curve, moment)
                patch.append(memory)
        self.engine.write(Batch(scope, patch=patch))

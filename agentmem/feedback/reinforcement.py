"""Recalls strengthen memories: noted in the path of a search, written behind it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock, Thread, Timer
from typing import Any

from agentmem_retrievers import ForgettingCurve, SearchResult
from agentmem_retrievers.forgetting import rest_days
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import (
    AgentMemError,
    Batch,
    Granularity,
    Memory,
    MemoryNotFoundError,
    MemoryStore,
    Scope,
    State,
)

__all__ = ["Reinforcement", "recalled"]

_Key = tuple[Scope, Granularity, str]
_Recalls = Mapping[tuple[Granularity, str], Sequence[datetime]]

# Reading and writing again, when another client of a server deletes in between.
_TRIES = 3

_log = logging.getLogger("agentmem")


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

    Args:
        guard: held by that thread while it writes, so that nothing is written meanwhile that it
            would undo.
    """

    store: MemoryStore
    memories: IndexedStore
    curve: ForgettingCurve
    linger: float | None
    guard: AbstractContextManager[Any]

    def __post_init__(self) -> None:
        self._pending: dict[_Key, list[datetime]] = {}
        self._lock = Lock()
        self._timer: Timer | None = None

    def note(self, scope: Scope, recall: SearchResult) -> None:
        """Remember that these memories were recalled; no input or output happens here."""
        with self._lock:
            for hit in recall:
                key = (scope, hit.memory.granularity, hit.memory.id)
                self._pending.setdefault(key, []).append(recall.asked_at)
            if self._pending and self._timer is None and self.linger is not None:
                self._timer = Timer(self.linger, self._flush_behind)
                self._timer.daemon = True
                self._timer.start()

    def _flush_behind(self) -> None:
        try:
            with self.guard:
                self.flush()
        except AgentMemError as error:
            _log.warning("recalls could not be written, so nothing was strengthened: %s", error)

    def leave(self) -> None:
        """Write what is pending when nobody is left who could ask for it.

        The garbage collector calls this, in any thread and with any lock held, so another thread
        writes, and is not waited for if it has to wait itself.
        """
        if not self._pending:
            return
        writing = Thread(target=self._flush_behind, name="agentmem-flush")
        try:
            writing.start()
        except RuntimeError:
            # The interpreter ends, and starts no more threads.
            self._flush_behind()
            return
        writing.join(1.0)

    def flush(self) -> None:
        """Write what is pending."""
        with self._lock:
            pending, self._pending = self._pending, {}
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        for scope in dict.fromkeys(scope for scope, _, _ in pending):
            self._write(scope, {k[1:]: v for k, v in pending.items() if k[0] == scope})

    def _write(self, scope: Scope, recalls: _Recalls) -> None:
        for _ in range(_TRIES):
            try:
                self.memories.write(Batch(scope, patch=list(self._strengthened(scope, recalls))))
            except MemoryNotFoundError:
                # Another client deleted one of them after it was read.
                continue
            return

    def _strengthened(self, scope: Scope, recalls: _Recalls) -> Iterator[Memory]:
        for granularity in Granularity:
            ids = [i for g, i in recalls if g is granularity]
            for entry in self.store.get(scope, granularity, ids) if ids else ():
                memory = entry.memory
                for moment in recalls[granularity, memory.id]:
                    memory = recalled(memory, self.curve, moment)
                yield memory

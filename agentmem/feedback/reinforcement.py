"""Strengthen recalled memories: recorded during a search, written afterwards."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock, Thread, Timer

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
    RecallEvent,
    Scope,
    State,
    StoreUnavailableError,
)
from agentmem_stores.locks import ScopeLocks
from agentmem_stores.records import MAX_RECALLS

__all__ = ["Reinforcement", "after_recall", "relevant"]

# When each memory was recalled, by granularity and id.
_Recalls = dict[Granularity, dict[str, list[datetime]]]

# A write fails if another client of a Chroma server deletes one of the memories after they were
# read. Then they are read again; after this many attempts the recalls are dropped.
_MAX_ATTEMPTS = 3
# Seconds that the garbage collector waits for the last write before it leaves it to the thread.
_EXIT_TIMEOUT = 1.0

# Scores are log odds up to a constant: a hit this far behind is a tenth as likely as the best.
MAX_LOG_ODDS = 2.3

_log = logging.getLogger("agentmem")


def after_recall(memory: Memory, curve: ForgettingCurve, moment: datetime) -> Memory:
    """Return a memory as it is after a recall: stronger, and active again if it was archived."""
    is_superseded = memory.state is State.SUPERSEDED
    return replace(
        memory,
        strength=curve.strengthened(memory.strength, rest_days(memory, moment)),
        last_recalled_at=max(moment, memory.last_recalled_at or moment),
        recall_count=memory.recall_count + 1,
        recalls=(*memory.recalls, RecallEvent(moment, memory.strength))[-MAX_RECALLS:],
        state=memory.state if is_superseded else State.ACTIVE,
        state_changed_at=memory.state_changed_at if is_superseded else None,
    )


def relevant(result: SearchResult, *, include_archived: bool) -> SearchResult:
    """Return a result with the hits that are likely to be used, which a search strengthens.

    Args:
        include_archived: whether the caller asked for archived memories. Those that an unsure
            search found by itself are revived only by what then shows or cites them.
    """
    least = max([hit.score for hit in result.hits], default=0.0) - MAX_LOG_ODDS
    hits = [
        hit
        for hit in result.hits
        if hit.score >= least and (include_archived or hit.memory.state is not State.ARCHIVED)
    ]
    return replace(result, hits=tuple(hits))


@dataclass
class Reinforcement:
    """Collects recalls and writes them in one batch per scope.

    A batch is written before the next write to the scope (which calls `flush`), or by a
    thread `linger` seconds after the first recall. A crash before that loses the reinforcement,
    but never a memory.

    Args:
        linger: seconds; None writes only on `flush`.
        locks: of the scopes, so that the thread does not overwrite a change in progress.
    """

    store: MemoryStore
    memories: IndexedStore
    curve: ForgettingCurve
    linger: float | None
    locks: ScopeLocks

    def __post_init__(self) -> None:
        self._pending: dict[Scope, _Recalls] = {}
        # Scopes whose recalls a thread is writing at this moment.
        self._writing: set[Scope] = set()
        self._lock = Lock()
        self._timer: Timer | None = None

    def record(self, scope: Scope, result: SearchResult) -> None:
        """Record that the memories of a result were recalled; does no I/O."""
        with self._lock:
            for hit in result.hits:
                recalls = self._pending.setdefault(scope, {})
                moments = recalls.setdefault(hit.memory.granularity, {})
                moments.setdefault(hit.memory.id, []).append(result.asked_at)
            if self._pending and self._timer is None and self.linger is not None:
                self._timer = Timer(self.linger, self._flush_in_background)
                self._timer.daemon = True
                self._timer.start()

    def pending_scopes(self) -> list[Scope]:
        """Return the scopes with recalls that are not written yet.

        Those that another thread is writing count: who then holds the lock of the scope has
        waited for them.
        """
        with self._lock:
            return list(self._pending.keys() | self._writing)

    def flush(self, scope: Scope) -> None:
        """Write the pending recalls of a scope; the caller holds its lock.

        Where the store is unavailable, they stay pending: the next call writes them.
        """
        with self._lock:
            recalls = self._pending.pop(scope, None)
            if not self._pending and self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if recalls is None:
                return
            self._writing.add(scope)
        try:
            self._write(scope, recalls)
        except StoreUnavailableError:
            self._put_back(scope, recalls)
            raise
        finally:
            with self._lock:
                self._writing.discard(scope)

    def _put_back(self, scope: Scope, recalls: _Recalls) -> None:
        """Keep recalls that could not be written for the next flush."""
        with self._lock:
            pending = self._pending.setdefault(scope, {})
            for granularity, moments in recalls.items():
                newer = pending.setdefault(granularity, {})
                for memory_id, times in moments.items():
                    newer[memory_id] = times + newer.get(memory_id, [])

    def flush_all(self) -> None:
        """Write the pending recalls of all scopes."""
        for scope in self.pending_scopes():
            with self.locks.hold(scope):
                self.flush(scope)

    def flush_on_collection(self) -> None:
        """Write the pending recalls after the controller was garbage-collected.

        The collector may run in any thread, with any lock held. So another thread writes, and if
        it has to wait for a lock, this one does not wait for it.
        """
        if not self._pending:
            return
        thread = Thread(target=self._flush_in_background, name="agentmem-flush")
        try:
            thread.start()
        except RuntimeError:
            # The interpreter is shutting down and starts no more threads.
            self._flush_in_background()
            return
        thread.join(_EXIT_TIMEOUT)

    def _flush_in_background(self) -> None:
        with self._lock:
            self._timer = None
        for scope in self.pending_scopes():
            try:
                with self.locks.hold(scope):
                    self.flush(scope)
            except AgentMemError as error:
                _log.warning("recalls of %s could not be written: %s", scope, error)

    def _write(self, scope: Scope, recalls: _Recalls) -> None:
        for _ in range(_MAX_ATTEMPTS):
            patch = []
            for granularity, moments in recalls.items():
                for memory in self.store.get_memories(scope, granularity, list(moments)):
                    strengthened = memory
                    for moment in moments[memory.id]:
                        strengthened = after_recall(strengthened, self.curve, moment)
                    patch.append(strengthened)
            try:
                self.memories.write(Batch(scope, patch=patch))
            except MemoryNotFoundError:
                continue
            return

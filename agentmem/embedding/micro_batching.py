"""Micro-batching: threads that embed at the same time share the passes of the model."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Thread
from typing import Generic, TypeVar

__all__ = ["MicroBatcher"]

_log = logging.getLogger("agentmem")

T = TypeVar("T")
R = TypeVar("R")


class _Call(Generic[T, R]):
    """The items of one caller: those still waiting, longest first, and the results so far."""

    def __init__(self, items: Sequence[T], lengths: Sequence[int]) -> None:
        order = sorted(range(len(items)), key=lambda place: -lengths[place])
        self.waiting = deque((place, items[place], lengths[place]) for place in order)
        self.results: dict[int, R] = {}
        self.size = len(items)
        self.error: Exception | None = None
        # Threads that compute batches of this call.
        self.workers = 0

    @property
    def done(self) -> bool:
        return self.error is not None or len(self.results) == self.size


# The fixed cost of a pass, in tokens: MiniLM takes 12 ms of processor
# time for a pass, and 0.33 ms for each token, padding included.
_PASS_TOKENS = 36

_Batch = list[tuple[_Call[T, R], int, T, int]]


class MicroBatcher(Generic[T, R]):
    """Computes items of several threads in common batches.

    A caller computes at once if no other thread is computing, so that a single caller never waits.
    Callers that come meanwhile wait, and the next batch takes items of all of them. Callers take
    turns at being first in a batch, so that a caller with thousands of texts does not keep out one
    with a question. At most one call of each thread waits.

    The batches of a call with several are computed in threads that last as long as the call: two
    operations on one core each do not wait for each other at every step, as two halves of one
    operation do.

    Args:
        compute: computes a batch.
        limit: returns how much may be computed at once, padding included: items times the greatest
            length. An item that is longer is a batch of its own.
        n_workers: returns how many batches of a call may be computed at once if no item is longer
            than the limit; by default one.
        init_worker: called first in each thread that computes some of them, with their number.
    """

    def __init__(
        self,
        compute: Callable[[list[T]], list[R]],
        limit: Callable[[], int],
        n_workers: Callable[[], int] = lambda: 1,
        init_worker: Callable[[int], None] | None = None,
    ) -> None:
        self._compute = compute
        self._limit = limit
        self._n_workers = n_workers
        self._init_worker = init_worker
        self._changed = Condition()
        self._calls: deque[_Call[T, R]] = deque()
        # Batches that are being computed.
        self._running = 0

    def __call__(self, items: Sequence[T], lengths: Sequence[int]) -> list[R]:
        """Return the result of each item; raises what `compute` raises for them.

        Args:
            lengths: positive, one for each item.
        """
        if not items:
            return []
        call: _Call[T, R] = _Call(items, lengths)
        limit, total = self._limit(), sum(lengths)
        with self._changed:
            self._calls.append(call)
        try:
            if total > limit >= max(lengths):
                n_workers = min(self._n_workers(), -(-total // limit), len(items))
                if n_workers > 1:
                    self._compute_in_workers(call, n_workers, min(limit, -(-total // n_workers)))
            # Does nothing after workers, unless they could not start.
            self._compute_batches(call, 1, limit)
        finally:
            with self._changed:
                self._calls.remove(call)
                if not call.done:
                    # This thread was interrupted; its workers end.
                    call.error = InterruptedError()
                    self._changed.notify_all()
        if call.error is not None:
            raise call.error
        return [call.results[place] for place in range(len(items))]

    def _compute_in_workers(self, call: _Call[T, R], n_workers: int, limit: int) -> None:
        for _ in range(n_workers):
            # Daemons: a program may end while one of its daemons embeds.
            worker = Thread(target=self._work, args=(call, n_workers, limit), daemon=True)
            with self._changed:
                call.workers += 1
            try:
                worker.start()
            except RuntimeError:
                # There are too many threads, or the interpreter ends.
                with self._changed:
                    call.workers -= 1
                break
        with self._changed:
            while call.workers and not call.done:
                self._changed.wait()

    def _work(self, call: _Call[T, R], n_workers: int, limit: int) -> None:
        try:
            if self._init_worker is not None:
                try:
                    self._init_worker(n_workers)
                except Exception as error:
                    # The others, or the caller, compute everything.
                    _log.debug("a thread for embedding could not start: %s", error)
                    return
            self._compute_batches(call, n_workers, limit)
        finally:
            with self._changed:
                call.workers -= 1
                self._changed.notify_all()

    def _compute_batches(self, call: _Call[T, R], at_once: int, limit: int) -> None:
        """Compute batches of all calls until this call is done.

        Args:
            at_once: the next batch waits until fewer are being computed, by all threads.
        """
        while True:
            with self._changed:
                while not call.done and (self._running >= at_once or not call.waiting):
                    self._changed.wait()
                if call.done:
                    return
                batch = self._next_batch(limit)
                self._running += 1
            self._run(batch)

    def _next_batch(self, limit: int) -> _Batch[T, R]:
        """Take items of about the same length from all calls, beginning with the next in turn."""
        batch: _Batch[T, R] = []
        longest = 0
        for call in self._calls:
            while call.waiting:
                length = call.waiting[0][2]
                greatest = max(longest, length)
                room = limit // greatest - len(batch)
                if batch and (room < 1 or _padding(call, batch, longest, room) > _PASS_TOKENS):
                    break
                longest = greatest
                batch.append((call, *call.waiting.popleft()))
        self._calls.rotate(-1)
        return batch

    def _run(self, batch: _Batch[T, R]) -> None:
        try:
            self._store(batch)
        except BaseException:
            # This thread was interrupted; the others compute theirs again.
            with self._changed:
                for call, *item in reversed(batch):
                    if item[0] not in call.results:
                        call.waiting.appendleft(tuple(item))  # type: ignore[arg-type]
            raise
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _store(self, batch: _Batch[T, R]) -> None:
        try:
            results = self._compute([item for _, _, item, _ in batch])
        except Exception as error:
            calls = list(dict.fromkeys(call for call, *_ in batch))
            if len(calls) == 1:
                calls[0].error = error
                return
            # Caller by caller, so that a text that fails does not fail the calls of other threads.
            for call in calls:
                self._store([entry for entry in batch if entry[0] is call])
            return
        for (call, place, _, _), result in zip(batch, results, strict=True):
            call.results[place] = result


def _padding(call: _Call[T, R], batch: _Batch[T, R], longest: int, room: int) -> int:
    """Return how many tokens the next items of a call cost more here than in a pass of their own.

    Args:
        longest: the greatest length in the batch.
        room: how many items it can still take.
    """
    length = call.waiting[0][2]
    if length > longest:
        return (length - longest) * len(batch)
    return (longest - length) * min(room, len(call.waiting))

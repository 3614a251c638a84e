"""Run work for scopes in a background thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Condition, Thread

from agentmem_stores import Scope

__all__ = ["BackgroundWorker"]

_log = logging.getLogger("agentmem")


class BackgroundWorker:
    """Runs a function for one scope after another, in a thread that ends when the queue is empty.

    Args:
        work: called with a scope; exceptions are logged.
    """

    def __init__(self, work: Callable[[Scope], object]) -> None:
        self._work = work
        # A dict for its order: a scope that is submitted again keeps its place in the queue.
        self._queue: dict[Scope, None] = {}
        self._thread: Thread | None = None
        self._changed = Condition()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the work in progress should stop at its next opportunity."""
        return self._closed

    def submit(self, scope: Scope) -> None:
        """Queue work for a scope, unless it is queued already."""
        with self._changed:
            if self._closed:
                return
            self._queue[scope] = None
            if self._thread is None:
                # A daemon, so that a program that never calls `close` can exit.
                self._thread = Thread(target=self._run, name="agentmem-consolidate", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed or not self._queue:
                    self._thread = None
                    self._changed.notify_all()
                    return
                scope = next(iter(self._queue))
                del self._queue[scope]
            try:
                self._work(scope)
            except Exception as error:
                _log.warning("consolidating %s failed: %r", scope, error)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the queue is empty; return whether it is.

        Args:
            timeout: seconds; None waits without a limit.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, timeout)

    def close(self) -> None:
        """Wait for the work in progress to stop, and start no other."""
        with self._changed:
            self._closed = True
            thread = self._thread
        if thread is not None:
            thread.join()

"""Consolidating behind a conversation, in a thread that ends with the controller."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Condition, Thread

from agentmem_stores import Scope

__all__ = ["Background"]

_log = logging.getLogger("agentmem")


class Background:
    """Runs work for scopes one after the other; the thread lives while there is something to do.

    Args:
        work: called with a scope; what it raises is logged.
    """

    def __init__(self, work: Callable[[Scope], object]) -> None:
        self._work = work
        self._waiting: dict[Scope, None] = {}
        self._thread: Thread | None = None
        self._changed = Condition()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether work that is going on should stop at the next opportunity."""
        return self._closed

    def ask(self, scope: Scope) -> None:
        """Have work done for a scope, once, however often it is asked for meanwhile."""
        with self._changed:
            if self._closed:
                return
            self._waiting[scope] = None
            if self._thread is None:
                self._thread = Thread(target=self._run, name="agentmem-consolidate", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed or not self._waiting:
                    self._thread = None
                    self._changed.notify_all()
                    return
                scope = next(iter(self._waiting))
                del self._waiting[scope]
            try:
                self._work(scope)
            except Exception as error:
                _log.warning("consolidating %s failed: %r", scope, error)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there is nothing to do; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, timeout)

    def close(self) -> None:
        """Let the work that is going on come to a stop, and do no other."""
        with self._changed:
            self._closed = True
            thread = self._thread
        if thread is not None:
            thread.join()

"""Locks: many readers or one writer, and changes of one scope or of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Condition, Lock, get_ident
from weakref import WeakValueDictionary

from agentmem_stores.records import Scope

__all__ = ["ReadWriteLock", "ScopeLocks"]


class ReadWriteLock:
    """A lock that many readers share or one writer holds.

    Reentrant, and a writer may read. A waiting writer keeps out new readers, so that a steady
    stream of them cannot starve it.

    Example:
        >>> lock = ReadWriteLock()
        >>> with lock.exclusive(), lock.shared():
        ...     pass
    """

    def __init__(self) -> None:
        self._changed = Condition(Lock())
        # How often each thread has entered, by thread.
        self._readers: dict[int, int] = {}
        self._writer: int | None = None
        self._writer_depth = 0
        self._waiting_writers = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock together with other readers."""
        thread = get_ident()
        with self._changed:
            if thread not in self._readers and self._writer != thread:
                while self._writer is not None or self._waiting_writers:
                    self._changed.wait()
            self._readers[thread] = self._readers.get(thread, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._readers[thread] -= 1
                if not self._readers[thread]:
                    del self._readers[thread]
                    self._changed.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock alone.

        Raises:
            RuntimeError: the calling thread reads; it would wait for itself.
        """
        thread = get_ident()
        with self._changed:
            if self._writer != thread:
                self._wait_to_write(thread)
            self._writer_depth += 1
        try:
            yield
        finally:
            with self._changed:
                self._writer_depth -= 1
                if not self._writer_depth:
                    self._writer = None
                    self._changed.notify_all()

    def is_mine(self) -> bool:
        """Return whether the calling thread holds the lock alone."""
        return self._writer == get_ident()

    def _wait_to_write(self, thread: int) -> None:
        if thread in self._readers:
            raise RuntimeError("a thread that holds the lock shared cannot hold it alone")
        self._waiting_writers += 1
        try:
            while self._writer is not None or self._readers:
                self._changed.wait()
            self._writer = thread
        finally:
            self._waiting_writers -= 1
            self._changed.notify_all()


class ScopeLocks:
    """A lock for each scope, and for all scopes together; those not in use take no memory.

    Example:
        >>> locks = ScopeLocks()
        >>> with locks.hold(Scope("ada")):  # another thread may hold that of Scope("ben")
        ...     pass
        >>> with locks.hold_all():
        ...     pass
    """

    def __init__(self) -> None:
        self._all = ReadWriteLock()
        self._locks: WeakValueDictionary[Scope, ReadWriteLock] = WeakValueDictionary()
        self._guard = Lock()
        # The scope whose lock each thread holds, by thread.
        self._scopes: dict[int, Scope] = {}

    def of(self, scope: Scope) -> ReadWriteLock:
        """Return the lock of a scope."""
        with self._guard:
            lock = self._locks.get(scope)
            if lock is None:
                lock = self._locks[scope] = ReadWriteLock()
            return lock

    @contextmanager
    def hold(self, scope: Scope) -> Iterator[None]:
        """Hold the lock of one scope alone; reentrant.

        Raises:
            RuntimeError: the calling thread holds the lock of another scope, and not that of all.
                Two threads that do so could wait for each other forever.
        """
        thread = get_ident()
        outer = self._scopes.get(thread)
        if outer not in (None, scope) and not self._all.is_mine():
            raise RuntimeError(
                f"a thread that holds the lock of {outer} cannot hold that of {scope}"
            )
        # That of all scopes first, so that `hold_all` keeps out new changes, and waits for others.
        with self._all.shared(), self.of(scope).exclusive():
            self._scopes[thread] = scope
            try:
                yield
            finally:
                if outer is None:
                    del self._scopes[thread]
                else:
                    self._scopes[thread] = outer

    def hold_all(self) -> AbstractContextManager[None]:
        """Wait until no other thread holds any lock, and hold all of them; reentrant.

        Raises:
            RuntimeError: the calling thread holds the lock of one scope.
        """
        return self._all.exclusive()

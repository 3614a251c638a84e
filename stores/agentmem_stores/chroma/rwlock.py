"""A readers-writer lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

__all__ = ["ReadWriteLock"]


class ReadWriteLock:
    """A lock that many readers share or one writer holds; not reentrant.

    A waiting writer blocks new readers. Only one thread may wait in `exclusive` at a time.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._readers = 0
        self._writer = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock together with other readers."""
        with self._changed:
            while self._writer:
                self._changed.wait()
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock alone; the calling thread must not hold it already."""
        with self._changed:
            self._writer = True
            while self._readers:
                self._changed.wait()
        try:
            yield
        finally:
            with self._changed:
                self._writer = False
                self._changed.notify_all()

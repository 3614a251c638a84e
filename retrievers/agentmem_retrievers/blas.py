"""Products of small matrices, each computed by one thread.

Searching and writing make many of them. Computed by several threads they take as long, and after
each of them the others of BLAS wait for the next one without giving up their cores, which Chroma
and the embedder need.
"""

from __future__ import annotations

from contextlib import ContextDecorator
from functools import lru_cache
from threading import Lock
from types import TracebackType

from threadpoolctl import ThreadpoolController

__all__ = ["SINGLE_THREADED_BLAS"]


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


class _SingleThreadedBlas(ContextDecorator):
    """Limits BLAS, in the whole process, from when the first comes until the last has gone.

    Not to be held while something is embedded: an embedder may compute with the same BLAS.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limit = _blas().limit(limits=1)
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limit.restore_original_limits()


SINGLE_THREADED_BLAS = _SingleThreadedBlas()

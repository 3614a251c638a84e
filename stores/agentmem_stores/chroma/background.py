"""A call that goes on while its caller does something else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

__all__ = ["begun"]

T = TypeVar("T")


def begun(call: Callable[[], T], *, daemon: bool) -> Callable[[], T]:
    """Begin a call in a thread of its own; return what waits for what it returns, or raises.

    No pool of threads is kept, because none would be left in a process that is forked off.

    Args:
        daemon: let the process end meanwhile. Not for what native code does, which would be cut
            off in the middle.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:
            result.set_exception(error)

    try:
        Thread(target=run, name="agentmem-nearest", daemon=daemon).start()
    except RuntimeError:
        # There can be no more threads, or the interpreter is about to end.
        return call
    return result.result

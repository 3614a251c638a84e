"""The readers-writer lock, and locks of scopes."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Event

import pytest

from agentmem_stores import Scope
from agentmem_stores.locks import ReadWriteLock, ScopeLocks

ADA, BEN = Scope("ada"), Scope("ben")
SECONDS = 10


def enter(hold: Callable[[], AbstractContextManager[None]]) -> bool:
    with hold():
        return True


def test_readers_share_it() -> None:
    lock = ReadWriteLock()
    with ThreadPoolExecutor(1) as pool, lock.shared():
        assert pool.submit(enter, lock.shared).result(SECONDS)


@pytest.mark.parametrize("first", ["shared", "exclusive"])
def test_a_writer_waits_and_keeps_out_new_readers(first: str) -> None:
    lock = ReadWriteLock()
    with ThreadPoolExecutor(2) as pool:
        with getattr(lock, first)():
            writing = pool.submit(enter, lock.exclusive)
            while not lock._waiting_writers:
                pass
            reading = pool.submit(enter, lock.shared)
            assert not writing.done()
            assert not reading.done()
            # Who is inside may enter again, or it would wait for the writer that waits for it.
            with getattr(lock, first)():
                pass
        assert writing.result(SECONDS)
        assert reading.result(SECONDS)


def test_a_writer_may_read_and_a_reader_may_not_write() -> None:
    lock = ReadWriteLock()
    with lock.exclusive(), lock.exclusive(), lock.shared():
        pass
    with lock.shared(), pytest.raises(RuntimeError, match="cannot hold it alone"):
        lock.exclusive().__enter__()
    with lock.exclusive():
        pass


def test_scopes_do_not_wait_for_each_other() -> None:
    locks = ScopeLocks()
    with ThreadPoolExecutor(2) as pool, locks.hold(ADA), locks.hold(ADA):
        assert pool.submit(enter, lambda: locks.hold(BEN)).result(SECONDS)
        assert not pool.submit(enter, lambda: locks.hold(ADA)).done()


def test_holding_all_waits_for_each_scope_and_may_hold_one_of_them() -> None:
    locks, entered, leave = ScopeLocks(), Event(), Event()

    def hold_ada() -> None:
        with locks.hold(ADA):
            entered.set()
            leave.wait(SECONDS)

    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(hold_ada)
        entered.wait(SECONDS)
        all_held = pool.submit(enter, locks.hold_all)
        assert not all_held.done()
        leave.set()
        holding.result(SECONDS)
        assert all_held.result(SECONDS)
    with locks.hold_all(), locks.hold(ADA), locks.hold(BEN):
        pass


def test_a_thread_that_holds_one_scope_cannot_hold_another() -> None:
    """Two threads that did so in turn would wait for each other forever."""
    locks = ScopeLocks()
    with locks.hold(ADA):
        with pytest.raises(RuntimeError, match="cannot hold"):
            locks.hold(BEN).__enter__()
        with locks.hold(ADA):
            pass
        with pytest.raises(RuntimeError, match="cannot hold"):
            locks.hold(BEN).__enter__()
    with locks.hold(BEN):
        pass
    with locks.hold_all(), locks.hold(ADA):
        with locks.hold(BEN):
            pass
        with locks.hold(ADA):
            pass


def test_unused_locks_take_no_memory() -> None:
    locks = ScopeLocks()
    with locks.hold_all(), locks.hold(ADA), locks.hold(BEN):
        assert len(locks._locks) == 2
    gc.collect()
    assert not locks._locks

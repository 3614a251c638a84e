"""BLAS is limited to one thread during a search, and restored after it."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from agentmem_retrievers.index.indexed_store import SINGLE_THREADED_BLAS


def threads() -> list[int]:
    assert np.ones((2, 2)).sum() == 4  # BLAS is loaded with numpy
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_limits_threads_until_the_last_exit() -> None:
    before = threads()
    with SINGLE_THREADED_BLAS:
        with SINGLE_THREADED_BLAS:
            assert set(threads()) == {1}
        assert set(threads()) == {1}
    assert threads() == before


def test_restores_threads_after_an_error() -> None:
    before = threads()
    with pytest.raises(ZeroDivisionError), SINGLE_THREADED_BLAS:
        raise ZeroDivisionError
    assert threads() == before

"""A search computes with one thread, and leaves BLAS as it was."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from agentmem_retrievers.index.indexed_store import SINGLE_THREADED_BLAS


def threads() -> list[int]:
    assert np.ones((2, 2)).sum() == 4  # BLAS is loaded with numpy
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_it_is_limited_until_the_last_has_gone() -> None:
    before = threads()
    with SINGLE_THREADED_BLAS:
        with SINGLE_THREADED_BLAS:
            assert set(threads()) == {1}
        assert set(threads()) == {1}
    assert threads() == before


def test_an_error_leaves_it_as_it_was() -> None:
    before = threads()
    with pytest.raises(ZeroDivisionError), SINGLE_THREADED_BLAS:
        raise ZeroDivisionError
    assert threads() == before

"""Sign codes of vectors, before and after they were read from a file."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agentmem_retrievers.index.quantized import QuantizedVectors, SignCodes
from agentmem_stores import Vectors


def at_random(count: int, dimension: int) -> Vectors:
    vectors = np.random.default_rng(count).normal(size=(count, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def signs_that_differ(vectors: Vectors, query: Vectors) -> NDArray[np.intp]:
    return np.asarray(np.count_nonzero((vectors > 0) != (query > 0), axis=1), dtype=np.intp)


@pytest.mark.parametrize("dimension", [8, 64, 100, 384])
@pytest.mark.parametrize("n_stored", [0, 1, 63, 64, 150])
def test_near_are_the_rows_of_the_nearest_codes(dimension: int, n_stored: int) -> None:
    vectors, queries = at_random(200, dimension), at_random(3, dimension)
    stored = QuantizedVectors(dimension)
    for row in range(n_stored):
        stored.put(row, vectors[row])
    codes = SignCodes(dimension, stored.codes.all().copy())
    read = QuantizedVectors(dimension, stored.all(n_stored), codes)
    for row in range(n_stored, len(vectors)):
        read.put(row, vectors[row])
    vectors[[0, 120]] = 0
    for row in (0, 120):
        read.clear(row)
    np.testing.assert_allclose(read.at(np.arange(200)), vectors, atol=1e-4)
    for n, rows in ((10, None), (500, None), (10, np.arange(50, 180, 3)), (5, np.arange(0))):
        among = np.arange(200) if rows is None else rows
        for query, near in zip(queries, read.codes.near(queries, n, rows), strict=True):
            distances = signs_that_differ(vectors[among], query)
            furthest = np.sort(distances)[:n].max(initial=0)
            assert near.tolist() == among[distances <= furthest].tolist()


def test_many_queries_are_compared_in_blocks() -> None:
    """More pairs than are compared at once."""
    vectors, queries = at_random(1000, 70), at_random(150, 70)
    codes = SignCodes(70)
    codes.put(0, vectors)
    for query, near in zip(queries, codes.near(queries, 1), strict=True):
        distances = signs_that_differ(vectors, query)
        assert near.tolist() == np.flatnonzero(distances == distances.min()).tolist()

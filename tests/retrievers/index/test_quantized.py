"""Sign codes of vectors, before and after they were read from a file."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agentmem_retrievers.index.quantized import QuantizedVectors, SignCodes, quantize
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
    heads, tails = stored.codes.all()
    codes = SignCodes(dimension, (heads.copy(), tails.copy()))
    read = QuantizedVectors(dimension, stored.all(n_stored), codes)
    for row in range(n_stored, len(vectors)):
        read.put(row, vectors[row])
    vectors[[0, 120]] = 0
    for row in (0, 120):
        read.clear(row)
    np.testing.assert_allclose(read.at(np.arange(200)), vectors, atol=2e-2)
    some = np.array([199, -1, 0, 120, 3, 3])
    np.testing.assert_allclose(
        read.cosines(some, queries[0]), read.at(some) @ queries[0], atol=1e-6
    )
    assert read.cosines(np.arange(0), queries[0]).shape == (0,)
    for n, rows in ((10, None), (500, None), (10, np.arange(50, 180, 3)), (5, np.arange(0))):
        among = np.arange(200) if rows is None else rows
        mask = None if rows is None else np.isin(np.arange(200), rows)
        for query, near in zip(queries, read.codes.near(queries, n, mask), strict=True):
            distances = signs_that_differ(vectors[among], query)
            furthest = np.sort(distances)[:n].max(initial=0)
            assert near.tolist() == among[distances <= furthest].tolist()


@pytest.mark.parametrize("dimension", [3, 100, 384])
def test_quantized_vectors_keep_their_length_and_cosines(dimension: int) -> None:
    vectors = at_random(300, dimension)
    vectors[7] = 0
    quantized, scales = quantize(vectors)
    restored = quantized.astype(np.float32) * scales[:, np.newaxis]
    lengths = np.linalg.norm(restored, axis=1)
    assert scales[7] == 0
    assert not quantized[7].any()
    np.testing.assert_allclose(np.delete(lengths, 7), 1, atol=1e-6)
    np.testing.assert_allclose(restored @ restored.T, vectors @ vectors.T, atol=0.02)


def test_rows_that_do_not_exist_are_zeros() -> None:
    stored = QuantizedVectors(100)
    vectors = at_random(130, 100)
    for row, vector in enumerate(vectors):
        stored.put(row, vector)
    at = stored.at(np.array([3, -1, 129, -1]))
    np.testing.assert_allclose(at[[0, 2]], vectors[[3, 129]], atol=0.01)
    assert not at[[1, 3]].any()


def test_rows_without_vectors_have_none() -> None:
    """Tables of other memories than turns, which may be more than there is room for at first."""
    assert QuantizedVectors(0).at(np.arange(200)).shape == (200, 0)


def test_many_queries_are_compared_in_blocks() -> None:
    """More pairs than are compared at once."""
    vectors, queries = at_random(1000, 70), at_random(150, 70)
    codes = SignCodes(70)
    codes.put(0, vectors)
    for query, near in zip(queries, codes.near(queries, 100), strict=True):
        distances = signs_that_differ(vectors, query)
        furthest = np.sort(distances)[99]
        assert near.tolist() == np.flatnonzero(distances <= furthest).tolist()


def test_of_many_rows_half_codes_choose_those_that_are_compared() -> None:
    """The nearest are found, and masked rows are not, however near they are."""
    vectors, queries = at_random(20_000, 384), at_random(5, 384)
    for place, query in enumerate(queries):
        group = slice(100 * place, 100 * place + 100)
        vectors[group] = query + 1.5 * vectors[group]
    mask = np.ones(len(vectors), dtype=np.bool_)
    mask[::2] = False
    codes = SignCodes(384)
    codes.put(0, vectors)
    for place, near in enumerate(codes.near(queries, 100, mask, coarse=True)):
        assert set(range(100 * place + 1, 100 * place + 100, 2)) <= set(near.tolist())
        assert mask[near].all()
        assert np.all(np.diff(near) > 0)


@pytest.mark.parametrize("n_visible", [0, 3, 9_000])
def test_a_mask_leaves_rows_out_whatever_their_number(n_visible: int) -> None:
    vectors = at_random(10_000, 384)
    mask = np.zeros(len(vectors), dtype=np.bool_)
    mask[np.random.default_rng(0).permutation(len(vectors))[:n_visible]] = True
    codes = SignCodes(384)
    codes.put(0, vectors)
    [near] = codes.near(vectors[:1], 800, mask)
    distances = np.where(mask, signs_that_differ(vectors, vectors[0]), 10**6)
    furthest = min(np.sort(distances)[799], 384)
    assert near.tolist() == np.flatnonzero(distances <= furthest).tolist()

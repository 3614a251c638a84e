"""Entropy routing: the most certain granularity gets the most weight."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem_retrievers.routing import normalized_entropy, route
from agentmem_stores import Granularity, InvalidInputError

anything = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40)


@given(st.dictionaries(st.sampled_from(list(Granularity)), anything))
def test_weights_are_a_distribution_for_any_input(
    similarities: dict[Granularity, list[float]],
) -> None:
    routing = route(similarities)
    weights = list(routing.weights.values())
    assert all(math.isfinite(w) and w >= 0 for w in weights)
    assert all(0 <= h <= 1 for h in routing.entropies.values())
    assert not weights or sum(weights) == pytest.approx(1)


def test_the_most_certain_granularity_gets_the_most_weight() -> None:
    routing = route(
        {
            Granularity.TURN: [0.9, 0.2, 0.2, 0.2],
            Granularity.SESSION: [0.6, 0.5, 0.4, 0.3],
            Granularity.SUMMARY: [0.5, 0.5, 0.5, 0.5],
        }
    )
    turn, session, summary = routing.weights.values()
    assert turn > session > summary
    assert summary == pytest.approx(0, abs=1e-9)


@given(st.integers(2, 200), st.floats(-1, 1))
def test_entropy_of_equal_candidates_is_one(n: int, similarity: float) -> None:
    assert normalized_entropy([similarity] * n) == pytest.approx(1)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=50), st.floats(-5, 5))
def test_entropy_depends_on_differences_only(values: list[float], shift: float) -> None:
    shifted = np.array(values) + shift
    assert normalized_entropy(shifted) == pytest.approx(normalized_entropy(values), abs=1e-6)


def test_entropy_of_one_candidate_is_one() -> None:
    assert normalized_entropy([0.9]) == normalized_entropy([]) == 1


def test_rejects_a_temperature_of_zero() -> None:
    with pytest.raises(InvalidInputError, match="temperature"):
        normalized_entropy([1, 2], temperature=0)

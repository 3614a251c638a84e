"""Which neighbours a new memory is linked to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agentmem import Association, InvalidInputError
from agentmem_stores import Neighbour

ASSOCIATION = Association()


def test_separates_a_close_group_from_the_rest() -> None:
    rng = np.random.default_rng(0)
    near, far = rng.normal(0.75, 0.03, 5), rng.normal(0.42, 0.03, 25)
    accepted = ASSOCIATION.accepts(np.concatenate([near, far]))
    assert accepted[:5].all()
    assert not accepted[5:].any()


def test_related_to_nothing_is_an_answer() -> None:
    rng = np.random.default_rng(0)
    # Two clear groups, both of them far away: the upper one must not be taken.
    distant = np.concatenate([rng.normal(0.3, 0.01, 10), rng.normal(0.05, 0.01, 20)])
    assert not ASSOCIATION.accepts(distant).any()
    assert ASSOCIATION.edges([Neighbour("a", 0.1)]) == ()


def test_one_group_is_taken_only_where_it_is_certain() -> None:
    rng = np.random.default_rng(0)
    assert not ASSOCIATION.accepts(rng.normal(0.5, 0.02, 30)).any()
    assert ASSOCIATION.accepts(rng.normal(0.8, 0.02, 30)).all()


def test_few_neighbours_are_judged_by_themselves() -> None:
    edges = ASSOCIATION.edges([Neighbour("a", 0.7), Neighbour("b", 0.5)])
    assert [(e.target, e.weight) for e in edges] == [("a", 0.7)]


def test_the_strongest_come_first_and_are_bounded() -> None:
    found = [Neighbour(f"n{i:02}", 0.99 - i / 1000) for i in range(30)]
    edges = ASSOCIATION.edges(found)
    assert [e.target for e in edges] == [f"n{i:02}" for i in range(ASSOCIATION.at_most)]


@given(hnp.arrays(np.float64, st.integers(0, 40), elements=st.floats(-1, 1)))
def test_never_accepts_below_the_floor(similarities: np.ndarray) -> None:
    accepted = ASSOCIATION.accepts(similarities)
    assert accepted.shape == similarities.shape
    assert (similarities[accepted] >= ASSOCIATION.floor).all()


@pytest.mark.parametrize("wrong", [{"floor": 0.9}, {"neighbours": 0}, {"at_most": -1}])
def test_refuses_parameters_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        Association(**wrong)  # type: ignore[arg-type]

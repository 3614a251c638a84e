"""Which neighbours a new memory is linked to."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.mixture import GaussianMixture

from agentmem import Association, InvalidInputError
from agentmem.writing.association import fit_two_gaussians
from agentmem_stores import Neighbor

ASSOCIATION = Association()


def test_accepts_the_upper_of_two_groups() -> None:
    rng = np.random.default_rng(0)
    near, far = rng.normal(0.75, 0.03, 5), rng.normal(0.42, 0.03, 25)
    accepted = ASSOCIATION.accepts(np.concatenate([near, far]))
    assert accepted[:5].all()
    assert not accepted[5:].any()


def test_accepts_nothing_where_all_are_distant() -> None:
    rng = np.random.default_rng(0)
    # Two clear groups, both of them far away: the upper one must not be taken.
    distant = np.concatenate([rng.normal(0.3, 0.01, 10), rng.normal(0.05, 0.01, 20)])
    assert not ASSOCIATION.accepts(distant).any()
    assert ASSOCIATION.edges([Neighbor("a", 0.1)]) == ()


def test_one_group_is_accepted_only_above_certain() -> None:
    rng = np.random.default_rng(0)
    assert not ASSOCIATION.accepts(rng.normal(0.5, 0.02, 30)).any()
    assert ASSOCIATION.accepts(rng.normal(0.8, 0.02, 30)).all()


def test_few_neighbors_are_compared_with_certain() -> None:
    edges = ASSOCIATION.edges([Neighbor("a", 0.7), Neighbor("b", 0.5)])
    assert [(e.target, e.weight) for e in edges] == [("a", 0.7)]


def test_edges_are_sorted_and_at_most_at_most() -> None:
    neighbors = [Neighbor(f"n{i:02}", 0.99 - i / 1000) for i in range(30)]
    edges = ASSOCIATION.edges(neighbors)
    assert [e.target for e in edges] == [f"n{i:02}" for i in range(ASSOCIATION.at_most)]


@given(hnp.arrays(np.float64, st.integers(0, 40), elements=st.floats(-1, 1)))
def test_never_accepts_below_the_floor(similarities: np.ndarray) -> None:
    accepted = ASSOCIATION.accepts(similarities)
    assert accepted.shape == similarities.shape
    assert (similarities[accepted] >= ASSOCIATION.floor).all()


@given(st.integers(0, 2**32 - 1), st.integers(6, 40), st.floats(0, 0.4))
@settings(max_examples=40, deadline=None)
def test_fits_the_same_mixture_as_scikit_learn(seed: int, n: int, apart: float) -> None:
    rng = np.random.default_rng(seed)
    values = np.clip(rng.normal(0.4, 0.05, n) + apart * (rng.random(n) < 0.3), -1, 1)
    ends = [[values.min()], [values.max()]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = GaussianMixture(
            2, reg_covar=1e-4, means_init=ends, init_params="random_from_data", random_state=0
        ).fit(values[:, np.newaxis])

    means, joint = fit_two_gaussians(values)

    assert means == pytest.approx(reference.means_.ravel(), abs=1e-6)
    assert np.logaddexp(*joint).mean() == pytest.approx(reference.score(values[:, np.newaxis]))


@pytest.mark.parametrize("wrong", [{"floor": 0.9}, {"neighbors": 0}, {"at_most": -1}])
def test_rejects_parameters_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        Association(**wrong)  # type: ignore[arg-type]

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
from agentmem_stores import Edge, Neighbor

ASSOCIATION = Association()


def accepts(similarities: np.ndarray) -> np.ndarray:
    """Which similarities of a single memory mean a relation."""
    accepted: np.ndarray = ASSOCIATION.accepts(similarities[np.newaxis])[0]
    return accepted


def edges(*neighbors: Neighbor) -> tuple[Edge, ...]:
    """The edges of a single memory."""
    [found] = ASSOCIATION.edges([neighbors])
    return found


def test_accepts_the_upper_of_two_groups() -> None:
    rng = np.random.default_rng(0)
    near, far = rng.normal(0.75, 0.03, 5), rng.normal(0.42, 0.03, 25)
    accepted = accepts(np.concatenate([near, far]))
    assert accepted[:5].all()
    assert not accepted[5:].any()


def test_accepts_nothing_where_all_are_distant() -> None:
    rng = np.random.default_rng(0)
    # Two clear groups, both of them far away: the upper one must not be taken.
    distant = np.concatenate([rng.normal(0.3, 0.01, 10), rng.normal(0.05, 0.01, 20)])
    assert not accepts(distant).any()
    assert edges(Neighbor("a", 0.1)) == ()
    assert edges() == ()


def test_one_group_is_accepted_only_above_certain() -> None:
    rng = np.random.default_rng(0)
    assert not accepts(rng.normal(0.5, 0.02, 30)).any()
    assert accepts(rng.normal(0.8, 0.02, 30)).all()


def test_few_neighbors_are_compared_with_certain() -> None:
    found = edges(Neighbor("a", 0.7), Neighbor("b", 0.5))
    assert [(e.target, e.weight) for e in found] == [("a", 0.7)]


def test_edges_are_sorted_and_at_most_at_most() -> None:
    neighbors = [Neighbor(f"n{i:02}", 0.99 - i / 1000) for i in range(30)]
    assert [e.target for e in edges(*neighbors)] == [f"n{i:02}" for i in range(ASSOCIATION.at_most)]


@given(hnp.arrays(np.float64, st.integers(0, 40), elements=st.floats(-1, 1)))
def test_never_accepts_below_the_floor(similarities: np.ndarray) -> None:
    accepted = accepts(similarities)
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

    # Beside a row that takes other steps, and with places that this one does not use.
    rows = np.full((2, n + 3), np.nan)
    rows[0, :n], rows[1] = values, np.linspace(0.1, 0.9, n + 3)
    means, joint = fit_two_gaussians(rows)

    assert means[0] == pytest.approx(reference.means_.ravel(), abs=1e-6)
    density = np.logaddexp(*joint[0, :, :n])
    assert density.mean() == pytest.approx(reference.score(values[:, np.newaxis]))


def test_each_memory_is_decided_by_its_own_neighbors() -> None:
    rng = np.random.default_rng(0)
    groups = [
        np.clip(np.where(rng.random(n) < 0.3, 0.7, 0.4) + rng.normal(0, 0.05, n), -1, 1)
        for n in (30, 0, 5, 6, 17, 30)
    ]
    rows = np.full((len(groups), 30), np.nan)
    for row, values in zip(rows, groups, strict=True):
        row[: len(values)] = values

    accepted = ASSOCIATION.accepts(rows)

    for row, values in zip(accepted, groups, strict=True):
        assert row[: len(values)].tolist() == accepts(values).tolist()
        assert not row[len(values) :].any()


def test_a_limit_beyond_all_neighbors_compares_all_of_them() -> None:
    neighbors = [Neighbor(f"n{i}", similarity) for i, similarity in enumerate((0.9, 0.8, 0.3))]
    edges_of = Association(neighbors=2**31 - 1).edges([neighbors, [], neighbors[1:]])
    assert [[e.target for e in edges] for edges in edges_of] == [["n0", "n1"], [], ["n1"]]


@pytest.mark.parametrize("wrong", [{"floor": 0.9}, {"neighbors": 0}, {"at_most": -1}])
def test_rejects_parameters_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        Association(**wrong)  # type: ignore[arg-type]

"""Which of a new memory's neighbours it is related to: a Gaussian mixture decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Edge, InvalidInputError, Neighbor

__all__ = ["Association"]

# Added to every variance, so that equal values do not make a component infinitely sharp.
_SMALLEST = 1e-4
# A fit that has not converged after these steps is still compared fairly by its BIC.
_STEPS = 100
_PRECISE = 1e-3


@dataclass(frozen=True)
class Association:
    """Splits a memory's nearest neighbours into accepted and rejected (MemGAS, section 3.2).

    MemGAS always accepts the upper of two components, even where nothing is related. Here two
    components must explain the similarities better than one by the Bayesian information
    criterion (Schwarz 1978), and a floor holds in any case, so "related to nothing" can be the
    answer.

    Attributes:
        neighbours: how many nearest memories are compared.
        floor: the cosine similarity below which nothing is related.
        certain: the cosine similarity from which a memory is accepted where the mixture finds
            one group only, or too few neighbours to tell.
        at_most: the most edges that one new memory gets.
    """

    neighbors: int = 30
    floor: float = 0.4
    certain: float = 0.6
    at_most: int = 8

    def __post_init__(self) -> None:
        if not -1 <= self.floor <= self.certain <= 1:
            raise InvalidInputError("-1 <= floor <= certain <= 1 must hold")
        if self.neighbors < 1 or self.at_most < 0:
            raise InvalidInputError("neighbours must be at least 1 and at_most not negative")

    def edges(self, found: Sequence[Neighbor]) -> tuple[Edge, ...]:
        """Return the edges to accepted neighbours, strongest first; weight is the similarity."""
        nearest = sorted(found, key=lambda n: (-n.similarity, n.id))[: self.neighbors]
        accepted = self.accepts(np.array([n.similarity for n in nearest]))
        edges = [
            Edge(n.id, min(n.similarity, 1.0))
            for n, ok in zip(nearest, accepted, strict=True)
            if ok
        ]
        return tuple(edges[: self.at_most])

    def accepts(self, similarities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say which of n cosine similarities mean a relation; bool of shape (n,)."""
        related = similarities >= self.floor
        if not related.any():
            return related
        upper = _upper_component(similarities)
        return related & (upper if upper is not None else similarities >= self.certain)


def _upper_component(similarities: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Membership of the upper of two Gaussians, or None where one explains the values as well."""
    if len(similarities) < 6 or np.ptp(similarities) < 1e-3:
        return None
    means, joint = _two_gaussians(similarities)
    likelihood = float(np.logaddexp(*joint).sum())
    # Two means, two variances and a weight.
    if 5 * np.log(len(similarities)) - 2 * likelihood >= _bic_of_one(similarities):
        return None
    upper = joint.argmax(axis=0) == means.argmax()
    # A wide upper component can claim the far lower tail as well; related means nearer.
    return np.asarray(upper & (similarities >= means.min()), dtype=np.bool_)


def _two_gaussians(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit two Gaussians to n numbers by expectation and maximisation (Dempster et al. 1977).

    The steps of scikit-learn's `GaussianMixture`, begun at the least and the greatest value with
    the smallest variance; in one dimension they are a few lines, and take a tenth of its time.

    Returns:
        The means, shape (2,), and the joint log density of component and value, shape (2, n).
    """
    n = len(values)
    means = np.array([values.min(), values.max()])
    variances, weights = np.full(2, _SMALLEST), np.full(2, 1 / n)
    before = -np.inf
    for _ in range(_STEPS):
        joint = _joint(values, means, variances, weights)
        density = np.logaddexp(joint[0], joint[1])
        shares = np.exp(joint - density)
        sizes = shares.sum(axis=1) + 10 * np.finfo(np.float64).eps
        means = shares @ values / sizes
        apart = (values - means[:, np.newaxis]) ** 2
        variances = (shares * apart).sum(axis=1) / sizes + _SMALLEST
        weights = sizes / sizes.sum()
        likelihood = float(density.mean())
        if abs(likelihood - before) < _PRECISE:
            break
        before = likelihood
    return means, _joint(values, means, variances, weights)


def _joint(
    values: NDArray[np.float64],
    means: NDArray[np.float64],
    variances: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    apart = (values - means[:, np.newaxis]) ** 2 / variances[:, np.newaxis]
    constant = np.log(weights) - np.log(2 * np.pi * variances) / 2
    return np.asarray(constant[:, np.newaxis] - apart / 2, dtype=np.float64)


def _bic_of_one(values: NDArray[np.float64]) -> float:
    """BIC of a single Gaussian, in closed form: k ln n - 2 ln L with k = 2 parameters."""
    n = len(values)
    variance = float(np.var(values)) + _SMALLEST
    return float(2 * np.log(n) + n * np.log(2 * np.pi * variance) + n * np.var(values) / variance)

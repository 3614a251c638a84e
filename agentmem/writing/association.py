"""Association: a Gaussian mixture decides which neighbors a new memory is linked to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Edge, InvalidInputError, Neighbor

__all__ = ["Association", "fit_two_gaussians"]

# Added to every variance, so that equal values do not make a component infinitely sharp.
_MIN_VARIANCE = 1e-4
# The defaults of scikit-learn's GaussianMixture.
_MAX_STEPS = 100
_TOLERANCE = 1e-3
# Fewer values than parameters (five) with one to spare say nothing about two components.
_MIN_VALUES = 6


@dataclass(frozen=True)
class Association:
    """Decides which of a new memory's nearest neighbors it is linked to (MemGAS, section 3.2).

    MemGAS fits two Gaussians to the similarities and always accepts the upper one, even where
    nothing is related. Here two components must explain the similarities better than one by the
    Bayesian information criterion (Schwarz 1978), and `floor` holds in any case, so that a memory
    can be linked to nothing.

    Attributes:
        neighbors: how many nearest memories are compared.
        floor: cosine similarity below which nothing is linked.
        certain: cosine similarity from which a memory is linked where the mixture finds one
            component only, or there are too few neighbors to fit it.
        at_most: maximum number of links of one new memory.

    Raises:
        InvalidInputError: a parameter is out of range.

    Example:
        >>> import numpy as np
        >>> Association(floor=0.4, certain=0.6).accepts(np.array([0.9, 0.5, 0.1])).tolist()
        [True, False, False]
    """

    neighbors: int = 30
    floor: float = 0.4
    certain: float = 0.6
    at_most: int = 8

    def __post_init__(self) -> None:
        if not -1 <= self.floor <= self.certain <= 1:
            raise InvalidInputError(
                f"floor={self.floor} and certain={self.certain} must satisfy "
                "-1 <= floor <= certain <= 1"
            )
        if self.neighbors < 1 or self.at_most < 0:
            raise InvalidInputError("neighbors must be >= 1 and at_most >= 0")

    def edges(self, neighbors: Sequence[Neighbor]) -> tuple[Edge, ...]:
        """Return the edges to the accepted neighbors; their weight is the similarity.

        Args:
            neighbors: most similar first.
        """
        nearest = neighbors[: self.neighbors]
        accepted = self.accepts(np.array([n.similarity for n in nearest]))
        rows = np.flatnonzero(accepted)[: self.at_most].tolist()
        return tuple([Edge(nearest[i].id, min(nearest[i].similarity, 1.0)) for i in rows])

    def accepts(self, similarities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which of n cosine similarities mean a relation, as bool of shape (n,)."""
        related = similarities >= self.floor
        if not related.any():
            return related
        upper = _upper_component(similarities)
        return related & (upper if upper is not None else similarities >= self.certain)


def _upper_component(similarities: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Membership of the upper of two Gaussians; None where one explains the values as well."""
    if len(similarities) < _MIN_VALUES or np.ptp(similarities) < 1e-3:
        return None
    means, joint = fit_two_gaussians(similarities)
    likelihood = float(np.logaddexp(*joint).sum())
    # Two means, two variances and a weight.
    if 5 * np.log(len(similarities)) - 2 * likelihood >= _bic_of_one(similarities):
        return None
    upper = joint.argmax(axis=0) == means.argmax()
    # A wide upper component can have the lower tail as well, which is not related.
    return np.asarray(upper & (similarities >= means.min()), dtype=np.bool_)


def fit_two_gaussians(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit two Gaussians to n numbers by expectation maximization (Dempster et al. 1977).

    The same steps as scikit-learn's `GaussianMixture`, started at the minimum and the maximum with
    the smallest variance. In one dimension they are a few lines and take a tenth of its time.

    Returns:
        The means, shape (2,), and the joint log density of component and value, shape (2, n).
    """
    n = len(values)
    means = np.array([values.min(), values.max()])
    variances, weights = np.full(2, _MIN_VARIANCE), np.full(2, 1 / n)
    previous = -np.inf
    for _ in range(_MAX_STEPS):
        joint = _joint(values, means, variances, weights)
        density = np.logaddexp(joint[0], joint[1])
        shares = np.exp(joint - density)
        sizes = shares.sum(axis=1) + 10 * np.finfo(np.float64).eps
        means = shares @ values / sizes
        squares = (values - means[:, np.newaxis]) ** 2
        variances = (shares * squares).sum(axis=1) / sizes + _MIN_VARIANCE
        weights = sizes / sizes.sum()
        likelihood = float(density.mean())
        if abs(likelihood - previous) < _TOLERANCE:
            break
        previous = likelihood
    return means, _joint(values, means, variances, weights)


def _joint(
    values: NDArray[np.float64],
    means: NDArray[np.float64],
    variances: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    distances = (values - means[:, np.newaxis]) ** 2 / variances[:, np.newaxis]
    constant = np.log(weights) - np.log(2 * np.pi * variances) / 2
    return np.asarray(constant[:, np.newaxis] - distances / 2, dtype=np.float64)


def _bic_of_one(values: NDArray[np.float64]) -> float:
    """BIC of a single Gaussian, in closed form: k ln n - 2 ln L with k = 2 parameters."""
    n = len(values)
    variance = float(np.var(values)) + _MIN_VARIANCE
    return float(2 * np.log(n) + n * np.log(2 * np.pi * variance) + n * np.var(values) / variance)

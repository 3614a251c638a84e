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
# Values closer together than this are one group.
_MIN_SPREAD = 1e-3


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
        >>> Association(floor=0.4, certain=0.6).accepts(np.array([[0.9, 0.5, 0.1]])).tolist()
        [[True, False, False]]
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

    def edges(self, neighbors: Sequence[Sequence[Neighbor]]) -> list[tuple[Edge, ...]]:
        """Return for each new memory its edges to accepted neighbors, weighted by similarity.

        Args:
            neighbors: of each memory, most similar first.
        """
        nearest = [each[: self.neighbors] for each in neighbors]
        similarities = np.full((len(nearest), max(map(len, nearest), default=0)), np.nan)
        for row, each in enumerate(nearest):
            similarities[row, : len(each)] = [n.similarity for n in each]
        edges = []
        for each, accepted in zip(nearest, self.accepts(similarities), strict=True):
            rows = np.flatnonzero(accepted)[: self.at_most].tolist()
            edges.append(tuple([Edge(each[i].id, min(each[i].similarity, 1.0)) for i in rows]))
        return edges

    def accepts(self, similarities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which cosine similarities mean a relation.

        Args:
            similarities: of each new memory to its neighbors, shape (memories, neighbors); NaN
                where a memory has fewer.

        Returns:
            Shape (memories, neighbors); False for NaN.
        """
        related = similarities >= self.floor
        upper = similarities >= self.certain
        rows = np.flatnonzero(related.any(axis=1))
        explained, upper_of = _upper_components(similarities[rows])
        upper[rows[explained]] = upper_of
        return related & upper


def _upper_components(
    similarities: NDArray[np.float64],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Find the rows that two Gaussians explain better than one, and their upper components.

    Args:
        similarities: shape (rows, values); NaN where a row has fewer values.

    Returns:
        Which rows these are, shape (rows,), and which of their values belong to the upper
        component, shape (these rows, values).
    """
    known = ~np.isnan(similarities)
    counts = np.count_nonzero(known, axis=1)
    least, greatest = _ends(similarities)
    explained = (counts >= _MIN_VALUES) & (greatest - least >= _MIN_SPREAD)
    values, counts, known = similarities[explained], counts[explained], known[explained]
    means, joint = fit_two_gaussians(values)
    likelihood = np.logaddexp(joint[:, 0], joint[:, 1]).sum(axis=1, where=known)
    # Two means, two variances and a weight.
    better = 5 * np.log(counts) - 2 * likelihood < _bic_of_one(values, counts)
    explained[explained] = better
    values, means, joint = values[better], means[better], joint[better]
    upper = joint.argmax(axis=1) == means.argmax(axis=1)[:, np.newaxis]
    # A wide upper component can have the lower tail as well, which is not related.
    return explained, upper & (values >= means.min(axis=1, keepdims=True))


def fit_two_gaussians(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit two Gaussians to each row of numbers by expectation maximization.

    The same steps as scikit-learn's `GaussianMixture` (Dempster et al. 1977), started at the
    minimum and the maximum with the smallest variance. In one dimension they are a few lines, and
    all rows take them together: 135 rows of 30 values take 2 to 4 ms, and 25 to 50 one by one.

    Args:
        values: shape (rows, values); NaN where a row has fewer values.

    Returns:
        The means, shape (rows, 2), and the joint log density of component and value, shape
        (rows, 2, values); that of NaN means nothing.
    """
    n_rows = len(values)
    known = ~np.isnan(values)
    counts = np.count_nonzero(known, axis=1)
    numbers = np.where(known, values, 0.0)
    means = np.stack(_ends(values), axis=1)
    variances = np.full((n_rows, 2), _MIN_VARIANCE)
    weights = np.repeat(1 / counts[:, np.newaxis], 2, axis=1)
    previous, left = np.full(n_rows, -np.inf), np.arange(n_rows)
    for _ in range(_MAX_STEPS):
        here, is_known = numbers[left], known[left]
        joint = _joint(here, means[left], variances[left], weights[left])
        density = np.logaddexp(joint[:, 0], joint[:, 1])
        shares = np.exp(joint - density[:, np.newaxis]) * is_known[:, np.newaxis]
        sizes = shares.sum(axis=2) + 10 * np.finfo(np.float64).eps
        means[left] = (shares @ here[..., np.newaxis])[..., 0] / sizes
        squares = (here[:, np.newaxis] - means[left][..., np.newaxis]) ** 2
        variances[left] = (shares * squares).sum(axis=2) / sizes + _MIN_VARIANCE
        weights[left] = sizes / sizes.sum(axis=1, keepdims=True)
        likelihood = (density * is_known).sum(axis=1) / counts[left]
        is_open = np.abs(likelihood - previous[left]) >= _TOLERANCE
        previous[left] = likelihood
        left = left[is_open]
        if not len(left):
            break
    return means, _joint(numbers, means, variances, weights)


def _ends(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the greatest number of each row; infinite where there are none."""
    least = np.fmin.reduce(values, axis=1, initial=np.inf)
    return least, np.fmax.reduce(values, axis=1, initial=-np.inf)


def _joint(
    values: NDArray[np.float64],
    means: NDArray[np.float64],
    variances: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return log densities of shape (rows, 2, values) from parameters of shape (rows, 2)."""
    distances = (values[:, np.newaxis] - means[..., np.newaxis]) ** 2 / variances[..., np.newaxis]
    constant = np.log(weights) - np.log(2 * np.pi * variances) / 2
    return np.asarray(constant[..., np.newaxis] - distances / 2, dtype=np.float64)


def _bic_of_one(values: NDArray[np.float64], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """BIC of a single Gaussian, in closed form: k ln n - 2 ln L with k = 2 parameters."""
    variance = np.nanvar(values, axis=1)
    wider = variance + _MIN_VARIANCE
    likelihood = counts * np.log(2 * np.pi * wider) + counts * variance / wider
    return np.asarray(2 * np.log(counts) + likelihood, dtype=np.float64)

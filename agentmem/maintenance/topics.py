"""Which memories are about the same: Gaussian mixtures, as many as the data are worth."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Vectors

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

__all__ = ["partition"]

# Distances in 384 dimensions are all alike; what tells topics apart lies in few.
DIMENSIONS = 12
# More rows say no more about where the topics lie; those beyond a sample are assigned to them.
SAMPLE = 3000
FEWEST = 8
_NUMBERS = (1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36, 48)
# How many numbers in a row must explain less before the search for more topics ends.
_PATIENCE = 2
_SMALLEST_VARIANCE = 1e-4


def partition(vectors: Vectors) -> NDArray[np.intp]:
    """Return the topic of each row, numbered from 0.

    Mixtures of Gaussians with diagonal covariances are fitted over the principal components; the
    number of topics is the one with the least Bayesian information criterion (Schwarz 1978). The
    same rows in the same order give the same topics.

    Args:
        vectors: embeddings, float32 of shape (n, dimension).
    """
    if len(vectors) < FEWEST:
        return np.zeros(len(vectors), dtype=np.intp)
    reduced = _reduced(vectors)
    step = -(-len(reduced) // SAMPLE)
    best = min(_mixtures(reduced[::step]), key=lambda found: found[0])[1]
    return np.asarray(best.predict(reduced), dtype=np.intp)


def _reduced(vectors: Vectors) -> NDArray[np.float64]:
    from sklearn.decomposition import PCA

    dimensions = max(min(DIMENSIONS, len(vectors) // 6), 1)
    step = -(-len(vectors) // SAMPLE)
    axes = PCA(dimensions, svd_solver="full").fit(vectors[::step].astype(np.float64))
    return np.asarray(axes.transform(vectors.astype(np.float64)), dtype=np.float64)


def _mixtures(rows: NDArray[np.float64]) -> Iterator[tuple[float, GaussianMixture]]:
    """Mixtures of more and more components with their criterion, until more explain less."""
    from sklearn.mixture import GaussianMixture

    least, worse = np.inf, 0
    for number in _NUMBERS:
        if number * 4 > len(rows) or worse > _PATIENCE:
            return
        mixture = GaussianMixture(
            number, covariance_type="diag", reg_covar=_SMALLEST_VARIANCE, random_state=0
        )
        with warnings.catch_warnings():
            # A fit that has not converged after these steps is still compared fairly.
            warnings.simplefilter("ignore")
            mixture.fit(rows)
        criterion = float(mixture.bic(rows))
        worse = 0 if criterion < least else worse + 1
        least = min(least, criterion)
        yield criterion, mixture

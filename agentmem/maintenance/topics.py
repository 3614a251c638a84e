"""Cluster memories into topics with a Gaussian mixture, whose size is chosen by its BIC."""

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

# Principal components. In 384 dimensions all distances are similar; few tell topics apart.
DIMENSIONS = 12
# Rows that mixtures are fitted to; more move the components hardly at all.
SAMPLE = 3000
# Fewer rows are one topic.
MIN_ROWS = 8
# Numbers of components that are tried, in steps of about a third.
_COMPONENTS = (1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36, 48)
# The search ends after more than this many numbers in a row with a larger criterion.
_PATIENCE = 2
# Added to the variances, so that no component collapses onto one row.
_MIN_VARIANCE = 1e-4


def partition(vectors: Vectors) -> NDArray[np.intp]:
    """Return the topic of each row, numbered from 0.

    Gaussian mixtures with diagonal covariances are fitted to the principal components; the number
    of topics is the one with the lowest Bayesian information criterion (Schwarz 1978). The same
    rows in the same order get the same topics.

    Args:
        vectors: embeddings, float32 of shape (n, dimension).
    """
    if len(vectors) < MIN_ROWS:
        return np.zeros(len(vectors), dtype=np.intp)
    reduced = _reduce(vectors)
    step = -(-len(reduced) // SAMPLE)
    best = min(_mixtures(reduced[::step]), key=lambda result: result[0])[1]
    return np.asarray(best.predict(reduced), dtype=np.intp)


def _reduce(vectors: Vectors) -> NDArray[np.float64]:
    from sklearn.decomposition import PCA

    dimensions = max(min(DIMENSIONS, len(vectors) // 6), 1)
    step = -(-len(vectors) // SAMPLE)
    axes = PCA(dimensions, svd_solver="full").fit(vectors[::step].astype(np.float64))
    return np.asarray(axes.transform(vectors.astype(np.float64)), dtype=np.float64)


def _mixtures(rows: NDArray[np.float64]) -> Iterator[tuple[float, GaussianMixture]]:
    """Yield (criterion, mixture) for increasing numbers of components while it pays."""
    from sklearn.mixture import GaussianMixture

    lowest, worse = np.inf, 0
    for number in _COMPONENTS:
        if number * 4 > len(rows) or worse > _PATIENCE:
            return
        mixture = GaussianMixture(
            number, covariance_type="diag", reg_covar=_MIN_VARIANCE, random_state=0
        )
        with warnings.catch_warnings():
            # ConvergenceWarning: the criterion of an unfinished fit is comparable too.
            warnings.simplefilter("ignore")
            mixture.fit(rows)
        criterion = float(mixture.bic(rows))
        worse = 0 if criterion < lowest else worse + 1
        lowest = min(lowest, criterion)
        yield criterion, mixture

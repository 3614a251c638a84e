"""Learning a linear ranking: the right candidates of each question should score above the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

__all__ = ["Group", "fit_above", "fit_listwise"]

Floats = NDArray[np.float64]

# One question: features of its candidates, shape (candidates, features), and which are right.
Group = tuple[Floats, NDArray[np.bool_]]


def fit_listwise(
    groups: Sequence[Group], *, l2: float, at_least_zero: Sequence[bool] | None = None
) -> Floats:
    """Return the weights that minimise the cross entropy of a softmax over each question's scores.

    ListNet's top-one loss (Cao et al. 2007, eq. 4) with the right candidates sharing the target
    evenly, plus `l2` times the squared weights of the standardised features. Convex, so where the
    search starts does not matter. Questions without a right candidate teach nothing.

    Args:
        at_least_zero: which features may not count against a candidate.

    Returns:
        Shape (features,), for features as they are.
    """
    groups = [(features, right) for features, right in groups if right.any()]
    features = np.concatenate([features for features, _ in groups])
    target = np.concatenate([right / right.sum() for _, right in groups])
    sizes = np.array([len(right) for _, right in groups])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    spread = features.std(axis=0) + 1e-9
    standard = (features - features.mean(axis=0)) / spread
    pulled = target @ standard

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = standard @ weights
        top = np.maximum.reduceat(scores, starts)
        raised = np.exp(scores - np.repeat(top, sizes))
        total = np.add.reduceat(raised, starts)
        entropy = float((np.log(total) + top).sum() - pulled @ weights)
        slope = (raised / np.repeat(total, sizes)) @ standard - pulled
        n = len(sizes)
        return entropy / n + l2 * float(weights @ weights), slope / n + 2 * l2 * weights

    bounds = [(0.0 if bound else None, None) for bound in at_least_zero or [False] * len(spread)]
    start = np.zeros(len(spread))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x / spread, dtype=np.float64)


def fit_above(groups: Sequence[tuple[Floats, Floats, NDArray[np.bool_]]], *, l2: float) -> Floats:
    """Return the weights that best raise the right candidates above scores that are given.

    Args:
        groups: for each question the scores, shape (candidates,); features, shape (candidates,
            features); and which candidates are right, at least one.
        l2: of the squared weights, against the entropy of all questions together.
    """
    offsets = np.concatenate([scores for scores, _, _ in groups])
    features = np.concatenate([columns for _, columns, _ in groups])
    target = np.concatenate([right / right.sum() for _, _, right in groups])
    sizes = np.array([len(right) for _, _, right in groups])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = offsets + features @ weights
        top = np.maximum.reduceat(scores, starts)
        raised = np.exp(scores - np.repeat(top, sizes))
        total = np.add.reduceat(raised, starts)
        entropy = float((np.log(total) + top).sum() - target @ scores)
        slope = (raised / np.repeat(total, sizes) - target) @ features
        return entropy + l2 * float(weights @ weights), slope + 2 * l2 * weights

    found = minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x, dtype=np.float64)

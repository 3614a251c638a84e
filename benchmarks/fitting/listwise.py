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


def fit_listwise(groups: Sequence[Group], *, l2: float, growth: float = 0.5) -> Floats:
    """Return the weights by which every right candidate stands out from all wrong ones.

    Each right candidate on its own is to be told from the wrong ones: the cross entropy of a
    softmax over it and them (ListNet's top-one loss, Cao et al. 2007, eq. 4, for one relevant
    document), so that of several pieces of evidence none may lie behind for another's sake. A
    question with n right candidates counts as n to the power of `growth`. To this come `l2` times
    the squared weights of the standardised features. Convex, so where the search starts does not
    matter. Questions without a right or without a wrong candidate teach nothing.

    Args:
        growth: 0 for all questions alike, 1 for all right candidates alike.

    Returns:
        Shape (features,), for features as they are.
    """
    groups = [(features, right) for features, right in groups if right.any() and not right.all()]
    features = np.concatenate([features for features, _ in groups])
    right = np.concatenate([right for _, right in groups])
    sizes = np.array([len(right) for _, right in groups])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    asked = np.repeat(np.arange(len(sizes)), sizes)
    spread = features.std(axis=0) + 1e-9
    standard = (features - features.mean(axis=0)) / spread
    of, each = asked[right], np.add.reduceat(right.astype(np.float64), starts)
    counts = each[of] ** (growth - 1) / len(sizes)

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = standard @ weights
        top = np.maximum.reduceat(scores, starts)
        raised = np.exp(scores - top[asked]) * ~right
        wrong = np.add.reduceat(raised, starts)
        ahead = np.log(wrong + 1e-300)[of] + top[of] - scores[right]
        pull = counts / (1 + np.exp(-ahead))
        push = raised * (np.bincount(of, pull, minlength=len(sizes)) / (wrong + 1e-300))[asked]
        push[right] -= pull
        value = float(counts @ np.logaddexp(0, ahead)) + l2 * float(weights @ weights)
        return value, push @ standard + 2 * l2 * weights

    found = minimize(loss, np.zeros(len(spread)), jac=True, method="L-BFGS-B")
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

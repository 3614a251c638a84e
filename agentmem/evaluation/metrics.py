"""Metrics of rankings and of confidences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

__all__ = ["auroc", "cutoffs", "mean_by_name", "ndcg", "ranking_scores", "recall_all", "recall_any"]

# LongMemEval reports 1 to 10, and 30 and 50 for searches that return that many.
_CUTOFFS = (1, 3, 5, 10, 30, 50)


def cutoffs(k: int) -> tuple[int, ...]:
    """Return the ranks at which a search for `k` memories is judged, `k` among them.

    >>> cutoffs(4)
    (1, 3, 4)
    """
    return tuple(sorted({c for c in _CUTOFFS if c < k} | {k}))


def recall_all(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Return 1.0 if every relevant id is among the first `k`, else 0.0."""
    return float(set(relevant) <= set(ranked[:k]))


def recall_any(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Return 1.0 if any relevant id is among the first `k`, else 0.0."""
    return float(not set(relevant).isdisjoint(ranked[:k]))


def ndcg(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Return the normalized discounted cumulated gain of the first `k`, in [0, 1].

    In the form of Järvelin and Kekäläinen (Cumulated gain-based evaluation of IR techniques,
    ACM TOIS 20(4), 2002) with base 2, which LongMemEval and MemGAS use: the first two ranks are
    not discounted, the gain at rank i >= 2 is divided by log2 i. The divisor is the gain of the
    ideal ranking, which has all relevant ids first.

    Args:
        ranked: ids, best first, each at most once.
        relevant: at least one id; each has a gain of 1.

    >>> ndcg(["a", "x", "b"], {"a", "b"}, 2)
    0.5
    """
    gains = set(relevant)
    discounts = 1.0 / np.log2(np.maximum(np.arange(1, k + 1), 2))
    gained = sum(float(d) for d, name in zip(discounts, ranked, strict=False) if name in gains)
    return gained / float(discounts[: len(gains)].sum())


def ranking_scores(
    ranked: Sequence[str], relevant: Collection[str], ks: Iterable[int]
) -> dict[str, float]:
    """Return every ranking metric at every cutoff, by names such as `recall_all@5`, in [0, 1]."""
    metrics = {"recall_all": recall_all, "recall_any": recall_any, "ndcg": ndcg}
    ks = tuple(ks)
    return {f"{n}@{k}": score(ranked, relevant, k) for n, score in metrics.items() for k in ks}


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float | None:
    """Return how often a positive is above a negative, in [0, 1]; a tie counts one half.

    This is the area under the receiver operating characteristic; None if a kind is missing.
    """
    if not positives or not negatives:
        return None
    from sklearn.metrics import roc_auc_score

    truth = [1] * len(positives) + [0] * len(negatives)
    return float(roc_auc_score(truth, [*positives, *negatives]))


def mean_by_name(scores: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of every metric over the questions that have it."""
    values: dict[str, list[float]] = {}
    for row in scores:
        for name, value in row.items():
            values.setdefault(name, []).append(value)
    return {name: float(np.mean(column)) for name, column in values.items()}

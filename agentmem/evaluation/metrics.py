"""How good a ranking, and a confidence, is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

__all__ = ["CUTOFFS", "auroc", "cutoffs", "mean_by_name", "ndcg", "ranking_scores", "recall_all",
           "recall_any"]  # fmt: skip

# Those of issue and literature; the last two only where that many memories are asked for.
CUTOFFS = (1, 3, 5, 10, 30, 50)


def cutoffs(k: int) -> tuple[int, ...]:
    """Return the ranks at which a search for `k` memories is judged; `k` is always among them."""
    return tuple(sorted({c for c in CUTOFFS if c < k} | {k}))


def recall_all(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Return 1.0 if every relevant id is among the first `k`, else 0.0."""
    return float(set(relevant) <= set(ranked[:k]))


def recall_any(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Return 1.0 if any relevant id is among the first `k`, else 0.0."""
    return float(not set(relevant).isdisjoint(ranked[:k]))


def ndcg(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Return the normalised discounted cumulated gain of the first `k`, in [0, 1].

    In the form of Järvelin and Kekäläinen (Cumulated gain-based evaluation of IR techniques,
    ACM TOIS 20(4), 2002) with base 2, which LongMemEval and MemGAS use: the first two ranks are
    not discounted, the gain at rank i >= 2 is divided by log2 i. The ideal ranking, whose gain
    is the divisor, has all relevant ids first.

    Args:
        ranked: ids, best first, each at most once.
        relevant: at least one id; each has the gain 1.
    """
    wanted = set(relevant)
    discounts = 1.0 / np.log2(np.maximum(np.arange(1, k + 1), 2))
    gained = sum(float(d) for d, name in zip(discounts, ranked, strict=False) if name in wanted)
    return gained / float(discounts[: len(wanted)].sum())


def ranking_scores(
    ranked: Sequence[str], relevant: Collection[str], ks: Iterable[int]
) -> dict[str, float]:
    """Return every metric at every cutoff, named such as `recall_all@5`, in [0, 1]."""
    metrics = {"recall_all": recall_all, "recall_any": recall_any, "ndcg": ndcg}
    ks = tuple(ks)
    return {f"{n}@{k}": score(ranked, relevant, k) for n, score in metrics.items() for k in ks}


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float | None:
    """Return how often a positive lies above a negative, ties counted half, in [0, 1].

    The area under the receiver operating characteristic; None where either kind is missing.
    """
    if not positives or not negatives:
        return None
    from sklearn.metrics import roc_auc_score

    truth = [1] * len(positives) + [0] * len(negatives)
    return float(roc_auc_score(truth, [*positives, *negatives]))


def mean_by_name(scores: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of every metric over the questions that have it."""
    gathered: dict[str, list[float]] = {}
    for row in scores:
        for name, value in row.items():
            gathered.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in gathered.items()}

"""Entropy decides how far each granularity is trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agentmem_stores import Granularity, InvalidInputError

__all__ = ["Routing", "normalized_entropy", "route"]


@dataclass(frozen=True)
class Routing:
    """How a query was routed.

    Attributes:
        weights: share of trust of each granularity; not negative, sum 1 (empty when nothing
            was compared).
        entropies: normalised entropy of each granularity's relevance distribution, in [0, 1];
            0 is certain of one memory, 1 is undecided between all.
    """

    weights: Mapping[Granularity, float]
    entropies: Mapping[Granularity, float]


def normalized_entropy(similarities: ArrayLike, temperature: float = 0.05) -> float:
    """Return H / ln n of the softmax over n similarities, in [0, 1].

    MemGAS (arXiv 2505.19549, eq. 6-7) takes H in nats and weighs by 1 - H, which is negative
    for H > 1; dividing by ln n, the entropy of knowing nothing, keeps weights in [0, 1].
    One candidate or none decides nothing and counts as 1. Values that are not finite are left
    out.

    Raises:
        InvalidInputError: the temperature is not above 0.
    """
    if not temperature > 0:
        raise InvalidInputError(f"temperature={temperature} must be above 0")
    values = np.asarray(similarities, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return 1.0
    with np.errstate(over="ignore", under="ignore"):
        logits = np.maximum((values - values.max()) / temperature, -745.0)
        p = np.exp(logits)
    p /= p.sum()
    entropy = -np.sum(p * np.log(p, where=p > 0, out=np.zeros_like(p)))
    return float(np.clip(entropy / np.log(len(values)), 0.0, 1.0))


def route(
    similarities: Mapping[Granularity, Sequence[float] | ArrayLike], temperature: float = 0.05
) -> Routing:
    """Weigh granularities by their certainty, 1 - H / ln n, so that the surest counts most.

    Args:
        similarities: per granularity, the query's cosine similarity to its candidates.
        temperature: of the softmax; lower makes small differences decisive.
    """
    entropies = {g: normalized_entropy(s, temperature) for g, s in similarities.items()}
    certainties = {g: 1 - h for g, h in entropies.items()}
    total = sum(certainties.values())
    if total <= 0:
        weights = {g: 1 / len(certainties) for g in certainties}
    else:
        weights = {g: c / total for g, c in certainties.items()}
    return Routing(weights=weights, entropies=entropies)

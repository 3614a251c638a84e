"""Entropy routing: the more certain a granularity is of its answer, the more it is trusted."""

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
        weights: trust in each granularity; not negative, with sum 1; empty if nothing was compared.
        entropies: normalized entropy of the similarities of each granularity, in [0, 1]: 0 if one
            memory stands out, 1 if all are alike.
    """

    weights: Mapping[Granularity, float]
    entropies: Mapping[Granularity, float]


def normalized_entropy(similarities: ArrayLike, temperature: float = 0.05) -> float:
    """Return H / ln n of the softmax over n similarities, in [0, 1].

    MemGAS (arXiv 2505.19549, eq. 6-7) takes H in nats and weights by 1 - H, which is negative for
    H > 1; dividing by ln n, the entropy of a uniform distribution, keeps weights in [0, 1].

    Args:
        similarities: cosines, shape (n,); values that are not finite are left out. Fewer than two
            have an entropy of 1.
        temperature: of the softmax; lower values make small differences count.

    Raises:
        InvalidInputError: the temperature is not above 0.

    Example:
        >>> round(normalized_entropy([0.9, 0.1, 0.1]), 3), normalized_entropy([0.5, 0.5])
        (0.0, 1.0)
    """
    if not temperature > 0:
        raise InvalidInputError(f"temperature={temperature} must be > 0")
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
    """Weight granularities by their certainty, 1 - H / ln n.

    Args:
        similarities: for each granularity, the cosines of its candidates to the query.
        temperature: of the softmax; see `normalized_entropy`.

    Raises:
        InvalidInputError: the temperature is not above 0.

    Example:
        >>> from agentmem_stores import Granularity
        >>> routing = route({Granularity.TURN: [0.9, 0.1], Granularity.SUMMARY: [0.5, 0.5]})
        >>> {granularity.value: weight for granularity, weight in routing.weights.items()}
        {'turn': 1.0, 'summary': 0.0}
    """
    entropies = {g: normalized_entropy(s, temperature) for g, s in similarities.items()}
    certainties = {g: 1 - h for g, h in entropies.items()}
    total = sum(certainties.values())
    if total <= 0:
        weights = {g: 1 / len(certainties) for g in certainties}
    else:
        weights = {g: c / total for g, c in certainties.items()}
    return Routing(weights=weights, entropies=entropies)

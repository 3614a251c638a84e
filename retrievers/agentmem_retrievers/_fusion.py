"""Scores of several channels become one: every part is a share that explains itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._router import Routing

__all__ = ["FusionWeights", "scaled"]

Column = NDArray[np.float64]


@dataclass(frozen=True)
class FusionWeights:
    """How much each part counts; scores are scaled to [0, 1] before they are weighed."""

    dense: float = 1.0
    lexical: float = 1.0
    session: float = 0.5
    neighbours: float = 0.5
    graph: float = 0.1
    retention: float = 0.05


def scaled(values: Column) -> Column:
    """Min-max scale to [0, 1]; all zeros where nothing differs."""
    if not len(values):
        return values
    low, high = values.min(), values.max()
    if high - low < 1e-12:
        return np.zeros_like(values)
    return (values - low) / (high - low)

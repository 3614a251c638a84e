"""Which sessions answer: judged by their turns and by what was derived from them."""

from __future__ import annotations

import numpy as np

from agentmem_stores import Granularity

from ._channels import Channels
from ._index import ScopeIndex
from ._table import Rows
from ._wording import Features, Floats

__all__ = ["session_features"]


def session_features(
    index: ScopeIndex, channels: Channels, rows: Rows, scores: Floats
) -> tuple[Rows, Features]:
    """Return the sessions of the ranked turns, as numbers, and features of each.

    Args:
        rows: rows of the turn table, with their `scores`.
    """
    session = index.tables[Granularity.TURN].column("session")[rows].astype(np.intp)
    numbers, place = np.unique(session, return_inverse=True)
    behind = np.maximum(scores - scores.max(initial=-np.inf), -12.0)
    share = np.exp(behind)
    features: Features = {
        "turns.best": _best(place, behind, len(numbers)),
        "turns.second": _second(place, behind, len(numbers)),
        "turns.mass": np.log(np.bincount(place, weights=share) / share.sum() + 1e-4),
        "turns.mass_flat": np.log(np.bincount(place, weights=share**0.5) + 1e-4),
    }
    for granularity, channel in channels.all().items():
        if granularity is not Granularity.TURN and len(channel.rows):
            of = index.tables[granularity].column("session")[channel.rows]
            mine = of[np.newaxis, :] == numbers[:, np.newaxis]
            similar = np.where(mine, channel.similarities, channel.least()).max(axis=1)
            trust = channels.routing.weights[granularity]
            features[f"{granularity.value}.routed"] = trust * _relative(similar)
    return numbers, features


def _best(place: Rows, values: Floats, n: int) -> Floats:
    best = np.full(n, -12.0)
    np.maximum.at(best, place, values)
    return best


def _second(place: Rows, values: Floats, n: int) -> Floats:
    """The second best of each group; the least value where a group has one member only."""
    order = np.lexsort((-values, place))
    ordered = place[order]
    second = np.full(n, -12.0)
    is_second = np.zeros(len(order), dtype=bool)
    is_second[1:] = ordered[1:] == ordered[:-1]
    is_second[2:] &= ordered[2:] != ordered[:-2]
    second[ordered[is_second]] = values[order[is_second]]
    return second


def _relative(similarities: Floats) -> Floats:
    """Min-max scale to [0, 1]; zeros where nothing differs."""
    low, high = similarities.min(initial=1.0), similarities.max(initial=-1.0)
    return np.asarray((similarities - low) / max(high - low, 1e-9), dtype=np.float64)

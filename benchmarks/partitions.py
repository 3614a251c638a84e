"""How evenly owners spread over a store's partitions, simulated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agentmem_stores import InvalidInputError

__all__ = ["Spread", "spread"]

# Some owners talk a hundred times as much as others: the logarithm's standard deviation.
UNEVEN = 1.5


@dataclass(frozen=True)
class Spread:
    """Memories in the partitions of one granularity.

    Attributes:
        mean, largest: of the partitions.
        largest_owner: how many the owner with the most has.
        foreign: of the memories in the partition of a middling owner, the share of others; a
            query of a large scope asks the index for so many more.
    """

    mean: float
    largest: int
    largest_owner: int
    foreign: float


def spread(*, owners: int, memories: int, partitions: int, seed: int = 0) -> Spread:
    """Draw owners' sizes (log-normal, of the given mean) and put each into a partition by hash.

    Args:
        owners: how many.
        memories: the mean number of memories of an owner.
        partitions: how many collections there are.

    Raises:
        InvalidInputError: a number is below 1.
    """
    if min(owners, memories, partitions) < 1:
        raise InvalidInputError("owners, memories and partitions must be at least 1")
    rng = np.random.default_rng(seed)
    sizes = rng.lognormal(np.log(memories) - UNEVEN**2 / 2, UNEVEN, owners).round()
    place = rng.integers(0, partitions, owners)
    held = np.bincount(place, weights=sizes, minlength=partitions)
    middling = int(np.argsort(sizes)[owners // 2])
    beside = held[place[middling]]
    return Spread(
        mean=float(held.mean()),
        largest=int(held.max()),
        largest_owner=int(sizes.max()),
        foreign=float(1 - sizes[middling] / max(beside, 1)),
    )

"""Simulate how evenly owners spread over a store's partitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agentmem_stores import InvalidInputError

__all__ = ["PartitionSizes", "simulate_partitions"]

# Standard deviation of the logarithm of an owner's size: the top 0.1 % of the owners have a
# hundred times as many memories as the median.
_SIGMA = 1.5


@dataclass(frozen=True)
class PartitionSizes:
    """Memories in the partitions of one granularity.

    Attributes:
        mean, largest: of the partitions.
        largest_owner: memories of the owner with the most.
        foreign: share of the memories in a median owner's partition that belong to others; a
            query of a large scope asks the index for so many more.
    """

    mean: float
    largest: int
    largest_owner: int
    foreign: float


def simulate_partitions(
    *, owners: int, memories: int, partitions: int, seed: int = 0
) -> PartitionSizes:
    """Draw log-normal sizes of owners, and put each owner into a random partition.

    Args:
        owners: number of owners.
        memories: mean number of memories of an owner.
        partitions: number of collections.
        seed: random seed.

    Raises:
        InvalidInputError: a number is below 1.
    """
    if min(owners, memories, partitions) < 1:
        raise InvalidInputError("owners, memories and partitions must be >= 1")
    rng = np.random.default_rng(seed)
    sizes = rng.lognormal(np.log(memories) - _SIGMA**2 / 2, _SIGMA, owners).round()
    partition_of = rng.integers(0, partitions, owners)
    totals = np.bincount(partition_of, weights=sizes, minlength=partitions)
    median = int(np.argsort(sizes)[owners // 2])
    return PartitionSizes(
        mean=float(totals.mean()),
        largest=int(totals.max()),
        largest_owner=int(sizes.max()),
        foreign=float(1 - sizes[median] / max(totals[partition_of[median]], 1)),
    )

"""Ebbinghaus's forgetting curve and its parameters."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentmem_stores import InvalidInputError, Memory

__all__ = [
    "PINNED",
    "SECONDS_PER_DAY",
    "ForgettingCurve",
    "elapsed_days",
    "is_pinned",
    "rest_days",
    "retention",
]

Floats = NDArray[np.float64]

SECONDS_PER_DAY = 86_400.0

# Key in the metadata of memories that never fade.
PINNED = "pinned"
# Metadata of a memory whose strength an importance has raised: that importance, in [0, 1].
IMPORTANCE = "weighted_importance"


def is_pinned(memory: Memory) -> bool:
    """Return whether a memory is pinned, so that its retention stays 1."""
    return memory.metadata.get(PINNED) is True


def retention(elapsed_days: ArrayLike, strength: ArrayLike) -> Floats:
    """Return R = exp(-t/S) (Ebbinghaus 1885; MemoryBank, arXiv 2305.10250, section 2.3).

    Args:
        elapsed_days: t, since a memory was last recalled or said; negative counts as 0.
        strength: S, in days, above 0.

    Returns:
        In [0, 1], of the arguments' common shape.
    """
    with np.errstate(over="ignore", under="ignore"):
        elapsed = np.maximum(elapsed_days, 0.0)
        return np.asarray(np.exp(-elapsed / np.asarray(strength)), dtype=np.float64)


def elapsed_days(said_at: ArrayLike, recalled_at: ArrayLike, now: float) -> Floats:
    """Return the days since memories were last recalled or said; 0 for what lies after `now`.

    Args:
        said_at, recalled_at, now: seconds since 1970; `recalled_at` is NaN where never recalled.
    """
    start, recall = np.asarray(said_at), np.asarray(recalled_at)
    since = np.where((recall > start) & (recall <= now), recall, start)
    return np.asarray(np.maximum(now - since, 0.0) / SECONDS_PER_DAY)


def rest_days(memory: Memory, now: datetime) -> float:
    """Return the days since one memory was last recalled or said; see `elapsed_days`."""
    recalled_at = memory.last_recalled_at
    recalled = math.nan if recalled_at is None else recalled_at.timestamp()
    return float(elapsed_days(memory.said_at.timestamp(), recalled, now.timestamp()))


def _number(name: str, value: Any) -> float:
    """Return a real number as a float.

    Raises:
        InvalidInputError: it is something else, or too large.
    """
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    raise InvalidInputError(f"{name}={value!r:.80} must be a number")


@dataclass(frozen=True)
class ForgettingCurve:
    """How memories fade, and how recalls strengthen them. Times and strengths are in days.

    Attributes:
        base_days: initial strength of a memory of average surprise (0.5).
        importance_gain: an importance of 1 multiplies the initial strength by 1 plus this.
        recall_gain: a recall multiplies the strength by 1 plus this at most.
        max_days: upper bound of every strength.
        archive_below: `sweep` archives memories whose retention is below this.

    Raises:
        InvalidInputError: a parameter is out of range.

    Example:
        >>> curve = ForgettingCurve(base_days=10)
        >>> round(curve.retention(elapsed_days=7, strength=10), 3)
        0.497
    """

    base_days: float = 30.0
    importance_gain: float = 4.0
    recall_gain: float = 1.5
    max_days: float = 3650.0
    archive_below: float = 0.05

    def __post_init__(self) -> None:
        for parameter in fields(self):
            value = _number(parameter.name, getattr(self, parameter.name))
            object.__setattr__(self, parameter.name, value)
        if not (0 < self.base_days <= self.max_days < math.inf):
            raise InvalidInputError(
                f"base_days={self.base_days} and max_days={self.max_days} must satisfy "
                "0 < base_days <= max_days < inf"
            )
        if not (0 <= self.importance_gain < math.inf and 0 <= self.recall_gain < math.inf):
            raise InvalidInputError("importance_gain and recall_gain must be finite and >= 0")
        if not 0 <= self.archive_below < 1:
            raise InvalidInputError(f"archive_below={self.archive_below} must be in [0, 1)")

    def initial_strength(self, surprise: float, importance: float = 0.0) -> float:
        """Return the strength in days of a new memory.

        S0 = base_days (0.5 + surprise) (1 + importance_gain importance): surprising things are
        remembered better (after Titans, arXiv 2501.00663, section 3.1).

        Args:
            surprise: 1 - the greatest cosine to a known memory, in [0, 1].
            importance: in [0, 1].

        Raises:
            InvalidInputError: an argument is outside [0, 1].
        """
        for name, value in (("surprise", surprise), ("importance", importance)):
            if not 0 <= _number(name, value) <= 1:
                raise InvalidInputError(f"{name}={value} must be in [0, 1]")
        days = self.base_days * (0.5 + surprise) * (1 + self.importance_gain * importance)
        return min(days, self.max_days)

    def reweighted(self, strength: float, importance: float, former: float) -> float:
        """Return the strength in days of a memory whose importance has changed.

        It is what the strength would be with this importance from the start.

        Args:
            strength: in days.
            importance: the new importance, in [0, 1].
            former: the importance that the strength comes from, in [0, 1].
        """
        gain = self.importance_gain
        return min(strength * (1 + gain * importance) / (1 + gain * former), self.max_days)

    def retention(self, elapsed_days: float, strength: float) -> float:
        """Return R = exp(-t/S), in [0, 1]; see `forgetting.retention`.

        Args:
            elapsed_days: t; negative counts as 0.
            strength: S, above 0.

        Raises:
            InvalidInputError: `elapsed_days` is NaN, or `strength` is not above 0.
        """
        elapsed_days = _number("elapsed_days", elapsed_days)
        strength = _number("strength", strength)
        if math.isnan(elapsed_days) or not strength > 0:
            raise InvalidInputError(
                f"elapsed_days={elapsed_days} must be a number and strength={strength} above 0"
            )
        return float(retention(elapsed_days, strength))

    def days_until(self, retention: float, strength: float) -> float:
        """Return t = -S ln R, the days without a recall after which the retention is R.

        Args:
            retention: R, in (0, 1].
            strength: S, above 0.

        Raises:
            InvalidInputError: an argument is out of range.

        Example:
            >>> round(ForgettingCurve().days_until(retention=0.5, strength=10), 2)
            6.93
        """
        left, days = _number("retention", retention), _number("strength", strength)
        if not (0 < left <= 1 and days > 0):
            raise InvalidInputError(
                f"retention={retention} must be in (0, 1] and strength={strength} above 0"
            )
        return -days * math.log(left)

    def strengthened(self, strength: float, rest_days: float) -> float:
        """Return the strength after a recall that followed `rest_days` of rest.

        S' = S (1 + recall_gain (1 - R)) with R the retention at the moment of recall: the more
        was forgotten, the more a recall strengthens (spacing effect; "Do Your Best and Get Enough
        Rest", arXiv 2410.15771).
        """
        forgotten = 1 - self.retention(rest_days, strength)
        return min(strength * (1 + self.recall_gain * forgotten), max(self.max_days, strength))

    def retention_of(self, memory: Memory, now: datetime) -> float:
        """Return a memory's retention at `now`; 1 for a pinned one."""
        if is_pinned(memory):
            return 1.0
        return float(retention(rest_days(memory, now), memory.strength))

    def retentions(self, memories: Sequence[Memory], now: datetime) -> list[float]:
        """Return the retention of several memories at `now`."""
        said_at, recalled_at, strength = [], [], []
        for memory in memories:
            last = memory.last_recalled_at
            said_at.append(memory.said_at.timestamp())
            recalled_at.append(math.nan if last is None else last.timestamp())
            strength.append(memory.strength)
        values: list[float] = retention(
            elapsed_days(said_at, recalled_at, now.timestamp()), strength
        ).tolist()
        return [1.0 if is_pinned(m) else v for m, v in zip(memories, values, strict=True)]

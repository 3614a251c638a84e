"""Ebbinghaus's forgetting curve, and every parameter of forgetting in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from agentmem_stores import InvalidInputError, Memory

__all__ = ["ForgettingCurve", "rest_days"]

_DAY = 86_400.0


@dataclass(frozen=True)
class ForgettingCurve:
    """How memories fade and what recalling does to them. Times and strengths are in days.

    Attributes:
        base_days: the initial strength of a memory of middling surprise (0.5).
        importance_gain: how many times stronger an importance of 1 makes the first strength,
            above an importance of 0.
        recall_gain: the most that one recall adds, as a multiple of the strength it finds.
        max_days: no memory grows stronger than this.
        archive_below: the retention under which `sweep` archives.

    Raises:
        InvalidInputError: a parameter is out of its range.
    """

    base_days: float = 30.0
    importance_gain: float = 4.0
    recall_gain: float = 1.5
    max_days: float = 3650.0
    archive_below: float = 0.05

    def __post_init__(self) -> None:
        if not (0 < self.base_days <= self.max_days < math.inf):
            raise InvalidInputError("0 < base_days <= max_days must hold, both finite")
        if not (0 <= self.importance_gain < math.inf and 0 <= self.recall_gain < math.inf):
            raise InvalidInputError("importance_gain and recall_gain must be finite, from 0 up")
        if not 0 <= self.archive_below < 1:
            raise InvalidInputError(f"archive_below={self.archive_below} must be in [0, 1)")

    def initial_strength(self, surprise: float, importance: float = 0.0) -> float:
        """Return the strength in days at which something is first remembered.

        What is unlike anything known is remembered better (surprise, after Titans, arXiv
        2501.00663, section 3.1): S0 = base_days (0.5 + surprise) (1 + importance_gain importance).

        Args:
            surprise: 1 - the greatest cosine similarity to a known memory, in [0, 1].
            importance: how much it matters, in [0, 1].

        Raises:
            InvalidInputError: an argument is outside [0, 1].
        """
        for name, value in (("surprise", surprise), ("importance", importance)):
            if not 0 <= value <= 1:
                raise InvalidInputError(f"{name}={value} must be in [0, 1]")
        days = self.base_days * (0.5 + surprise) * (1 + self.importance_gain * importance)
        return min(days, self.max_days)

    def retention(self, elapsed_days: float, strength: float) -> float:
        """Return R = exp(-t/S), in [0, 1] (Ebbinghaus 1885; MemoryBank, arXiv 2305.10250, 2.3).

        Args:
            elapsed_days: t, since the last recall or since it was said; negative counts as 0.
            strength: S, in days, above 0.

        Raises:
            InvalidInputError: an argument is not a number, or the strength not above 0.
        """
        if math.isnan(elapsed_days) or not strength > 0:
            raise InvalidInputError(
                f"elapsed_days={elapsed_days} must be a number and strength={strength} above 0"
            )
        return math.exp(-max(elapsed_days, 0.0) / strength)

    def strengthened(self, strength: float, rest_days: float) -> float:
        """Return the strength after a recall that followed `rest_days` of rest.

        The more was forgotten meanwhile, the more a recall strengthens (spacing effect; "Do Your
        Best and Get Enough Rest", arXiv 2410.15771): S' = S (1 + recall_gain (1 - R)), with R the
        retention at the moment of recall.
        """
        forgotten = 1 - self.retention(rest_days, strength)
        return min(strength * (1 + self.recall_gain * forgotten), max(self.max_days, strength))

    def retention_of(self, memory: Memory, now: datetime) -> float:
        """Return a memory's retention at `now`, from its last recall or from when it was said."""
        return self.retention(rest_days(memory, now), memory.strength)


def rest_days(memory: Memory, now: datetime) -> float:
    """Days since the memory was last recalled, or said; 0 for what lies after `now`."""
    since = memory.said_at
    if memory.last_recalled_at is not None and since < memory.last_recalled_at <= now:
        since = memory.last_recalled_at
    return max((now - since).total_seconds() / _DAY, 0.0)

"""Learned weights turn features into one score, and say what each part contributed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.table import Rows
from agentmem_stores import InvalidInputError

__all__ = ["PARTS", "Ranking", "SearchSettings", "Weights", "part_of", "weighed"]

# What a search can do without, one at a time: see `agentmem eval --ablate`.
PARTS = (
    "turn",
    "session",
    "lexical",
    "soft",
    "late",
    "context",
    "time",
    "windows",
    "manner",
    "second",
    "expansion",
    "router",
    "retention",
    "learned",
    "currency",
)

# What of a part can be left out alone.
_ASPECTS = {
    "second.expanded": "expansion",
    "second.late": "late",
}

Floats = NDArray[np.float64]
Features = Mapping[str, Floats]


def part_of(feature: str) -> str:
    """The part that a feature belongs to: what stands before the dot of its name."""
    return feature.partition(".")[0]


@dataclass(frozen=True)
class SearchSettings:
    """What a search does.

    Attributes:
        candidates: how many nearest memories of each granularity are compared.
        retention: how much a retention of 1 adds to a score, above one of 0.
        routed: rank sessions by their passages, summaries and keywords too, as far as the router
            trusts each; by their turns alone they are found as well or better, so it is off.
        associated: let threads follow associations too, not only what memories say of one
            another, which alone leads as far or farther, so it is off.
        off: parts that are left out, of `PARTS`.

    Raises:
        InvalidInputError: a part does not exist, or a number is out of range.
    """

    candidates: int = 100
    retention: float = 0.3
    routed: bool = False
    associated: bool = False
    off: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        unknown = sorted(self.off - set(PARTS))
        if unknown:
            raise InvalidInputError(f"off={unknown} are no parts of a search; there are {PARTS}")
        if self.candidates < 1 or not self.retention >= 0:
            raise InvalidInputError("candidates must be at least 1 and retention not negative")


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(files(__package__).joinpath("weights.json").read_text())
    return content


@dataclass(frozen=True)
class Weights:
    """How much each feature counts: a linear model, learned as `weights.json` says.

    Attributes:
        first: weights of `TurnFeatures`.
        second: weights of `second_round`.
        session: weights of `session_features`.
        confidence: weights of `confidence_features`, of a logistic model.
        learned: weights of what the scope's own citations say, see `Learning`.
        without_words: those for when late interaction has nothing to compare, because the
            embedder does not tell words, or did not when some of the turns were written.
    """

    first: Mapping[str, float]
    second: Mapping[str, float]
    session: Mapping[str, float]
    confidence: Mapping[str, float]
    learned: Mapping[str, float] = field(default_factory=dict)
    without_words: Weights | None = None

    @classmethod
    def shipped(cls) -> Weights:
        """Return the weights that come with the package."""
        known = _shipped()
        stages = ("first", "second", "session", "confidence")
        without = {stage: known["without_words"][stage] for stage in stages}
        return cls(
            **{stage: known[stage] for stage in stages},
            learned=known["learned"],
            without_words=cls(**without, learned=known["learned"]),
        )

    def when(self, *, words: bool) -> Weights:
        """Those to be used where there are words to compare, or none."""
        return self if words or self.without_words is None else self.without_words


@dataclass(frozen=True)
class Ranking:
    """Rows of one table, best first.

    Attributes:
        rows: the rows.
        scores: of the same shape.
        parts: what each part contributed, of the same shape; they sum to the scores.
    """

    rows: Rows
    scores: Floats
    parts: Mapping[str, Floats]

    def explained(self, place: int) -> dict[str, float]:
        """What each part contributed to the score at a place."""
        return {name: float(values[place]) for name, values in self.parts.items()}


def weighed(
    features: Features, weights: Mapping[str, float], off: frozenset[str]
) -> dict[str, NDArray[np.float64]]:
    """Return what every part contributes to the score of each candidate."""
    parts: dict[str, NDArray[np.float64]] = {}
    for name, values in features.items():
        part = part_of(name)
        if part not in off and _ASPECTS.get(name) not in off:
            parts[part] = parts.get(part, 0.0) + weights.get(name, 0.0) * values
    return parts

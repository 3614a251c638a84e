"""The weights of the ranking models, and ranked rows with what each part contributed."""

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

__all__ = ["Ranking", "Weights", "part_of"]

Floats = NDArray[np.float64]

_STAGES = ("first", "second", "session", "confidence")


def part_of(feature: str) -> str:
    """Return the part that a feature belongs to: its name up to the first dot."""
    return feature.partition(".")[0]


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(files(__package__).joinpath("weights.json").read_text())
    return content


@dataclass(frozen=True)
class Weights:
    """Coefficients of the linear models, by feature.

    Attributes:
        first: of `turn_features`, for the first stage.
        second: of `second_stage_features`.
        session: of `session_features`.
        confidence: of `confidence_features`, for a logistic model.
        learned: of the features of citations; see `CitationIndex`.
        without_words: the weights to use where there are no token embeddings to compare, because
            the embedder returns none or returned none when some of the turns were written.
    """

    first: Mapping[str, float]
    second: Mapping[str, float]
    session: Mapping[str, float]
    confidence: Mapping[str, float]
    learned: Mapping[str, float] = field(default_factory=dict)
    without_words: Weights | None = None

    @classmethod
    def shipped(cls) -> Weights:
        """Return the weights that come with the package (`weights.json` says how they were fit)."""
        content = _shipped()
        without = content["without_words"]
        return cls(
            **{stage: content[stage] for stage in _STAGES},
            learned=content["learned"],
            without_words=cls(
                **{stage: without[stage] for stage in _STAGES}, learned=content["learned"]
            ),
        )


@dataclass(frozen=True)
class Ranking:
    """Rows of one table, best first.

    Attributes:
        rows: the rows.
        scores: shape of `rows`.
        parts: what each part contributed, each of the shape of `rows`; they sum to the scores.
    """

    rows: Rows
    scores: Floats
    parts: Mapping[str, Floats]

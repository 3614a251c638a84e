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

__all__ = ["Ranking", "Weights", "part_of", "shipped_content"]

Floats = NDArray[np.float64]

_STAGES = ("first", "second", "session", "confidence")


def part_of(feature: str) -> str:
    """Return the part that a feature belongs to: its name up to the first dot."""
    return feature.partition(".")[0]


@lru_cache(maxsize=1)
def shipped_content() -> dict[str, Any]:
    """Return the content of `weights.json`."""
    content: dict[str, Any] = json.loads(files(__package__).joinpath("weights.json").read_text())
    return content


@dataclass(frozen=True)
class Weights:
    """Coefficients of the linear models, by feature.

    Attributes:
        first: of `turn_features`, for the first stage.
        second: of `second_stage_features`.
        session: of `session_features`.
        confidence: of `coverage_features` and `match_features`, for a logistic model.
        learned: of the features of citations; see `CitationIndex`.
        without_words: the weights to use where there are no token embeddings to compare, because
            the embedder returns none or returned none when some of the turns were written.
        assistant: the weights to use in conversations of a user with an assistant, where speakers
            have roles but no names. Turns there are much longer, and questions name nobody.
        standardized: features of the first stage that are standardized among the candidates of a
            question, so that their weights do not depend on the length of turns.
    """

    first: Mapping[str, float]
    second: Mapping[str, float]
    session: Mapping[str, float]
    confidence: Mapping[str, float]
    learned: Mapping[str, float] = field(default_factory=dict)
    without_words: Weights | None = None
    assistant: Weights | None = None
    standardized: frozenset[str] = frozenset()

    @property
    def uses_similar_terms(self) -> bool:
        """Whether a coefficient is of a feature that compares similar terms."""
        names = (*self.first, *self.second, *self.confidence)
        return any(name.startswith("soft.") or name == "covered_softly" for name in names)

    @classmethod
    def shipped(cls) -> Weights:
        """Return the weights of the package; `weights.json` says how they were fitted."""
        return cls.from_json(shipped_content())

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Weights:
        """Return weights from the form of `weights.json`."""
        learned = content.get("learned", {})
        nested: dict[str, Any] = {}
        for name in ("without_words", "assistant"):
            if content.get(name):
                nested[name] = cls.from_json({"learned": learned, **content[name]})
        standardized = frozenset(content.get("standardized", ()))
        stages = {stage: content[stage] for stage in _STAGES}
        return cls(**stages, learned=learned, standardized=standardized, **nested)


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

    def keep(self, mask: NDArray[np.bool_]) -> Ranking:
        """Return the ranking without the rows where a mask is False."""
        parts = {name: values[mask] for name, values in self.parts.items()}
        return Ranking(self.rows[mask], self.scores[mask], parts)

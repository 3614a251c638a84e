"""Abstention: is the confidence low for questions that the conversation does not answer?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem.evaluation.cross_validation import Example, confidences, learn, with_confidence
from agentmem.evaluation.metrics import auroc
from agentmem.progress import NullProgress, Progress

__all__ = ["Abstention", "Bin", "measure_abstention", "reliability"]

# Equally wide bins of the calibration error.
_BINS = 10
# Values of `abstain_below` that the report shows.
_THRESHOLDS = (0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class Bin:
    """The questions whose confidence is in one tenth of the scale.

    Attributes:
        confidence: mean, in [0, 1].
        answered: share of the questions that have an answer, in [0, 1].
    """

    questions: int
    confidence: float
    answered: float


@dataclass(frozen=True)
class Abstention:
    """How well the confidence separates questions with an answer from those without.

    Attributes:
        own, strange: number of questions about the conversation and about another one.
        auroc: how often a question of the former kind has the higher confidence, in [0, 1].
        ece: expected calibration error, in [0, 1].
        bins: what the error is the mean of, without empty ones.
        thresholds: by value of `abstain_below`, the shares of own and of strange questions below.
    """

    own: int
    strange: int
    auroc: float
    ece: float
    bins: tuple[Bin, ...]
    thresholds: Mapping[str, tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        """Return the results as JSON values."""
        return asdict(self)


def measure_abstention(known: Sequence[Example], *, progress: Progress | None = None) -> Abstention:
    """Judge each conversation's confidences by weights learned from all others."""
    reporter = progress or NullProgress()
    dialogues = list(dict.fromkeys(e.dialogue for e in known if not e.drill))
    reporter.expect("judging", len(dialogues))
    values: list[float] = []
    own: list[bool] = []
    for left_out in dialogues:
        others = [e for e in known if e.dialogue != left_out]
        judged = [e for e in known if e.dialogue == left_out]
        values += confidences(judged, with_confidence(learn(others), others))
        own += [bool(e.turns) for e in judged]
        reporter.advance("judging", 1)
    return _summarize(np.array(values), np.array(own, dtype=np.bool_))


def _summarize(confidence: NDArray[np.float64], own: NDArray[np.bool_]) -> Abstention:
    bins = reliability(confidence, own)
    error = sum(b.questions * abs(b.confidence - b.answered) for b in bins)
    return Abstention(
        own=int(own.sum()),
        strange=int((~own).sum()),
        auroc=auroc(confidence[own].tolist(), confidence[~own].tolist()) or 0.0,
        ece=float(error / max(len(confidence), 1)),
        bins=tuple(bins),
        thresholds={
            f"{t:.1f}": (float((confidence[own] < t).mean()), float((confidence[~own] < t).mean()))
            for t in _THRESHOLDS
            if own.any() and not own.all()
        },
    )


def reliability(confidence: NDArray[np.float64], own: NDArray[np.bool_]) -> list[Bin]:
    """Compare confidence and accuracy, tenth by tenth (Guo et al. 2017, section 2).

    Args:
        confidence: in [0, 1], shape (n,).
        own: which of the questions have an answer, shape (n,).
    """
    tenth = np.minimum((confidence * _BINS).astype(np.intp), _BINS - 1)
    return [
        Bin(int(mask.sum()), float(confidence[mask].mean()), float(own[mask].mean()))
        for mask in (tenth == b for b in range(_BINS))
        if mask.any()
    ]

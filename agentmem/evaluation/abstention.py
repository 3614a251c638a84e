"""Knowing what was never said: is the confidence worth what it says?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agentmem.evaluation.metrics import auroc
from agentmem.evaluation.tasks import NullProgress, Progress
from benchmarks.fitting.fit import Example, confidences, learn, with_confidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Abstention", "Bin", "abstain", "abstention_json", "plot_abstention", "reliability"]

BINS = 10


@dataclass(frozen=True)
class Bin:
    """The questions of one tenth of the scale: their mean confidence, and how many had answers.

    Attributes:
        confidence, answered: means, in [0, 1].
    """

    questions: int
    confidence: float
    answered: float


@dataclass(frozen=True)
class Abstention:
    """How well the confidence tells questions with an answer from those of another conversation.

    Attributes:
        own, strange: how many questions were asked of their own and of another conversation.
        auroc: how often one of their own is the surer, in [0, 1].
        ece: expected calibration error over tenths of the scale, in [0, 1].
        bins: what the error is the mean of, without empty ones.
        thresholds: for thresholds of `abstain_below`, the shares of own and of strange questions
            that are not answered.
    """

    own: int
    strange: int
    auroc: float
    ece: float
    bins: tuple[Bin, ...]
    thresholds: Mapping[str, tuple[float, float]]


def abstain(known: Sequence[Example], *, progress: Progress | None = None) -> Abstention:
    """Judge every conversation's confidence by weights that were learned from the others alone."""
    heard = progress or NullProgress()
    dialogues = list(dict.fromkeys(e.dialogue for e in known if not e.drill))
    heard.expect("judging", len(dialogues))
    sure: list[float] = []
    own: list[bool] = []
    for held_out in dialogues:
        others = [e for e in known if e.dialogue != held_out]
        mine = [e for e in known if e.dialogue == held_out]
        sure += confidences(mine, with_confidence(learn(others), others))
        own += [bool(e.turns) for e in mine]
        heard.advance("judging", 1)
    return _judged(np.array(sure), np.array(own, dtype=np.bool_))


def _judged(sure: NDArray[np.float64], own: NDArray[np.bool_]) -> Abstention:
    bins = reliability(sure, own)
    error = sum(b.questions * abs(b.confidence - b.answered) for b in bins) / max(len(sure), 1)
    return Abstention(
        own=int(own.sum()),
        strange=int((~own).sum()),
        auroc=auroc(sure[own].tolist(), sure[~own].tolist()) or 0.0,
        ece=float(error),
        bins=tuple(bins),
        thresholds={
            f"{t:.1f}": (float((sure[own] < t).mean()), float((sure[~own] < t).mean()))
            for t in (0.1, 0.2, 0.3, 0.5)
            if own.any() and not own.all()
        },
    )


def reliability(sure: NDArray[np.float64], own: NDArray[np.bool_]) -> list[Bin]:
    """Compare what is said with what is so, tenth by tenth (Guo et al. 2017, section 2).

    Args:
        sure: confidences in [0, 1], shape (n,).
        own: which of the questions have an answer, shape (n,).
    """
    tenth = np.minimum((sure * BINS).astype(np.intp), BINS - 1)
    return [
        Bin(int(here.sum()), float(sure[here].mean()), float(own[here].mean()))
        for here in (tenth == b for b in range(BINS))
        if here.any()
    ]


def abstention_json(found: Abstention) -> dict[str, Any]:
    """Everything in what JSON can hold."""
    return asdict(found)


def plot_abstention(found: Abstention, out: str | PathLike[str]) -> Path:
    """Draw how many questions had an answer, against how likely that was said to be.

    Raises:
        InvalidInputError, MissingExtraError, StoreUnavailableError: as `plot_report`.
    """
    from agentmem.plots import _figure, _picture, _save

    path = _picture(out)
    figure = _figure(5.2, 5.2)
    axes: Axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#9aa1ab", linewidth=1.0, linestyle="--", label="calibrated")
    said, so = [b.confidence for b in found.bins], [b.answered for b in found.bins]
    axes.plot(said, so, color="#0072b2", marker="o", label=f"ECE {found.ece:.3f}")
    for b in found.bins:
        axes.annotate(
            str(b.questions), (b.confidence, b.answered), textcoords="offset points",
            xytext=(6, -10), fontsize=7.5,
        )  # fmt: skip
    axes.set_xlabel("confidence")
    axes.set_ylabel("share of questions with an answer")
    axes.set_title(f"AUROC {found.auroc:.3f}, {found.own} own and {found.strange} strange")
    axes.legend(frameon=False)
    return _save(figure, path)

"""Why a search found a memory: the parts of its score, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Reason", "reasons"]

# What each group of features measures, in words for users of the page.
_LABELS: Mapping[str, tuple[str, str]] = {
    "lexical": ("Shared words", "Words of the question occur in the memory."),
    "exact": ("Exact names and numbers", "It repeats a name, number or code letter by letter."),
    "soft": ("Similar words", "It uses words of a similar meaning."),
    "turn": ("Overall meaning", "The message as a whole means something similar."),
    "late": ("Meaning word by word", "Each word of the question finds a close one here."),
    "context": ("Messages around it", "What was said just before and after fits."),
    "session": ("The conversation", "The whole conversation fits."),
    "time": ("Time", "It speaks of the time that the question names."),
    "manner": ("Way of saying", "It states something, rather than asks."),
    "role": ("Who said it", "It was said by the side that the question is about."),
    "retention": ("Still fresh", "It has faded little."),
    "second": ("Compared with the others", "It stands out among the best candidates."),
    "learned": ("Earlier feedback", "Answers to similar questions used it."),
    "turns": ("Messages in it", "Its messages fit."),
}
# Smaller parts are rounding errors.
_LEAST = 0.005


@dataclass(frozen=True)
class Reason:
    """A group of features, and what it adds to a score.

    Attributes:
        share: what it adds to the score; negative if it speaks against the memory.
        x, width: its bar around the middle of an axis, in percent.
    """

    label: str
    explanation: str
    share: float
    x: float
    width: float


def reasons(contributions: Mapping[str, float], scale: float) -> list[Reason]:
    """Return the reasons for a hit, the weightiest first.

    Args:
        contributions: of the hit, by feature or group of features, such as `late` or `late.turn`.
        scale: the largest part of any hit of the result, so that bars are comparable.
    """
    reasons = []
    for group, share in sorted(_grouped(contributions).items(), key=lambda part: -abs(part[1])):
        if abs(share) < _LEAST:
            continue
        label, explanation = _LABELS.get(group, (group.capitalize(), ""))
        width = 50 * min(abs(share) / scale, 1.0) if scale else 0.0
        x = 50.0 if share > 0 else 50 - width
        reasons.append(Reason(label, explanation, share, round(x, 2), round(width, 2)))
    return reasons


def largest_share(all_contributions: Iterable[Mapping[str, float]]) -> float:
    """Return the largest absolute part of any score."""
    shares = (abs(s) for parts in all_contributions for s in _grouped(parts).values())
    return max(shares, default=0.0)


def _grouped(contributions: Mapping[str, float]) -> dict[str, float]:
    groups: dict[str, float] = {}
    for name, share in contributions.items():
        group = name.partition(".")[0]
        groups[group] = groups.get(group, 0.0) + share
    return groups

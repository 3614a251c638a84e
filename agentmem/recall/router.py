"""Entropy decides how many turns a question is worth, and at which granularity to answer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentmem.recall.context import RecallRouting
from agentmem_retrievers import normalized_entropy
from agentmem_stores import Granularity

__all__ = ["COARSE", "SHORTLIST", "Groups", "route_recall", "score_distribution"]

Groups = Mapping[Granularity, Sequence[str | None]]

# Granularities that group turns, coarse first.
COARSE = (Granularity.TOPIC, Granularity.DAY, Granularity.SUMMARY)

# The entropy is that of the best 60 turns, which the second stage of the ranking has compared.
SHORTLIST = 60

# A question is worth FLOOR + a exp(H) turns, with a = max(MIN_PER_EVENT, max_tokens / UNIT_TOKENS).
# Chosen on LoCoMo's development conversations (docs/recall.md): at 770 to 1,280 tokens, recall
# includes all evidence 3 to 4 points more often than a fixed number of turns that takes as many
# tokens on average.
FLOOR = 4.0
MIN_PER_EVENT = 0.9
UNIT_TOKENS = 2000
# An overview is worth up to 1 + BROAD_GAIN times as many.
BROAD_GAIN = 2.0

# What a fixed mix takes the breadth of every question to be: the ablation of the router.
_FIXED_BREADTH = 0.3

_OVERVIEW = re.compile(
    r"\b(?:summar(?:y|i[sz]e)|overview|recap|discuss(?:ed|ion|ions)?|debate[sd]?|in general|"
    r"overall|usually|up to|main (?:points?|topics?|ideas?)|everything|think about|opinions?|"
    r"(?:talk|say|said|chat|speak|spoke)\w* about|what happened|order)\b",
    re.IGNORECASE,
)
# Summaries of topics would cost up to five points of the evidence of broad questions, and gain
# nothing (docs/recall.md); topics say which passages are shown (`smoothing`).
_OVERVIEW_FORMS = (Granularity.DAY, Granularity.SUMMARY)
# The most of a budget that goes to summaries; the rest shows the turns that carry them.
_COARSE_SHARE = 0.35
# Evidence of which a smaller part of the entropy lies within sessions is scattered: the turns of
# many sessions have it, each by itself. Summaries and passages would show the turns around them.
_MIN_CONCENTRATION = 0.45
# A question that is probably precise gets no summaries: for those, turns beat them at every budget.
_MIN_BREADTH = 0.25
# Passages are for questions that are rather broad than precise.
_MIN_PASSAGE_BREADTH = 0.5


def score_distribution(scores: ArrayLike) -> NDArray[np.float64]:
    """Return softmax(scores) at temperature 1 of the best `SHORTLIST` scores, best first."""
    values = np.asarray(scores, dtype=np.float64)[:SHORTLIST]
    if not len(values):
        return values
    shares = np.exp(values - values.max())
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def route_recall(
    query: str,
    shares: NDArray[np.float64],
    groups: Groups,
    max_tokens: int,
    *,
    is_fixed: bool = False,
) -> RecallRouting:
    """Decide how a question's token budget is spent.

    The perplexity exp(H) of a distribution is the number of equally likely events that are as
    uncertain (Jelinek et al. 1977), so it estimates how many turns carry evidence.

    Args:
        shares: the probability of each turn, best first.
        groups: for each granularity, the group of each turn, such as its session; None for none.
        max_tokens: the budget.
        is_fixed: use the same mix for every question.
    """
    entropy = _entropy(shares)
    entropies = {Granularity.TURN: _normalized(shares)}
    for granularity, names in groups.items():
        entropies[granularity] = _normalized(_grouped(shares, names))
    breadth = _FIXED_BREADTH if is_fixed else _breadth(query, entropies)
    concentration = 1.0 if is_fixed else _concentration(shares, groups)
    weights = {Granularity.TURN: 1.0}
    if breadth >= _MIN_BREADTH and concentration >= _MIN_CONCENTRATION:
        weights = _mix(entropies, breadth)
    per_event = max(MIN_PER_EVENT, max_tokens / UNIT_TOKENS)
    turns = round(FLOOR + per_event * math.exp(entropy) * (1 + BROAD_GAIN * breadth))
    return RecallRouting(breadth, turns, entropy, entropies, weights, concentration=concentration)


def _mix(entropies: Mapping[Granularity, float], breadth: float) -> dict[Granularity, float]:
    """Return the shares of a budget for a question that is broad to some degree."""
    certainty = {g: 1 - entropies[g] for g in _OVERVIEW_FORMS if g in entropies}
    total = sum(certainty.values())
    coarse = _COARSE_SHARE * breadth if total > 0 else 0.0
    shares = {g: coarse * c / total for g, c in certainty.items()} if coarse else {}
    if breadth >= _MIN_PASSAGE_BREADTH:
        shares[Granularity.SESSION] = 1 - coarse
    return {**shares, Granularity.TURN: 1 - coarse}


def _breadth(query: str, entropies: Mapping[Granularity, float]) -> float:
    """Return the probability that a question wants an overview."""
    logit = 6 * (entropies[Granularity.TURN] - 0.85) + (2.5 if _OVERVIEW.search(query) else -2.5)
    return 1 / (1 + math.exp(-logit))


def _concentration(shares: NDArray[np.float64], groups: Groups) -> float:
    """Return H(turn | session) / H(turn), the part of the entropy that lies within sessions.

    By the chain rule, H(turn) = H(session) + H(turn | session).
    """
    total = _entropy(shares)
    if total <= 0 or Granularity.SUMMARY not in groups:
        return 1.0
    return max(1 - _entropy(_grouped(shares, groups[Granularity.SUMMARY])) / total, 0.0)


def _entropy(shares: NDArray[np.float64]) -> float:
    """The entropy of a distribution, in nats."""
    return float(-(shares * np.log(np.maximum(shares, 1e-300))).sum())


def _grouped(shares: NDArray[np.float64], names: Sequence[str | None]) -> NDArray[np.float64]:
    """Return the share of each group; turns without one count on their own."""
    total: dict[object, float] = {}
    for place, (name, share) in enumerate(zip(names, shares.tolist(), strict=True)):
        key: object = place if name is None else name
        total[key] = total.get(key, 0.0) + share
    return np.array(list(total.values()))


def _normalized(shares: NDArray[np.float64]) -> float:
    """H / ln n of a distribution, in [0, 1]; 1 where there is nothing to decide."""
    return normalized_entropy(np.log(np.maximum(shares, 1e-300)), temperature=1.0)

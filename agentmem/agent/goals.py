"""What a user still wants to get done, as far as it was said in the session."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentmem_stores import Memory

__all__ = ["open_goals"]

# The working state has a constant size (MEM1): so many goals, each no longer than this.
_MOST = 3
_CHARS = 120

_GOAL = re.compile(
    r"\b(?:i (?:want|need|have|would like|'d like|hope|plan) to|remind me (?:to|of|about)|"
    r"help me(?: to| with)?|my goal is(?: to)?|let's|we (?:need|have) to|"
    r"i'm (?:trying|planning) to)"
    r"\s+([^.!?\n]{4,})",
    re.IGNORECASE,
)
_DONE = re.compile(
    r"\b(?:done|finished|never ?mind|forget (?:it|about it|that)|no longer need|solved|"
    r"that's (?:it|all))\b",
    re.IGNORECASE,
)


def open_goals(turns: Sequence[Memory]) -> list[str]:
    """Return the latest goals that the user has named and not called done, oldest first.

    Args:
        turns: the session's turns, in order.
    """
    goals: list[str] = []
    for turn in turns:
        if turn.role != "user":
            continue
        text = turn.text.replace("\u2019", "'")
        if _DONE.search(text) and goals:
            goals.pop()
        for found in _GOAL.finditer(text):
            goal = found[1].strip()[:_CHARS]
            goals = [g for g in goals if g != goal] + [goal]
    return goals[-_MOST:]

"""A cue: the last turns of a conversation as one text, for what ought to come to mind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentmem.writing.messages import Draft

__all__ = ["cue"]

# What was said longer ago is no longer what the conversation is about.
_MAX_TURNS = 8


def cue(turns: Sequence[Draft], max_tokens: int, count_tokens: Callable[[str], int]) -> str:
    """Return the last turns as lines, as many as the embedder reads, the last one in any case.

    Names of speakers stay: of MADial's 160 conversations, the memory that ought to come to mind is
    among the first ten for 89 % with all turns and names, for 84 % without names, and for 79 % of
    the last turns alone.

    >>> cue([Draft("I feel sick.", speaker="Bart"), Draft("Why?")], 254, len)
    'Bart: I feel sick.\\nWhy?'
    """
    lines: list[str] = []
    left = max_tokens
    for turn in reversed(turns[-_MAX_TURNS:]):
        line = f"{turn.speaker}: {turn.text}" if turn.speaker else turn.text
        left -= count_tokens(line)
        if lines and left < 0:
            break
        lines.append(line)
    return "\n".join(reversed(lines))

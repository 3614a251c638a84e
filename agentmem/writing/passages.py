"""A session's text in pieces that fit the embedder's window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agentmem_stores import Memory

__all__ = ["TURNS", "Passage", "passages"]

# Turns in a passage. Few enough for its embedding to be about something, so that it tells what
# surrounds a turn; longer ones found less on LoCoMo, overlapping ones cost more than they found.
TURNS = 3


@dataclass(frozen=True)
class Passage:
    """Consecutive turns, and their text with a speaker before each."""

    turns: tuple[Memory, ...]
    text: str


def passages(
    turns: Sequence[Memory], count_tokens: Callable[[str], int], max_tokens: int
) -> Iterator[Passage]:
    """Split a session so that no word is cut off by the embedder's window.

    Args:
        count_tokens: the embedder's own measure of a text's length.
        max_tokens: the embedder's window.
    """
    for start in range(0, len(turns), TURNS):
        # The last passage is as long as the others, so it may share turns with the one before.
        group = turns[max(min(start, len(turns) - TURNS), 0) :][:TURNS]
        yield from _fitting(group, count_tokens, max_tokens)


def _fitting(
    turns: Sequence[Memory], count_tokens: Callable[[str], int], max_tokens: int
) -> Iterator[Passage]:
    held: list[Memory] = []
    lines: list[str] = []
    room = max_tokens
    for turn in turns:
        for line in _pieces(f"{turn.speaker or turn.role}: {turn.text}", count_tokens, max_tokens):
            cost = count_tokens(line)
            if lines and cost > room:
                yield Passage(tuple(held), "\n".join(lines))
                held, lines, room = [], [], max_tokens
            if not held or held[-1] is not turn:
                held.append(turn)
            lines.append(line)
            room -= cost
    if lines:
        yield Passage(tuple(held), "\n".join(lines))


def _pieces(line: str, count_tokens: Callable[[str], int], max_tokens: int) -> Iterator[str]:
    """Halve a line, between words where it has any, until every piece fits."""
    if count_tokens(line) <= max_tokens or len(line) < 2:
        yield line
        return
    middle = len(line) // 2
    space = line.rfind(" ", 1, middle + 1)
    cut = space if space > middle // 2 else middle
    for half in (line[:cut], line[cut:]):
        if half.strip():
            yield from _pieces(half.strip(), count_tokens, max_tokens)

"""How a memory is shown: as it was said, with what it answers, or in short."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agentmem.digest.digest import Digester
from agentmem.prompting.quoting import quote, visible
from agentmem_retrievers import RecalledMemory
from agentmem_retrievers.text.tokenize import tokenize
from agentmem_stores import Memory

__all__ = ["VisibilityMask", "forms", "line"]

_NAME_CHARS = 40
# A name stands outside of quotation marks, so it has none of what delimits anything.
_MARKS = '<>`:,"[]()\\'
_BEFORE_CHARS = 200
_SHORT_CHARS = 160
# A turn of fewer words that carry meaning is understood from the one before it only.
_FEWEST_WORDS = 2
_LEANING = re.compile(
    r"^(?:yes|yeah|yep|no|nope|it|that|this|they|those|he|she|him|her|them|him|one|exactly|"
    r"same|me too|because|only|both|neither|the same)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class VisibilityMask:
    """A memory as it goes into the prompt.

    Attributes:
        said: its text, quoted.
        after: who said what before it, quoted; empty where that is not shown.
    """

    memory: Memory
    said: str
    after: str = ""


def forms(hit: RecalledMemory, limit: int) -> Iterator[VisibilityMask]:
    """Yield the ways to show a memory, the one that says most first.

    Args:
        limit: how many characters are shown of a text.
    """
    memory, text = hit.memory, hit.memory.text.strip()
    if leans(text):
        before = _before(hit)
        if before is not None:
            quoted = quote(before.text, min(limit, _BEFORE_CHARS))
            yield VisibilityMask(memory, quote(text, limit), f"{name(before)}: {quoted}")
    yield VisibilityMask(
        memory, quote(text if len(text) <= limit else _digest(memory, limit), limit)
    )
    if len(text) > _SHORT_CHARS:
        yield VisibilityMask(memory, quote(_digest(memory, _SHORT_CHARS), _SHORT_CHARS))


def leans(text: str) -> bool:
    """Whether a text says little without the one before it."""
    return len(tokenize(text)) < _FEWEST_WORDS or bool(_LEANING.match(text))


def _before(hit: RecalledMemory) -> Memory | None:
    earlier = [turn for turn in hit.context if turn.position < hit.memory.position]
    return max(earlier, key=lambda turn: turn.position, default=None)


def _digest(memory: Memory, limit: int) -> str:
    """The sentences that stand for a long text, as many as fit."""
    summary = Digester().digest([("-", memory.text)]).summary.removeprefix("-:").strip()
    return summary if 0 < len(summary) <= limit else memory.text


def line(shown: VisibilityMask, number: int) -> str:
    """Return the line of the prompt that shows a memory."""
    memory = shown.memory
    after = f" (after {shown.after})" if shown.after else ""
    return f"[m{number}] {memory.said_at:%Y-%m-%d}, {name(memory)}: {shown.said}{after}"


def name(memory: Memory) -> str:
    """Return who said something, so that it cannot be taken for anything else."""
    shown = " ".join(visible(memory.speaker or memory.role).split())
    return "".join(c for c in shown if c not in _MARKS)[:_NAME_CHARS].strip() or "somebody"

"""Render memories, plans and profiles as prompt lines with ids, and read the ids in a reply.

The agent and the LangChain middleware both show memories through this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agentmem.digest.digest import digest
from agentmem.feedback.plans import Plan
from agentmem.prompting.quoting import quote, visible
from agentmem.provenance import Trust, client_of, trust_of
from agentmem_retrievers import RecalledMemory
from agentmem_retrievers.text.tokenize import tokenize
from agentmem_stores import Granularity, Memory

__all__ = [
    "PLAN_ID",
    "MemoryLine",
    "chronological",
    "cited_ids",
    "line_variants",
    "means_little_alone",
    "next_number",
    "number_lines",
    "render_plan",
    "select_lines",
    "speaker_of",
    "strip_citations",
]

# The id by which a reply says that it follows the plan in the prompt; memories have m1, m2, ...
PLAN_ID = "p1"

# Enough for a full name; a longer one is an attempt to smuggle text past the quotes.
_MAX_NAME_CHARS = 40
# A name stands outside the quotation marks, so it may contain no delimiter.
_DELIMITERS = '<>`:,"[]()\\'
# The turn before only has to make the memory understandable, so a sentence or two will do.
_MAX_PRECEDING_CHARS = 200
_SHORT_VARIANT_CHARS = 160
# "Yes, on Friday." has one content word and means nothing without the question before it.
_MIN_CONTENT_WORDS = 2
_START_CHARS = 80
_DEPENDENT = re.compile(
    r"^(?:yes|yeah|yep|no|nope|it|that|this|they|those|he|she|him|her|them|one|exactly|"
    r"same|me too|because|only|both|neither|the same)\b",
    re.IGNORECASE,
)

# The speaker that is shown for memories that are not the words of a person.
_LABELS = {
    Granularity.SESSION: "excerpts of a conversation",
    Granularity.SUMMARY: "summary of a conversation",
    Granularity.DAY: "summary of the day",
    Granularity.TOPIC: "summary of a topic",
    Granularity.FACT: "fact",
}

_ID = r"[mp]\d{1,3}"
_NUMBER = re.compile(r"^\[m(\d{1,3})\]", re.MULTILINE)
_CITATION = re.compile(rf"\s*\[\s*({_ID}(?:\s*[,;]\s*{_ID})*)\s*\]")


@dataclass(frozen=True)
class MemoryLine:
    """A memory as one line of a prompt.

    Attributes:
        memory: the memory shown.
        text: what it says, quoted.
        preceding: the turn before it, quoted, with its speaker; empty where it is not needed.
    """

    memory: Memory
    text: str
    preceding: str = ""

    def render(self, line_id: str) -> str:
        """Return the line: id, date, speaker, quoted text."""
        memory = self.memory
        after = f" (after {self.preceding})" if self.preceding else ""
        return f"[{line_id}] {memory.said_at:%Y-%m-%d}, {speaker_of(memory)}: {self.text}{after}"


def means_little_alone(text: str) -> bool:
    """Return whether a turn needs the one before it to be understood, as "Yes, on Friday." does.

    >>> means_little_alone("Yes, on Friday."), means_little_alone("I adopted a beagle.")
    (True, False)
    """
    if _DEPENDENT.match(text) is not None:
        return True
    # The beginning nearly always decides, and costs a fraction of a long text.
    start = tokenize(text[:_START_CHARS])
    return len(start) < _MIN_CONTENT_WORDS and len(tokenize(text)) < _MIN_CONTENT_WORDS


def line_variants(
    hit: RecalledMemory, max_chars: int, *, verbatim: bool = False
) -> Iterator[MemoryLine]:
    """Yield the ways to show a memory, the most informative first.

    A turn that means little alone ("Yes, on Friday.") first appears with the turn it answers; a
    long one can also appear as its most important sentences.

    Args:
        hit: a hit of a search; its context is loaded only if the turn before it is needed.
        max_chars: the most characters to show of a text.
        verbatim: yield only the text itself, cut at `max_chars`.
    """
    memory, text = hit.memory, hit.memory.text.strip()
    if verbatim:
        yield MemoryLine(memory, quote(text, max_chars))
        return
    if means_little_alone(text):
        earlier = [turn for turn in hit.context if turn.position < memory.position]
        if earlier:
            before = max(earlier, key=lambda turn: turn.position)
            quoted = quote(before.text, min(max_chars, _MAX_PRECEDING_CHARS))
            yield MemoryLine(memory, quote(text, max_chars), f"{speaker_of(before)}: {quoted}")
    full = text if len(text) <= max_chars else _abridged(text, max_chars)
    yield MemoryLine(memory, quote(full, max_chars))
    if len(text) > _SHORT_VARIANT_CHARS:
        short = _abridged(text, _SHORT_VARIANT_CHARS)
        yield MemoryLine(memory, quote(short, _SHORT_VARIANT_CHARS))


def select_lines(
    hits: Iterable[RecalledMemory],
    limit: int,
    *,
    max_chars: int,
    verbatim: bool = False,
    fits: Callable[[Sequence[MemoryLine]], bool] = lambda lines: True,
) -> list[MemoryLine]:
    """Choose the lines to show: the best hits, each in its most informative variant that fits.

    Args:
        hits: hits of a search, best first.
        limit: the most lines to return.
        max_chars: the most characters to show of each memory.
        verbatim: show every memory exactly as it was said.
        fits: whether lines stay within the budget; the first memory that fits in no variant
            ends the selection, so that no worse one takes its place.
    """
    lines: list[MemoryLine] = []
    for hit in hits:
        if len(lines) == limit:
            break
        variants = line_variants(hit, max_chars, verbatim=verbatim)
        line = next((line for line in variants if fits([*lines, line])), None)
        if line is None:
            break
        lines.append(line)
    return lines


def chronological(lines: Iterable[MemoryLine]) -> list[MemoryLine]:
    """Return lines in the order in which their memories were said."""
    return sorted(lines, key=lambda line: (line.memory.said_at, line.memory.position))


def number_lines(
    lines: Sequence[MemoryLine], *, first: int = 1
) -> tuple[list[str], dict[str, str]]:
    """Render lines with the ids m1, m2, ...

    Args:
        first: the number of the first line; see `next_number`.

    Returns:
        The rendered lines, and the memory id for each line id.
    """
    ids = {f"m{n}": line.memory.id for n, line in enumerate(lines, start=first)}
    return [line.render(line_id) for line_id, line in zip(ids, lines, strict=True)], ids


def next_number(text: str) -> int:
    """Return the first number that no memory line of a message has, such as one of another memory.

    >>> next_number('<memories>\\n[m1] 2026-01-05, user: "I like tea."\\n</memories>\\n\\nHello')
    2
    """
    return 1 + max((int(number) for number in _NUMBER.findall(text)), default=0)


def render_plan(plan: Plan, max_chars: int) -> str:
    """Return a plan as a prompt line: its goal, its success rate and its steps, quoted.

    Args:
        plan: a plan that fits what the user wants.
        max_chars: the most characters to show of the steps; the goal gets a quarter of that.
    """
    attempts = plan.succeeded + plan.failed
    outcome = f"worked {plan.succeeded} of {attempts} times" if attempts else "not tried yet"
    steps = quote("; ".join(f"{n}. {step}" for n, step in enumerate(plan.steps, 1)), max_chars)
    goal = quote(plan.goal, max_chars // 4)
    return f"[{PLAN_ID}] a plan for {goal}, {outcome}; cite [{PLAN_ID}] if you follow it: {steps}"


def cited_ids(text: str, ids: Mapping[str, str]) -> list[str]:
    """Return the ids of the memories that a text cites, in its order and without duplicates.

    Args:
        text: a reply with marks such as `[m1]` or `[m2, m3]`.
        ids: the memory id for each line id; other marks cite nothing.

    >>> cited_ids("He is a beagle [m2]. Or a basset [m1; m2; m9].", {"m1": "a", "m2": "b"})
    ['b', 'a']
    """
    marks = [line_id for mark in _CITATION.findall(text) for line_id in re.findall(_ID, mark)]
    return list(dict.fromkeys(ids[mark] for mark in marks if mark in ids))


def strip_citations(text: str) -> str:
    """Remove citations, which mean nothing outside the prompt that they refer to.

    >>> strip_citations("It is Biscuit [m1], I think [m2, m3].")
    'It is Biscuit, I think.'
    """
    return _CITATION.sub("", text)


def _abridged(text: str, max_chars: int) -> str:
    """The most important sentences of a text; the text itself where they do not fit either."""
    summary = digest([("-", text)]).summary.removeprefix("-:").strip()
    return summary if 0 < len(summary) <= max_chars else text


def speaker_of(memory: Memory) -> str:
    """Return who said a memory, as a name that cannot be taken for anything else.

    What came from outside says how: `user (via mcp claude-code)`, `summary of a conversation (of
    external sources)`.
    """
    if memory.granularity in _LABELS:
        trust = trust_of(memory)
        outside = trust.level < Trust.ASSISTANT.level
        return _LABELS[memory.granularity] + (f" (of {trust.value} sources)" if outside else "")
    name = _safe_name(memory.speaker or memory.role) or "somebody"
    client = _safe_name(client_of(memory))
    return f"{name} (via {client})" if client else name


def _safe_name(text: str) -> str:
    name = " ".join(visible(text).split())
    name = "".join(c for c in name if c not in _DELIMITERS)
    return name[:_MAX_NAME_CHARS].strip()

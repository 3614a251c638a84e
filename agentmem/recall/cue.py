"""A cue for proactive recall: the last turns of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agentmem.embedding.embedder import Embedder
from agentmem.writing.messages import Draft
from agentmem_retrievers import RecalledMemory, SearchResult
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_stores import Granularity, Vectors

__all__ = ["cue", "cue_vector", "rank_by_likeness"]

# What was said longer ago is no longer what the conversation is about.
_MAX_TURNS = 8
# Each turn counts so much of the one after it. On MADial, 0.6 to 0.8 find the same.
_DECAY = 0.7
# The weight of the likeness beside the score of the search. On MADial, 1 to 3 find the same.
_LIKENESS = 2.0


def cue(turns: Sequence[Draft], max_tokens: int, count_tokens: Callable[[str], int]) -> list[str]:
    """Return the last turns as lines, as many as the embedder reads, the last one in any case.

    Names of speakers stay: without them, MADial's memories are found six points less often.

    >>> cue([Draft("I feel sick.", speaker="Bart"), Draft("Why?")], 254, len)
    ['Bart: I feel sick.', 'Why?']
    """
    lines: list[str] = []
    left = max_tokens
    for turn in reversed(turns[-_MAX_TURNS:]):
        line = f"{turn.speaker}: {turn.text}" if turn.speaker else turn.text
        left -= count_tokens(line)
        if lines and left < 0:
            break
        lines.append(line)
    return lines[::-1]


def cue_vector(lines: Sequence[str], embedder: Embedder) -> Vectors:
    """Return what the lines of a cue are about: their embedding as a whole, and one by one.

    Together they are embedded with each other's context. One by one the last counts most, and a
    long turn does not hide a short one. Both parts weigh the same.

    Returns:
        Shape (dimension,), not normalized.
    """
    whole = "\n".join(lines)
    embedder.cache_queries([*lines, whole])
    each = np.zeros_like(embedder.query(whole))
    for age, line in enumerate(reversed(lines)):
        each += _DECAY**age * embedder.query(line)
    each /= max(float(np.linalg.norm(each)), 1e-12)
    return np.asarray(embedder.query(whole) + each, dtype=np.float32)


def rank_by_likeness(result: SearchResult, index: ScopeIndex, vector: Vectors) -> SearchResult:
    """Rank the hits of a search for a cue also by how much they resemble it.

    The search weighs words as in a question, where a rare one matters most. A memory worth
    recalling resembles the conversation as a whole, so the standardized likeness counts twice as
    much as the standardized score. The scores keep their mean and their scale.
    """
    hits = result.hits
    table = index.tables[Granularity.TURN]
    if len(hits) < 2 or any(hit.memory.id not in table.row_of for hit in hits):
        return result
    rows = np.array([table.row_of[hit.memory.id] for hit in hits], dtype=np.intp)
    scores = np.array([hit.score for hit in hits])
    likeness = _standardized(table.cosines(rows, vector).astype(np.float64))
    share = 1 / (1 + _LIKENESS)
    gained = (1 - share) * (float(scores.std()) * likeness + float(scores.mean()) - scores)
    ranked = sorted(
        (_with_likeness(hit, float(gain)) for hit, gain in zip(hits, gained, strict=True)),
        key=lambda hit: -hit.score,
    )
    return replace(result, hits=tuple(ranked))


def _standardized(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-9))


def _with_likeness(hit: RecalledMemory, gain: float) -> RecalledMemory:
    parts = {**hit.contributions, "likeness": gain} if hit.contributions else {}
    return replace(hit, score=hit.score + gain, contributions=parts)

"""What is so now comes before what was, where a question asks for what is.

A turn says more than one thing, so an outdated fact does not outdate its turn. But where a
question asks for an attribute of somebody, the turn that told its value last is the answer, and
those that told it before come after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from agentmem_retrievers.index.fact_index import FactEvidence
from agentmem_retrievers.index.table import Rows
from agentmem_retrievers.ranking.scoring import Ranking
from agentmem_retrievers.text.intent import SURELY
from agentmem_stores import Entry, Vectors

__all__ = ["NEAREST", "PLAINLY", "competing", "likeliest", "newest_first", "telling"]

# So many of the best may tell what is asked for though they only seem to.
_SEEMING = 5

# A turn tells what is asked for if it is so much as likely to as the likeliest; and that one has to
# be as likely as this.
_AS_LIKELY, _LEAST = 0.2, 0.1
# Of kinds that nobody thought of, so many turns are compared: what is as near to the question as
# the nearest one, less this, and so much like it, may be about the same.
NEAREST = 50
_AS_NEAR, _ALIKE = 0.15, 0.3
# What is as near to a question as this, and nearer than anything else, has to be among what tells
# what is asked for; or the kind was wrong.
PLAINLY = 0.5
# So many of what tells it stand before everything else.
_FIRST = 3
# Texts say the same of different things if they have so many words in common, and at one place up
# to so many others.
_FRAME, _FILLING = 4, 4
# So many texts are compared with so many, at most.
_COMPARED = 50
_WORD = re.compile(r"[\w'-]+")


def likeliest(kinds: Mapping[str, float], telling: Mapping[int, FactEvidence]) -> list[int]:
    """Return the rows that are nearly as likely as any to tell what is asked for, in their order.

    So are those that say the same of something else: "I live in Oslo now", "I live in Rome now".

    Args:
        kinds: what may be asked for, and how likely; where nothing is likely, nothing tells it.
        telling: rows, each with how likely it tells it, and in which words.
    """
    best = max((told.likely for told in telling.values()), default=0.0)
    if max(kinds.values(), default=0.0) < SURELY or best < _LEAST:
        return []
    sure = [told.likely >= _AS_LIKELY * best for told in telling.values()]
    same = _with_the_same_frame([told.text for told in telling.values()], sure)
    return [row for row, is_same in zip(telling, same, strict=True) if is_same]


def _with_the_same_frame(texts: Sequence[str], known: Sequence[bool]) -> list[bool]:
    """Which texts are known, or are newer and differ from one that is at one place only.

    Args:
        texts: in order of saying.
    """
    last = max(n for n, is_known in enumerate(known) if is_known)
    latest = [text for text, is_known in zip(texts, known, strict=True) if is_known][-_COMPARED:]
    frames = [_WORD.findall(text.lower()) for text in latest]
    first = max(last + 1, len(texts) - _COMPARED)
    newer = [_WORD.findall(text.lower()) for text in texts[first:]]
    same = [any(_same_frame(said, frame) for frame in frames) for said in newer]
    return [*known[:first], *same]


def _same_frame(one: Sequence[str], other: Sequence[str]) -> bool:
    begin = _in_common(one, other)
    same = begin + _in_common(one[begin:][::-1], other[begin:][::-1])
    return same >= _FRAME and max(len(one), len(other)) - same <= _FILLING


def _in_common(one: Sequence[str], other: Sequence[str]) -> int:
    """With how many of the same words two texts begin."""
    pairs = zip(one, other, strict=False)
    shorter = min(len(one), len(other))
    return next((n for n, (a, b) in enumerate(pairs) if a != b), shorter)


def competing(question: Vectors, entries: Sequence[Entry]) -> list[Entry]:
    """Return what may say the same as what is nearest to a question, in order of saying.

    That is what is nearly as near to the question, and alike; or what says the same of something
    else.

    Args:
        question: its embedding, shape (dimension,).
        entries: what may answer it.
    """
    if not entries:
        return []
    said = sorted(entries, key=lambda entry: (entry.memory.said_at, entry.memory.position))
    vectors = np.stack([entry.vector for entry in said])
    near = vectors @ question
    best = int(near.argmax())
    same = (near >= near[best] - _AS_NEAR) & (vectors @ vectors[best] >= _ALIKE)
    framed = _with_the_same_frame([entry.memory.text for entry in said], same.tolist())
    return [entry for entry, is_same in zip(said, framed, strict=True) if is_same]


def telling(known: Mapping[int, bool], ranked: Ranking) -> list[int]:
    """Return the rows that tell what is asked for, in their order.

    Those that only seem to are believed where the ranking finds them to be as near to the question
    as one that certainly does, or where they are among the best of all.

    Args:
        known: rows, each with whether it certainly tells it.
    """
    place = {int(row): n for n, row in enumerate(ranked.rows)}
    far = len(place)
    found = [place.get(row, -1) for row, sure in known.items() if sure]
    least = max(_SEEMING - 1, *found, -1)
    return [row for row, sure in known.items() if sure or place.get(row, far) <= least]


def newest_first(ranked: Ranking, told: Sequence[int], *, lift: bool) -> Ranking:
    """Order the turns that tell of an attribute newest first, in the places that they hold.

    Args:
        told: rows, the newest last.
        lift: put the newest before everything else, some of them, since one of them may not tell
            it after all; what is not ranked is added.
    """
    if lift:
        ranked = _with(ranked, np.array(told, dtype=np.intp))
    place = {int(row): n for n, row in enumerate(ranked.rows)}
    newest = [place[row] for row in reversed(told) if row in place]
    if not newest:
        return ranked
    order = np.arange(len(ranked.rows))
    order[sorted(newest)] = newest
    scores = ranked.scores
    if lift:
        first = newest[:_FIRST]
        order = np.concatenate([first, order[~np.isin(order, first)]])
        scores = np.concatenate(
            [np.repeat(scores[:1], len(first)), np.delete(scores, sorted(newest)[: len(first)])]
        )
    parts = {name: values[order] for name, values in ranked.parts.items()}
    gained = scores - ranked.scores[order] + parts.get("currency", 0.0)
    return Ranking(ranked.rows[order], scores, {**parts, "currency": gained})


def _with(ranked: Ranking, rows: Rows) -> Ranking:
    """Append rows that are not ranked, below all that are."""
    more = rows[~np.isin(rows, ranked.rows)]
    if not len(more):
        return ranked
    least = float(ranked.scores[-1]) if len(ranked.scores) else 0.0
    zeros = np.zeros(len(more))
    parts = {name: np.concatenate([v, zeros]) for name, v in ranked.parts.items()}
    parts["rest"] = np.concatenate(
        [ranked.parts.get("rest", np.zeros(len(ranked.rows))), zeros + least]
    )
    return Ranking(
        np.concatenate([ranked.rows, more]), np.concatenate([ranked.scores, zeros + least]), parts
    )

"""Collapse near-duplicates: of turns that say the same, one is a hit and lists the others.

Two turns say the same if their embeddings nearly agree and no literal, name, negation or content
word without a similar one in the other tells them apart. That is checked for the best turns only,
so that it costs nothing in a search whose hits are all different.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.table import Rows, Table
from agentmem_retrievers.ranking.scoring import Ranking
from agentmem_retrievers.text.tokenize import tokenize

__all__ = ["collapse_duplicates"]

# Turns whose cosine is lower never say the same. MiniLM gives paraphrases of a statement 0.79 to
# 0.97, and statements that differ in one value ("blue" and "green") 0.83, so that words decide.
_MIN_COSINE = 0.7
# Words in which one statement is put in several ways; they do not tell statements apart.
_FRAME = frozenset(
    tokenize(
        "called named name favourite favorite best most love like prefer really just please "
        "remember note know knows remind tell say said think reminder also actually currently now "
        "always usually work works working job employed employs employ live lives living based "
        "have own owns got get give gives make makes go goes going leaves leave departs depart "
        "thing one reaction way okay yes well sure again fact"
    )
)
# Stems that share this many letters stand for one another: "allergi" and "allerg".
_PREFIX = 5
# Of this many best turns, groups are looked for.
_CONSIDERED = 30


def collapse_duplicates(
    ranking: Ranking, table: Table, wanted: int
) -> tuple[Ranking, dict[int, tuple[int, ...]]]:
    """Return the ranking without turns that say the same as a better one, and these by its row.

    Of a group, the question word for word stays, else the newest; it takes the place of the best.

    Args:
        ranking: of the table's turns, best first.
        wanted: how many hits are wanted; turns below them are moved up, never looked at further.

    Returns:
        The ranking, and for each remaining row that has any, the rows it stands for.
    """
    rows = ranking.rows[: max(_CONSIDERED, 2 * wanted)]
    if len(rows) < 2:
        return ranking, {}
    vectors = table.vectors(rows)
    near = np.triu(vectors @ vectors.T >= _MIN_COSINE, k=1)
    if not near.any():
        return ranking, {}
    columns = table.columns
    key, role = columns["text_key"][rows], columns["from_user"][rows]
    speaker = columns["speaker"][rows]
    leader = np.arange(len(rows))
    for i, j in np.argwhere(near).tolist():
        if leader[j] != j or leader[i] != i or role[i] != role[j] or speaker[i] != speaker[j]:
            continue
        if key[i] == key[j] or _say_the_same(table, int(rows[i]), int(rows[j])):
            leader[j] = i
    if np.array_equal(leader, np.arange(len(rows))):
        return ranking, {}
    return _collapsed(ranking, rows, leader, columns["said_at"][rows])


def _say_the_same(table: Table, one: int, other: int) -> bool:
    """Return whether two turns whose embeddings are near say the same."""
    columns = table.columns
    if columns["is_question"][one] != columns["is_question"][other]:
        return False
    if set(table.literals.terms(one)) != set(table.literals.terms(other)):
        return False
    if columns["negated"][one] != columns["negated"][other]:
        return False
    first, second = set(table.words.terms(one)), set(table.words.terms(other))
    return _covers(first, second) and _covers(second, first)


def _covers(terms: set[str], others: set[str]) -> bool:
    """Return whether every content term has a counterpart among others."""
    prefixes = {term[:_PREFIX] for term in others if len(term) >= _PREFIX}
    return all(
        term in others or term in _FRAME or (len(term) >= _PREFIX and term[:_PREFIX] in prefixes)
        for term in terms
    )


def _collapsed(
    ranking: Ranking,
    rows: Rows,
    leader: NDArray[np.intp],
    said_at: NDArray[np.float64],
) -> tuple[Ranking, dict[int, tuple[int, ...]]]:
    """Keep one row of each group: the question word for word, else the newest."""
    order: list[int] = []
    duplicates: dict[int, tuple[int, ...]] = {}
    verbatim = ranking.parts.get("exact", np.zeros(len(ranking.rows)))
    for place in range(len(rows)):
        if leader[place] != place:
            continue
        group: Sequence[int] = np.flatnonzero(leader == place).tolist()
        best = max(group, key=lambda p: (round(float(verbatim[p])), float(said_at[p]), -p))
        order.append(best)
        if len(group) > 1:
            duplicates[int(rows[best])] = tuple(int(rows[p]) for p in group if p != best)
    scores = ranking.scores.copy()
    firsts = np.flatnonzero(leader == np.arange(len(rows)))
    places = np.concatenate([np.array(order, dtype=np.intp), np.arange(len(rows), len(scores))])
    scores = np.concatenate([scores[firsts], scores[len(rows) :]])
    parts = {name: values[places] for name, values in ranking.parts.items()}
    gain = scores - ranking.scores[places]
    if np.any(gain):
        parts["duplicates"] = gain
    return Ranking(ranking.rows[places], scores, parts), duplicates

"""Following a thread: what was found names what to look for next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agentmem_retrievers.features.lexical import Floats
from agentmem_retrievers.features.term_stats import TermStats
from agentmem_retrievers.index.table import Rows, Table
from agentmem_retrievers.ranking.scoring import Ranking
from agentmem_retrievers.ranking.visibility import VisibilityMask

__all__ = ["Thread", "follow"]

# Threads start at hits no further behind the best than this share of its value.
STARTS = 10
START_FROM = 0.25
# A link is followed when it accounts for this much of what is new in a memory.
LINK_FROM = 0.3
# How fast a hit's value falls with its score: a difference of this much divides it by e.
SCALE = 2.0


@dataclass(frozen=True)
class Thread:
    """A row and the rows it was reached over, from a hit of the search to itself.

    Attributes:
        value: in (0, 1]; the value of the row before, times how sure the link is.
        seen: the terms of the question and of the rows before this one.
    """

    path: tuple[int, ...]
    value: float
    seen: frozenset[str]

    @property
    def row(self) -> int:
        """Where it has led to."""
        return self.path[-1]


def follow(
    table: Table,
    edges: Mapping[str, Mapping[str, float]],
    ranked: Ranking,
    covered: Floats,
    terms: frozenset[str],
    shown: VisibilityMask,
    hops: int,
) -> tuple[Ranking, dict[int, tuple[int, ...]]]:
    """Extend a ranking by memories that are linked to its hits, `hops` memories deep in all.

    Each step looks for the words that a memory adds to what was known before it ("Needle
    Threading", arXiv 2411.05000).

    Args:
        edges: associations that are followed as well, by how strong they are.
        covered: the share of the question's words that each hit takes up, shape (hits,); a thread
            starts where the question says, not where it is only spoken of the like.
        terms: the question's stems.
        hops: length of a thread, its start included; 1 follows nothing.

    Returns:
        The new ranking, and for each row that was reached the path to it.
    """
    values = np.exp((ranked.scores - ranked.scores.max(initial=-np.inf)) / SCALE)
    if covered.any():
        values = values * covered / covered.max()
    best = {int(row): float(value) for row, value in zip(ranked.rows, values, strict=True)}
    started = [row for row in list(best)[:STARTS] if best[row] >= START_FROM]
    frontier = [Thread((row,), best[row], terms) for row in started]
    paths: dict[int, tuple[int, ...]] = {}
    for _ in range(hops - 1):
        reached = [t for thread in frontier if (t := _next(table, edges, thread, shown))]
        frontier = []
        for thread in sorted(reached, key=lambda t: -t.value):
            if thread.value > best.get(thread.row, 0.0):
                best[thread.row], paths[thread.row] = thread.value, thread.path
                frontier.append(thread)
    return _ranked(best, paths), paths


def _next(
    table: Table, edges: Mapping[str, Mapping[str, float]], thread: Thread, shown: VisibilityMask
) -> Thread | None:
    links = _links(table, edges, thread)
    links[~shown.all()] = 0.0
    links[list(thread.path)] = 0.0
    if not len(links):
        return None
    row = int(np.argmax(links))
    link = float(links[row])
    if link < LINK_FROM:
        return None
    # A link is as sure as it is alone: where others hold as well, it may be any of them.
    rival = float(np.partition(links, -2)[-2]) if len(links) > 1 else 0.0
    seen = thread.seen | set(table.words.terms(thread.row))
    return Thread((*thread.path, row), thread.value * (1 - rival / link / 2), seen)


def _links(table: Table, edges: Mapping[str, Mapping[str, float]], thread: Thread) -> Floats:
    """How well each row takes up what the thread's last memory has added; (rows,)."""
    fresh = [term for term in table.words.terms(thread.row) if term not in thread.seen]
    links = TermStats(table.words, fresh).coverage()
    for target, weight in edges.get(table.ids[thread.row], {}).items():
        row = table.row_of.get(target)
        if row is not None:
            links[row] = max(links[row], (links[row] + weight) / 2)
    return links


def _ranked(best: Mapping[int, float], paths: Mapping[int, tuple[int, ...]]) -> Ranking:
    rows: Rows = np.array(list(best), dtype=np.intp)
    values = np.array(list(best.values()), dtype=np.float64)
    # Where every link is sure all of a thread is worth the same, and is told from its beginning.
    far = np.array([len(paths.get(row, ())) for row in best])
    order = np.lexsort((far, -values))
    return Ranking(rows[order], values[order], {"thread": values[order]})

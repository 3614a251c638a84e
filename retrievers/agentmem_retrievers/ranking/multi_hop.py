"""Multi-hop search: what a memory adds to the question is what to look for next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agentmem_retrievers.features.lexical import Floats, TermStats
from agentmem_retrievers.index.table import Rows, Table, VisibilityMask
from agentmem_retrievers.ranking.scoring import Ranking

__all__ = ["Path", "follow_links"]

# Paths start at this many best hits, and at none with less than this share of the best value.
MAX_STARTS = 10
MIN_START_SHARE = 0.25
# A link must account for this share of the new terms of a memory.
MIN_LINK = 0.3
# A score this much lower divides the value of a hit by e.
SCORE_SCALE = 3.0


@dataclass(frozen=True)
class Path:
    """Rows from a hit of the search to the row that they led to.

    Attributes:
        rows: from the hit on; the last is the row reached.
        value: in (0, 1]; the value of the row before, times how unambiguous the link is.
        terms: of the question and of all rows but the last.
    """

    rows: tuple[int, ...]
    value: float
    terms: frozenset[str]


def follow_links(
    table: Table,
    edges: Mapping[str, Mapping[str, float]],
    ranking: Ranking,
    coverage: Floats,
    terms: frozenset[str],
    mask: VisibilityMask,
    hops: int,
) -> tuple[Ranking, dict[int, tuple[int, ...]]]:
    """Extend a ranking by memories that its hits lead to.

    Each hop looks for the terms that a memory adds to the question and to the memories before it
    ("Needle Threading", arXiv 2411.05000).

    Args:
        edges: associations to follow as well, with weights.
        coverage: the share of the question's terms that each hit matches, shape (hits,). Paths
            start where the question points, not at what is merely similar.
        terms: stems of the question.
        hops: number of memories on a path, its start included; 1 follows nothing.

    Returns:
        The new ranking, and for each row that was reached the path to it.
    """
    values = np.exp((ranking.scores - ranking.scores.max(initial=-np.inf)) / SCORE_SCALE)
    if coverage.any():
        values = values * coverage / coverage.max()
    best = {int(row): float(value) for row, value in zip(ranking.rows, values, strict=True)}
    starts = [row for row in list(best)[:MAX_STARTS] if best[row] >= MIN_START_SHARE]
    frontier = [Path((row,), best[row], terms) for row in starts]
    paths: dict[int, tuple[int, ...]] = {}
    for _ in range(hops - 1):
        if not frontier:
            break
        reached = [longer for path in frontier if (longer := _extend(table, edges, path, mask))]
        frontier = []
        for path in sorted(reached, key=lambda p: -p.value):
            row = path.rows[-1]
            if path.value > best.get(row, 0.0):
                best[row], paths[row] = path.value, path.rows
                frontier.append(path)
    return _rank(best, paths), paths


def _extend(
    table: Table, edges: Mapping[str, Mapping[str, float]], path: Path, mask: VisibilityMask
) -> Path | None:
    """Return the path with the row that best matches what its last memory added."""
    last = path.rows[-1]
    last_terms = table.words.terms(last)
    links = TermStats(table.words, [t for t in last_terms if t not in path.terms]).coverage()
    for target, weight in edges.get(table.ids[last], {}).items():
        row = table.row_of.get(target)
        if row is not None:
            links[row] = max(links[row], (links[row] + weight) / 2)
    links[~mask.at()] = 0.0
    links[list(path.rows)] = 0.0
    if not len(links):
        return None
    row = int(np.argmax(links))
    link = float(links[row])
    if link < MIN_LINK:
        return None
    # The link is ambiguous as far as the second best row matches too.
    second = float(np.partition(links, -2)[-2]) if len(links) > 1 else 0.0
    value = path.value * (1 - second / link / 2)
    return Path((*path.rows, row), value, path.terms | set(last_terms))


def _rank(best: Mapping[int, float], paths: Mapping[int, tuple[int, ...]]) -> Ranking:
    rows: Rows = np.array(list(best), dtype=np.intp)
    values = np.array(list(best.values()), dtype=np.float64)
    # Rows of a path with unambiguous links have one value; they are listed from its start.
    length = np.array([len(paths.get(row, ())) for row in best])
    order = np.lexsort((length, -values))
    return Ranking(rows[order], values[order], {"thread": values[order]})

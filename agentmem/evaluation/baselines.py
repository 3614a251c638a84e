"""Plain rankings to compare with: cosine, BM25, and the sum of both after min-max scaling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agentmem.controller.controller import MemoryController
from agentmem_retrievers.features.lexical import TermStats, bm25
from agentmem_retrievers.text.tokenize import tokenize
from agentmem_stores import Granularity, Scope

__all__ = ["BASELINES", "baseline_scores"]

BASELINES = ("dense", "bm25", "hybrid")
_K1, _B = 1.5, 0.75


def baseline_scores(
    memory: MemoryController, scope: Scope, text: str, rows: NDArray[np.intp]
) -> dict[str, NDArray[np.float64]]:
    """Score turns for a text.

    Args:
        rows: of the turns in the table of the scope's index, shape (turns,).

    Returns:
        For each of `BASELINES` a score per turn, shape (turns,).
    """
    services = memory.services
    table = services.memories.index(scope).tables[Granularity.TURN]
    dense = table.cosines(rows, services.embedder.query(text)).astype(np.float64)
    stats = TermStats(table.words, list(dict.fromkeys(tokenize(text))))
    lengths, mean = table.words.lengths()[rows], table.words.mean_length()
    words = bm25(stats.frequencies(rows), lengths, mean, stats.idf, _K1, _B)
    return {"dense": dense, "bm25": words, "hybrid": _min_max(dense) + _min_max(words)}


def _min_max(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = (scores - scores.min()) / max(float(np.ptp(scores)), 1e-9)
    return scaled

"""Where the time of a search and of a write goes, stage by stage."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["SEARCH_STAGES", "WRITE_STAGES", "by_stage"]

# What a stage is called, and the functions whose time, with all they call, it is made of: the
# end of a module's name, and a name within it.
SEARCH_STAGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "embedding the question": (("_embedder", "query"),),
    "index, up to date": (("_indexes", "index"),),
    "words that are alike": (("_engine", "_kin"),),
    "words in the turns": (("_wording", "__init__"), ("_wording", "found")),
    # Chroma looks for them meanwhile, so that this is what is left to wait for.
    "nearest neighbours": (("_channels", "near"),),
    "candidates": (("_channels", "candidate_rows"),),
    "features": (("_features", "compute"),),
    "second round": (("_second", "second_round"),),
    "confidence": (("_confidence", "confidence"),),
    "reading the hits": (("_reads", "recall"),),
}
WRITE_STAGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "embedding": (("_embedder", "documents"), ("_embedder", "_with_words")),
    "nearest neighbours": (("_reads", "nearest"),),
    "association": (("_association", "edges"),),
    "writing to Chroma": (("_chroma", "write"),),
    "derived index": (("_index", "apply"),),
    "digests": (("_digest", "digest"),),
}


def by_stage(
    work: Callable[[], object], stages: Mapping[str, tuple[tuple[str, str], ...]]
) -> dict[str, float]:
    """Return each stage's milliseconds while `work` runs, and those of `everything else`.

    Measured with a profiler, which makes Python look slower than it is next to native code.
    """
    profile = cProfile.Profile()
    profile.runcall(work)
    stats: Any = pstats.Stats(profile)
    taken = {name: 1e3 * _seconds(stats, functions) for name, functions in stages.items()}
    taken["everything else"] = max(1e3 * stats.total_tt - sum(taken.values()), 0.0)
    return taken


def _seconds(stats: Any, functions: tuple[tuple[str, str], ...]) -> float:
    return sum(
        float(cumulative)
        for (file, _, name), (_, _, _, cumulative, _) in stats.stats.items()
        for module, function in functions
        if name == function and file.endswith(f"{module}.py")
    )

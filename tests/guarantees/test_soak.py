"""Several threads work on one memory, and what they use levels off; see `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.__main__ import SAMPLES, soak


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_a_short_soak(tmp_path: Path) -> None:
    figures = soak(tmp_path, operations=80, workers=4, seed=3)
    assert figures.operations == 80
    assert len(figures.memory) == SAMPLES
    assert figures.problems == []
    # All collections are there by then, and whoever opens more files leaks them.
    assert figures.files[-1] <= figures.files[-5] + 4

"""Several threads work on one memory, and what they use levels off; see `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.__main__ import SAMPLES, soak


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_four_hundred_operations(tmp_path: Path) -> None:
    figures = soak(tmp_path, operations=400, workers=4, seed=3)
    assert figures.operations == 400
    assert len(figures.memory) == SAMPLES
    assert figures.problems == []
    assert figures.files_grew <= 4

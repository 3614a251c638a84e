"""Resource use levels off while several threads work on one controller; see `make soak`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.soak.__main__ import place, soak


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_a_short_soak() -> None:
    with tempfile.TemporaryDirectory(dir=place()) as folder:
        figures = soak(Path(folder), operations=160, workers=4, seed=3, samples=4)
    assert figures.operations == 160
    assert len(figures.memory) == 4
    assert figures.problems == []
    # All collections are there by then, and whoever opens more files leaks them.
    assert figures.files_grew <= 4

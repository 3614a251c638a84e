"""A process is killed repeatedly, and no acknowledged write is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLS = 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="lives are forked")
def test_fifty_kills(tmp_path: Path) -> None:
    """In a process of its own, because a fork must not inherit an open Chroma."""
    command = [sys.executable, "-m", "tests.torture", "--kills", str(KILLS), "--seed", "7"]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["kills"] == KILLS
    assert figures["acknowledged"] > 0
    assert figures["settled"] > 0

"""A process or a server is killed repeatedly, and no acknowledged write is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
KILLS, SERVERS = 50, 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="lives are forked")
def test_fifty_kills(tmp_path: Path) -> None:
    figures = torture(tmp_path, "--kills", str(KILLS))
    assert figures["kills"] == KILLS
    assert figures["acknowledged"] > 0
    assert figures["settled"] > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="servers are forked")
def test_killed_servers_lose_no_acknowledged_write(tmp_path: Path) -> None:
    figures = torture(tmp_path, "--kills", str(SERVERS), "--server")
    assert figures["kills"] == SERVERS
    assert figures["acknowledged"] > 0


def torture(folder: Path, *options: str) -> dict[str, Any]:
    """In a process of its own, because a fork must not inherit an open Chroma."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture", *options, "--seed", "7", "--folder", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures

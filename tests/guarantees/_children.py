"""Processes of their own for what would harm this one: full disks, limits, other users."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

__all__ = ["ROOT", "on_a_small_disk", "run"]

ROOT = Path(__file__).parents[2]


def run(code: str, *arguments: object, before: Sequence[str] = ()) -> str:
    """Run Python code in a process that must succeed within two minutes; return what it printed.

    Args:
        before: a command that runs the command that follows it.
    """
    done = subprocess.run(
        [*before, sys.executable, "-X", "faulthandler", "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def on_a_small_disk(place: Path, megabytes: int) -> list[str]:
    """A command that runs another with a file system of its own at a path, gone when it ends."""
    mount = f'mount -t tmpfs -o size={megabytes}m none {place} && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a file system cannot be mounted here: {error}")
    return command

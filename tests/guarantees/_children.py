"""Child processes for tests that would harm this one: full disks, limits, other users."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

__all__ = ["ROOT", "on_a_small_disk", "run", "started"]

ROOT = Path(__file__).parents[2]


def run(code: str, *arguments: object, before: Sequence[str] = ()) -> str:
    """Run Python code in a process that must succeed within two minutes; return its output.

    Args:
        before: a command that runs the command that follows it.
    """
    with started(code, *arguments, before=before) as process:
        printed, said = process.communicate(timeout=120)
    assert process.returncode == 0, said[-3000:]
    return printed


def started(code: str, *arguments: object, before: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start the same with pipes for input and output."""
    return subprocess.Popen(
        [*before, sys.executable, "-X", "faulthandler", "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def on_a_small_disk(place: Path, megabytes: int) -> list[str]:
    """A command that runs another one with a private file system mounted at a path."""
    mount = f'mount -t tmpfs -o size={megabytes}m none {place} && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a file system cannot be mounted here: {error}")
    return command

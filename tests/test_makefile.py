"""The Makefile: help, the check of Python's version, and when it installs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-f", str(ROOT / "Makefile"), *arguments]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def python_that_exits(code: int, folder: Path) -> str:
    fake = folder / "python"
    fake.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.1" && exit\nexit {code}\n'
    )
    fake.chmod(0o755)
    return str(fake)


def test_help_lists_every_target(folder: Path) -> None:
    output = make(folder, "help").stdout
    for target in (
        "browser",
        "chat",
        "demo",
        "test",
        "bench",
        "crowd",
        "torture",
        "soak",
        "lint",
        "format",
        "build",
        "clean",
    ):
        assert f"make {target}" in output


def test_an_old_python_is_rejected(folder: Path) -> None:
    done = make(folder, "test", f"PYTHON={python_that_exits(1, folder)}")
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "Python 3.9.1" in done.stdout + done.stderr
    assert "make PYTHON=" in done.stderr
    assert not (folder / ".venv").exists()


def test_installs_nothing_while_nothing_changed(folder: Path) -> None:
    stamp = folder / ".venv" / ".installed"
    stamp.parent.mkdir()
    stamp.touch()
    done = make(folder, "install", "PYTHON=/nonexistent")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout or "up to date" in done.stdout


def test_installs_after_pyproject_changed(folder: Path) -> None:
    stamp = folder / ".venv" / ".installed"
    stamp.parent.mkdir()
    stamp.touch()
    later = stamp.stat().st_mtime + 10
    os.utime(folder / "pyproject.toml", (later, later))
    assert make(folder, "install", "PYTHON=/nonexistent").returncode != 0

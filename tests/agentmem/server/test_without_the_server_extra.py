"""Without the extra `server`, everything but the server works, and that names the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Every process imports it at its start, also those that a process starts.
SITECUSTOMIZE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {
            "fastapi", "jinja2", "mcp", "prometheus_client", "python_multipart", "tomlkit"
        }:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""
FIX = "the server needs fastapi; pip install 'ebbinghaus-agentmem[server]'"

IMPORT_ALL = """
import importlib, pkgutil, agentmem

def modules(package):
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if found.name in ("agentmem.server", "agentmem.adapters") or "__main__" in found.name:
            continue
        module = importlib.import_module(found.name)
        yield found.name
        if found.ispkg:
            yield from modules(module)

print(len(list(modules(agentmem))))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE)
    return tmp_path


def python(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT), *sys.path])},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_all_other_modules_are_imported(folder: Path) -> None:
    done = python(folder, "-c", IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 150


def test_commands_have_a_help_and_a_server_names_the_fix(folder: Path) -> None:
    for command in ((), ("serve",), ("mcp",), ("hook",), ("token",), ("install",)):
        done = python(folder, "-m", "agentmem", *command, "--help")
        assert done.returncode == 0, done.stderr
    done = python(folder, "-m", "agentmem", "serve", "--store", "store")
    assert (done.returncode, done.stderr.strip()) == (1, f"agentmem: {FIX}")


def test_an_editor_gets_an_error_with_the_fix(folder: Path) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    done = python(
        folder, "-m", "agentmem", "mcp", "--store", "store", stdin=json.dumps(message) + "\n"
    )
    assert FIX in json.loads(done.stdout)["error"]["message"]

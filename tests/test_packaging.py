"""What is installed, what imports what, and what importing costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

import agentmem

ROOT = Path(__file__).parent.parent
SOURCES = {
    "agentmem_stores": ROOT / "stores",
    "agentmem_retrievers": ROOT / "retrievers",
    "agentmem": ROOT,
}
HEAVY = {"torch", "chromadb", "sklearn", "sentence_transformers", "transformers", "matplotlib"}


def in_a_fresh_interpreter(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported_by(package: str) -> Iterator[tuple[Path, str]]:
    for path in (SOURCES[package] / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name.partition(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield path, node.module.partition(".")[0]


@pytest.mark.parametrize("order", list(permutations(SOURCES)), ids=" then ".join)
def test_the_packages_import_alone_and_in_any_order(order: tuple[str, ...]) -> None:
    in_a_fresh_interpreter("\n".join(f"import {name}" for name in order))


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("agentmem_stores", {"agentmem", "agentmem_retrievers"}),
        ("agentmem_retrievers", {"agentmem"}),
    ],
)
def test_dependence_has_one_direction(package: str, forbidden: set[str]) -> None:
    assert [imports for imports in imported_by(package) if imports[1] in forbidden] == []


@pytest.mark.parametrize(
    "code", ["import agentmem", "from agentmem.cli import app", "import agentmem.plots"]
)
def test_importing_loads_nothing_heavy(code: str) -> None:
    loaded = in_a_fresh_interpreter(f"{code}\nimport sys\nprint(*sys.modules)")
    assert HEAVY & {name.partition(".")[0] for name in loaded.split()} == set()


def test_the_public_names_are_sorted_and_all_there() -> None:
    assert agentmem.__all__ == sorted(agentmem.__all__)
    assert dir(agentmem) == agentmem.__all__
    for name in agentmem.__all__:
        assert getattr(agentmem, name) is not None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = out.glob("*.whl")
    with zipfile.ZipFile(path) as file:
        yield file


def test_a_wheel_contains_three_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    top = {name.partition("/")[0] for name in wheel.namelist()}
    [info] = [name for name in top if name.endswith(".dist-info")]
    assert info.startswith("ebbinghaus_agentmem-")
    assert top - {info} == set(SOURCES)


def test_a_wheel_contains_all_files_of_the_packages(wheel: zipfile.ZipFile) -> None:
    files = {
        str(path.relative_to(source))
        for package, source in SOURCES.items()
        for path in (source / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files - set(wheel.namelist()) == set()
    assert {f"{package}/py.typed" for package in SOURCES} <= files


def test_a_wheel_brings_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    names = {name.partition(".dist-info/")[2]: name for name in wheel.namelist()}
    assert "agentmem = agentmem.__main__:main" in wheel.read(names["entry_points.txt"]).decode()
    assert "Apache License" in wheel.read(names["licenses/LICENSE"]).decode()


def tree() -> Iterator[Path]:
    """The files that are, or would be, in version control."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if listed.returncode == 0:
        yield from (ROOT / name for name in listed.stdout.splitlines())
        return
    for pattern in ("*.md", "*.toml", "*/**/*.md", "*/**/*.py", "Makefile"):
        yield from (p for p in ROOT.glob(pattern) if ".venv" not in p.parts)


def test_no_text_installs_the_other_project_of_the_name() -> None:
    wrong = re.compile(r"\b(?:pip3?|uv) (?:install|add)\b[^\n]*?(?<![\w./-])agentmem(?![\w./-])")
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for path in tree()
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".txt", ".yml", ""}
    }
    matches = {name: wrong.search(text) for name, text in texts.items()}
    assert {name: match[0] for name, match in matches.items() if match} == {}

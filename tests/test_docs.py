"""The README and the documentation are true: examples run, commands parse, links resolve."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from langchain_core.messages import AIMessage, BaseMessage

from agentmem import InMemoryStore, MemoryController, Scope
from agentmem.cli.app import app
from agentmem.cli.chat.slash_commands import COMMANDS
from agentmem.testing import ScriptedChatModel
from tests.serving import serving

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# A test of its own runs this page with a model that answers its questions.
WITH_OWN_TEST = {"langchain.md"}
# Pages whose examples act on a memory that the page does not open.
WITH_A_MEMORY = {"lifecycle.md", "facts-and-time.md"}
# Pages whose examples talk to a server of the folder `memories`.
WITH_A_SERVER = {"server.md"}
# Programs of others that a page may show.
FOREIGN = (
    *("chroma run", "pip install", "python3 -m venv", ".venv/bin/python", ".venv/bin/agentmem"),
    *("curl", "docker compose -f docker/compose.yaml"),
)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the language and the content of each fenced block."""
    yield from re.findall(
        r"^```(\S*)\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )


def command_lines(page: Path) -> Iterator[str]:
    for language, content in blocks(page):
        if language == "sh":
            for line in content.splitlines():
                if command := line.partition(" #")[0].strip():
                    yield command


def answer(messages: list[BaseMessage]) -> AIMessage:
    return AIMessage("Biscuit is well.")


@pages
def test_every_block_is_tested(page: Path) -> None:
    assert {language for language, _ in blocks(page)} <= {"python", "sh", "text"}


@pytest.mark.parametrize(
    "page",
    [
        p
        for p in PAGES
        if p.name not in WITH_OWN_TEST and any(kind == "python" for kind, _ in blocks(p))
    ],
    ids=lambda page: page.name,
)
def test_python_examples_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"chat_model": ScriptedChatModel([answer], repeat=True)}
    if page.name in WITH_A_MEMORY:
        names |= prepared_memory(request)
    if page.name in WITH_A_SERVER:
        server = serving(MemoryController(InMemoryStore()), tmp_path / "memories")
        server.__enter__()
        request.addfinalizer(lambda: server.__exit__(None, None, None))
    for language, content in blocks(page):
        if language == "python":
            exec(compile(content, page.name, "exec"), names)
            # A store belongs to one object at a time; the next example may open it again.
            if page.name == "README.md" and "memory" in names:
                names["memory"].close()
    if "memory" in names:
        names["memory"].close()


def prepared_memory(request: pytest.FixtureRequest) -> dict[str, Any]:
    from datetime import UTC, datetime

    from agentmem.embedding.embedder import Embedder
    from agentmem.embedding.sentence_embeddings import default_embeddings

    store = InMemoryStore(Embedder(default_embeddings()).spec)
    memory = MemoryController(store, scope=Scope("ada"))
    request.addfinalizer(memory.close)
    memory.add("My tea is in the top drawer.", session_id="s1")
    memory.add("I water the tomatoes in my garden every day.", session_id="s1")
    times = {"spring": datetime(2026, 3, 1, tzinfo=UTC), "autumn": datetime(2026, 9, 1, tzinfo=UTC)}
    return {"memory": memory, "last_year": datetime(2025, 1, 1, tzinfo=UTC), **times}


@pages
def test_commands_parse(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for command in command_lines(page):
        words = shlex.split(command)
        if words[0] == "agentmem":
            parse(typer.main.get_command(app), words[1:])
        elif words[:3] == ["python", "-m", "benchmarks"]:
            from benchmarks.__main__ import app as benchmarks

            parse(typer.main.get_command(benchmarks), words[3:])
        elif words[0] == "make":
            assert words[1] in targets, command
        else:
            assert command.startswith(FOREIGN), command


@pages
def test_evaluations_that_a_page_names_exist(page: Path) -> None:
    group: Any = typer.main.get_command(app)
    for name in re.findall(r"`agentmem eval (\w+)", page.read_text(encoding="utf-8")):
        assert name in group.commands["eval"].commands, name


def parse(command: Any, arguments: list[str]) -> None:
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    command.make_context(command.name, arguments)


def test_the_command_line_page_names_every_command() -> None:
    group: Any = typer.main.get_command(app)
    commands = {shlex.split(c)[1] for c in command_lines(ROOT / "docs" / "cli.md")}
    assert set(group.commands) == commands


def test_the_command_line_page_names_every_chat_command() -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    table = text.partition("## In the chat")[2]
    assert set(re.findall(r"`(/[a-z]+)", table)) == {*COMMANDS, "/help", "/quit"}


@pages
def test_source_files_exist(page: Path) -> None:
    sources = [
        path.relative_to(ROOT).as_posix()
        for folder in ("agentmem", "retrievers", "stores", "benchmarks", "demos", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    for name in re.findall(r"`([\w/]+/\w+\.py)`", page.read_text(encoding="utf-8")):
        assert any(f"/{source}".endswith(f"/{name}") for source in sources), name


def test_the_layout_of_the_architecture_page_names_every_module() -> None:
    page = ROOT / "docs" / "architecture.md"
    layout = next(content for kind, content in blocks(page) if kind == "text")
    named = set(re.findall(r"\w+", layout))
    for package in ("agentmem", "retrievers/agentmem_retrievers", "stores/agentmem_stores"):
        modules = {path.stem for path in (ROOT / package).glob("*.py")}
        folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        missing = (modules | folders) - named - {"__init__", "__main__"}
        assert not missing, package


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pages
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target

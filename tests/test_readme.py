"""What the README shows works: its Python runs, its commands exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from agentmem.cli.app import app
from agentmem.cli.chat.slash_commands import COMMANDS
from agentmem.testing import ScriptedChatModel

ROOT = Path(__file__).parent.parent
KNOWN: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = "\n".join(blocks("sh")).splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.startswith("agentmem ")]


def test_the_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    chat_model = ScriptedChatModel(["Biscuit is well.", "Biscuit."])
    examples = blocks("python")
    assert len(examples) == 2
    for example in examples:
        exec(compile(example, "README.md", "exec"), {"chat_model": chat_model})
    shown = capsys.readouterr().out
    assert "I adopted a beagle called Biscuit." in shown
    assert shown.endswith("Biscuit.\n")


@pytest.mark.parametrize("command", commands())
def test_the_commands_exist_with_their_options(command: str) -> None:
    _, *arguments = shlex.split(command)
    known: Any = typer.main.get_command(app)
    while hasattr(known, "commands"):
        known = known.commands[arguments.pop(0)]
    known.make_context(known.name, arguments)


def test_every_command_is_in_the_readme() -> None:
    shown = {shlex.split(command)[1] for command in commands()} | {"chat"}
    assert set(KNOWN) == shown


def test_the_chatbot_s_commands_are_in_the_readme() -> None:
    table = README.partition("| command |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(/[a-z]+)", table)) == set(COMMANDS)


def test_every_target_it_names_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z]+)", "\n".join(blocks("sh"))):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_help_is_there_for_every_command() -> None:
    for name in KNOWN:
        shown = CliRunner().invoke(app, [name, "--help"])
        assert shown.exit_code == 0
        assert f"agentmem {name}" in shown.output.replace("Usage: root", "Usage: agentmem")

"""Installers: what they add, that they add it once, and that nothing else changes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from agentmem import DataFormatError, InvalidInputError
from agentmem.hooks.clients import CLIENTS
from agentmem.hooks.events import AnswerKind, parse_event
from agentmem.hooks.install import Change, plan_changes

COMMAND = ["/usr/bin/agentmem"]
OPTIONS = ["--store", "/memories", "--user", "ada"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("CODEX_HOME", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def plan(client: str, *, remove: bool = False) -> list[Change]:
    return plan_changes(client, COMMAND, OPTIONS, remove=remove)


def apply(client: str, *, remove: bool = False) -> None:
    for change in plan(client, remove=remove):
        change.write()


@pytest.mark.parametrize("client", CLIENTS)
def test_installing_twice_is_installing_once_and_removing_leaves_nothing(
    home: Path, client: str
) -> None:
    changes = plan(client)
    assert changes
    assert all("+" in change.diff for change in changes)
    assert not any(change.file.exists() for change in changes)
    apply(client)
    assert plan(client) == []
    files = {change.file: change.file.read_text() for change in changes}
    assert all("agentmem" in text and "/memories" in text for text in files.values())
    apply(client, remove=True)
    assert not any("agentmem" in file.read_text() for file in files)
    assert plan(client, remove=True) == []


def test_claude_code_keeps_other_hooks_and_servers(home: Path) -> None:
    other = {"hooks": [{"type": "command", "command": "notify-send"}]}
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    before = {"model": "opus", "hooks": {"SessionEnd": [other], "Stop": [other]}}
    settings.write_text(json.dumps(before, indent=2) + "\n")
    settings.chmod(0o644)
    (home / ".claude.json").write_text('{"mcpServers": {"other": {"command": "x"}}, "n": 1}')
    apply("claude-code")
    hooks = json.loads(settings.read_text())["hooks"]
    assert hooks["SessionEnd"][0] == other
    assert (
        hooks["SessionEnd"][1]["hooks"][0]["command"]
        == "/usr/bin/agentmem hook --store /memories --user ada"
    )
    assert set(hooks) == {"SessionStart", "UserPromptSubmit", "PreCompact", "SessionEnd", "Stop"}
    servers = json.loads((home / ".claude.json").read_text())["mcpServers"]
    assert servers["agentmem"]["args"] == ["mcp", *OPTIONS]
    assert settings.stat().st_mode & 0o777 == 0o644
    apply("claude-code", remove=True)
    assert json.loads(settings.read_text()) == before
    assert set(json.loads((home / ".claude.json").read_text())["mcpServers"]) == {"other"}


def test_codex_keeps_comments(home: Path) -> None:
    config = home / ".codex" / "config.toml"
    config.parent.mkdir()
    config.write_text('# Mine.\nmodel = "x"  # the best\n\n[mcp_servers.other]\ncommand = "y"\n')
    before = config.read_text()
    apply("codex")
    assert before.strip() in config.read_text()
    servers = tomllib.loads(config.read_text())["mcp_servers"]
    assert servers["agentmem"] == {"command": COMMAND[0], "args": ["mcp", *OPTIONS]}
    apply("codex", remove=True)
    assert tomllib.loads(config.read_text()) == tomllib.loads(before)
    assert "# the best" in config.read_text()


def test_a_file_that_cannot_be_understood_is_not_touched(home: Path) -> None:
    file = home / ".cursor" / "mcp.json"
    file.parent.mkdir()
    file.write_text('{\n  // servers\n  "mcpServers": {}\n}')
    with pytest.raises(DataFormatError, match="by hand"):
        plan("cursor")
    assert "// servers" in file.read_text()


def test_an_unknown_client_is_refused(home: Path) -> None:
    with pytest.raises(InvalidInputError, match="claude-code"):
        plan("emacs")


# The shapes are those of the documentation of Claude Code's hooks and of Codex's `notify`.
@pytest.mark.parametrize(
    ("event", "kind", "query"),
    [
        (
            {"hook_event_name": "SessionStart", "source": "startup", "cwd": "/work/garden"},
            AnswerKind.RECALL,
            "garden",
        ),
        (
            {"hook_event_name": "UserPromptSubmit", "prompt": "Where do I live?", "cwd": "/"},
            AnswerKind.RECALL,
            "Where do I live?",
        ),
        (
            {"hook_event_name": "SessionEnd", "reason": "exit", "transcript_path": "/t"},
            AnswerKind.STORE,
            None,
        ),
        ({"hook_event_name": "PreCompact", "trigger": "auto"}, AnswerKind.STORE, None),
        ({"hook_event_name": "PreToolUse", "tool_name": "Bash"}, AnswerKind.NOTHING, None),
        (
            {
                "type": "agent-turn-complete",
                "thread-id": "t",
                "turn-id": "1",
                "input-messages": ["Hi."],
                "last-assistant-message": "Hello.",
            },
            AnswerKind.STORE,
            None,
        ),
    ],
)
def test_events_are_read(event: dict[str, object], kind: AnswerKind, query: str | None) -> None:
    parsed = parse_event(json.dumps(event))
    assert parsed.kind is kind
    if query is not None:
        assert parsed.query == query


def test_a_turn_of_codex_has_its_messages() -> None:
    event = {
        "type": "agent-turn-complete",
        "turn-id": "7",
        "input-messages": ["Hi.", " "],
        "last-assistant-message": "Hello.",
    }
    messages = parse_event(json.dumps(event)).messages
    assert [(m["role"], m["content"], m["id"]) for m in messages] == [
        ("user", "Hi.", "7-0"),
        ("assistant", "Hello.", "7-2"),
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", '{"hook_event_name": 1}'])
def test_invalid_events_are_refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse_event(text)

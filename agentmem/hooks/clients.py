"""Where editors and assistants keep their settings, and what belongs into them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CLIENTS", "Setting", "settings_of"]

CLIENTS = ("claude-code", "codex", "cursor", "vscode", "claude-desktop")

_NAME = "agentmem"
# Seconds that Claude Code waits for the hook: opening a store without a server takes seconds.
_TIMEOUT = 60
_HOOK_EVENTS = ("SessionStart", "UserPromptSubmit", "PreCompact", "SessionEnd")


@dataclass(frozen=True)
class Setting:
    """An entry of a settings file.

    Attributes:
        file: the file, JSON or TOML by its suffix.
        path: keys that lead to the entry.
        value: the entry; for a list, what is appended to it.
    """

    file: Path
    path: tuple[str, ...]
    value: Any


def settings_of(client: str, command: Sequence[str], options: Sequence[str]) -> list[Setting]:
    """Return what a client needs.

    Args:
        client: one of `CLIENTS`.
        command: how this program is started.
        options: `--store` and `--user`.
    """
    home = Path.home()
    server = {"command": command[0], "args": [*command[1:], "mcp", *options]}
    if client == "claude-code":
        hook = {"type": "command", "command": _shell([*command, "hook", *options])}
        entry = {"hooks": [hook | {"timeout": _TIMEOUT}]}
        hooks = home / ".claude" / "settings.json"
        return [
            Setting(home / ".claude.json", ("mcpServers", _NAME), {"type": "stdio", **server}),
            *(Setting(hooks, ("hooks", event), [entry]) for event in _HOOK_EVENTS),
        ]
    if client == "codex":
        folder = Path(os.environ.get("CODEX_HOME") or home / ".codex")
        return [Setting(folder / "config.toml", ("mcp_servers", _NAME), server)]
    if client == "cursor":
        return [Setting(home / ".cursor" / "mcp.json", ("mcpServers", _NAME), server)]
    if client == "vscode":
        file = _application_data(home) / "Code" / "User" / "mcp.json"
        return [Setting(file, ("servers", _NAME), {"type": "stdio", **server})]
    file = _application_data(home) / "Claude" / "claude_desktop_config.json"
    return [Setting(file, ("mcpServers", _NAME), server)]


def _application_data(home: Path) -> Path:
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
    return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")


def _shell(command: Sequence[str]) -> str:
    import shlex
    import subprocess

    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)

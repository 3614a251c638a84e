"""Add the entries of a client to its settings files, and remove them again.

Everything else in the files stays as it is; a file that cannot be understood is not touched.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentmem.discovery import write_private
from agentmem.hooks.clients import CLIENTS, Setting, settings_of
from agentmem_stores import DataFormatError, InvalidInputError, MissingExtraError

__all__ = ["Change", "plan_changes"]


@dataclass(frozen=True)
class Change:
    """What a settings file holds, and what it would hold.

    Attributes:
        before: None for a file that does not exist.
    """

    file: Path
    before: str | None
    after: str

    @property
    def diff(self) -> str:
        """The change as a unified diff; empty if there is none."""
        lines = difflib.unified_diff(
            (self.before or "").splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            str(self.file) if self.before is not None else "/dev/null",
            str(self.file),
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def write(self) -> None:
        """Replace the file as a whole, with the permissions that it has."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        mode = self.file.stat().st_mode & 0o777 if self.file.exists() else 0o600
        # Settings files may be links into a folder under version control.
        target = self.file.resolve()
        write_private(target, self.after)
        target.chmod(mode)


def plan_changes(
    client: str, command: Sequence[str], options: Sequence[str], *, remove: bool = False
) -> list[Change]:
    """Return what would change in the settings files of a client.

    Args:
        client: one of `CLIENTS`.
        command: how this program is started.
        options: `--store` and `--user`.
        remove: take the entries out.

    Raises:
        InvalidInputError: there is no such client.
        DataFormatError: a settings file is not JSON or TOML.
        MissingExtraError: tomlkit, which keeps the comments of a TOML file, is not installed.
    """
    if client not in CLIENTS:
        raise InvalidInputError(f"client={client!r} must be one of {', '.join(CLIENTS)}")
    settings = settings_of(client, command, options)
    files = dict.fromkeys(setting.file for setting in settings)
    changes = []
    for file in files:
        before = file.read_text("utf-8") if file.exists() else None
        document = _parse(file, before or "")
        for setting in settings:
            if setting.file != file or (not remove and _is_present(document, setting)):
                continue
            _take_out(document, setting.path)
            if not remove:
                _put(document, setting)
        after = _format(file, document)
        if after != (before or "") and not (remove and before is None):
            changes.append(Change(file, before, after))
    return changes


def _parse(file: Path, text: str) -> MutableMapping[str, Any]:
    if file.suffix == ".toml":
        return _tomlkit(file).parse(text)  # type: ignore[no-any-return]
    try:
        document = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise DataFormatError(
            f"{file} is not JSON ({error}); add the entry by hand, as docs/mcp.md shows it"
        ) from error
    if not isinstance(document, dict):
        raise DataFormatError(f"{file} must hold a JSON object")
    return document


def _tomlkit(file: Path) -> Any:
    try:
        import tomlkit
    except ImportError as error:
        raise MissingExtraError(
            f"changing {file} needs tomlkit; pip install 'ebbinghaus-agentmem[server]'"
        ) from error
    return tomlkit


def _format(file: Path, document: MutableMapping[str, Any]) -> str:
    if file.suffix == ".toml":
        return str(_tomlkit(file).dumps(document))
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _is_present(document: MutableMapping[str, Any], setting: Setting) -> bool:
    value: Any = document
    for name in setting.path:
        value = value.get(name) if isinstance(value, MutableMapping) else None
    if isinstance(setting.value, list) and isinstance(value, list):
        return [entry for entry in value if _is_agentmem_hook(entry)] == setting.value
    return bool(value == setting.value)


def _put(document: MutableMapping[str, Any], setting: Setting) -> None:
    """Add an entry; lists are extended."""
    *parents, last = setting.path
    level = document
    for name in parents:
        level = level.setdefault(name, {})
    if isinstance(setting.value, list):
        level[last] = [*level.get(last, []), *setting.value]
    else:
        level[last] = setting.value


def _take_out(document: MutableMapping[str, Any], path: Sequence[str]) -> None:
    """Remove what an earlier installation added, and tables that are empty then."""
    levels: list[MutableMapping[str, Any]] = [document]
    for name in path[:-1]:
        child = levels[-1].get(name)
        if not isinstance(child, MutableMapping):
            return
        levels.append(child)
    value = levels[-1].get(path[-1])
    if isinstance(value, list):
        others = [entry for entry in value if not _is_agentmem_hook(entry)]
        if len(others) == len(value):
            return
        levels[-1][path[-1]] = others
    levels_and_names = zip(reversed(levels), reversed(path), strict=True)
    _prune(levels_and_names, always=not isinstance(value, list))


def _prune(levels: Iterable[tuple[MutableMapping[str, Any], str]], *, always: bool) -> None:
    for level, name in levels:
        if name in level and (always or not level[name]):
            del level[name]
        always = False


def _is_agentmem_hook(entry: Any) -> bool:
    """Whether an entry of Claude Code's hooks runs `agentmem hook`."""
    hooks = entry.get("hooks") if isinstance(entry, dict) else None
    commands = [str(hook.get("command")) for hook in hooks or [] if isinstance(hook, dict)]
    return any("agentmem" in command and " hook" in command for command in commands)

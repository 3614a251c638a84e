"""Anthropic's memory tool, with its files kept as memories."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from anthropic.lib.tools import BetaAbstractMemoryTool, ToolError
from typing_extensions import override

from agentmem_stores import Granularity, Memory, Scope

if TYPE_CHECKING:
    from anthropic.types import beta

    from agentmem.controller.controller import MemoryController

__all__ = ["AgentMemoryTool"]

_ROOT = "/memories"
_SESSION = "anthropic-memory-tool"
# Longer files are not notes of a model.
_MAX_CHARS = 100_000


class AgentMemoryTool(BetaAbstractMemoryTool):
    """Keeps the files of Anthropic's memory tool as memories of one owner.

    A file is one memory: `search` and `recall` find it, editing it makes a new version, `history`
    has the former ones, and deleting it deletes all of them. A path never leaves `/memories`.

    Args:
        memory: the controller to write.
        scope: the owner; by default the controller's.

    Example:
        >>> from agentmem.adapters.anthropic import AgentMemoryTool
        >>> tool = AgentMemoryTool(memory)
        >>> text = "Ada likes tea."
        >>> tool.call({"command": "create", "path": "/memories/ada.md", "file_text": text})
        'File created successfully at: /memories/ada.md'
        >>> memory.search("tea", k=1)[0].memory.text
        'Ada likes tea.'
    """

    def __init__(
        self, memory: MemoryController, *, scope: Scope | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.memory = memory
        self.scope = scope

    @override
    def view(self, command: beta.BetaMemoryTool20250818ViewCommand) -> str:
        """Return a file with line numbers, or the files in a folder."""
        path = _normalized(command.path)
        files = self._files()
        if path in files:
            lines = files[path].text.split("\n")
            start, end = command.view_range or (1, -1)
            first = max(start, 1)
            selected = lines[first - 1 : len(lines) if end == -1 else end]
            numbered = [f"{n:6d}\t{line}" for n, line in enumerate(selected, start=first)]
            return "\n".join([f"Here's the content of {path} with line numbers:", *numbered])
        inside = sorted(self._below(path))
        if not inside and path != _ROOT:
            raise ToolError(f"The path {path} does not exist. Please provide a valid path.")
        return "\n".join([f"Here're the files and directories in {path}:", *inside])

    @override
    def create(self, command: beta.BetaMemoryTool20250818CreateCommand) -> str:
        """Write a new file."""
        path = _normalized(command.path)
        if path == _ROOT or path in self._files():
            raise ToolError(f"File {path} already exists")
        self._write(path, command.file_text)
        return f"File created successfully at: {path}"

    @override
    def str_replace(self, command: beta.BetaMemoryTool20250818StrReplaceCommand) -> str:
        """Replace a text that occurs once in a file."""
        path, file = self._existing(command.path)
        count = file.text.count(command.old_str)
        if count != 1:
            raise ToolError(
                f"No replacement was performed: old_str occurs {count} times in {path}, not once."
            )
        self._edit(file, file.text.replace(command.old_str, command.new_str or ""))
        return f"The memory file {path} has been edited."

    @override
    def insert(self, command: beta.BetaMemoryTool20250818InsertCommand) -> str:
        """Insert a text after a line of a file; 0 is its beginning."""
        path, file = self._existing(command.path)
        lines = file.text.split("\n")
        if not 0 <= command.insert_line <= len(lines):
            raise ToolError(
                f"Invalid insert_line {command.insert_line}: must be in [0, {len(lines)}]"
            )
        lines.insert(command.insert_line, command.insert_text.removesuffix("\n"))
        self._edit(file, "\n".join(lines))
        return f"The file {path} has been edited."

    @override
    def delete(self, command: beta.BetaMemoryTool20250818DeleteCommand) -> str:
        """Delete a file, or all files in a folder."""
        path = _normalized(command.path)
        gone = self._below(path)
        if not gone or path == _ROOT:
            raise ToolError(f"The path {path} does not exist or cannot be deleted.")
        for file in gone.values():
            self.memory.delete(file.id, scope=self.scope)
        return f"Successfully deleted {path}"

    @override
    def rename(self, command: beta.BetaMemoryTool20250818RenameCommand) -> str:
        """Give a file or a folder another path; former versions of its files are deleted."""
        old, new = _normalized(command.old_path), _normalized(command.new_path)
        moved = self._below(old)
        if not moved or old == _ROOT:
            raise ToolError(f"The path {old} does not exist or cannot be renamed.")
        if new == _ROOT or self._below(new):
            raise ToolError(f"The destination {new} already exists")
        for name, file in moved.items():
            self._write(f"{new}{name.removeprefix(old)}", file.text)
            self.memory.delete(file.id, scope=self.scope)
        return f"Successfully renamed {old} to {new}"

    @override
    def clear_all_memory(self) -> str:
        """Delete all files."""
        for file in self._files().values():
            self.memory.delete(file.id, scope=self.scope)
        return "All memory cleared"

    def _files(self) -> dict[str, Memory]:
        turns = self.memory.get_all(
            session_id=_SESSION, granularity=Granularity.TURN, limit=None, scope=self.scope
        )
        return {str(m.metadata["path"]): m for m in turns if "path" in m.metadata}

    def _below(self, path: str) -> dict[str, Memory]:
        """The file of this path, or the files in this folder."""
        return {n: m for n, m in self._files().items() if f"{n}/".startswith(f"{path}/")}

    def _existing(self, path: str) -> tuple[str, Memory]:
        name = _normalized(path)
        file = self._files().get(name)
        if file is None:
            raise ToolError(f"The path {name} does not exist. Please provide a valid path.")
        return name, file

    def _write(self, path: str, text: str) -> None:
        message = {"role": "assistant", "content": _checked(text), "metadata": {"path": path}}
        self.memory.add(message, session_id=_SESSION, scope=self.scope)

    def _edit(self, file: Memory, text: str) -> None:
        self.memory.update(file.id, text=_checked(text), scope=self.scope)


def _checked(text: str) -> str:
    if not text.strip() or len(text) > _MAX_CHARS:
        raise ToolError(f"A file must have 1 to {_MAX_CHARS} characters; delete it to empty it.")
    return text


def _normalized(path: str) -> str:
    """Return a path within `/memories` without `.` and `..`."""
    normalized = posixpath.normpath(path.strip() or "/")
    if normalized != _ROOT and not normalized.startswith(f"{_ROOT}/"):
        raise ToolError(f"Path must start with {_ROOT}, got: {path!r:.100}")
    return normalized

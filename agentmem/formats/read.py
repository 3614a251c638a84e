"""Detect the format of a file and read its dialogues."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

from agentmem.formats.common import read_common
from agentmem.formats.dialogue import Dialogue
from agentmem.formats.exports import read_chatgpt, read_claude, read_openai
from agentmem.formats.json_stream import first_line, read_lines, read_list, read_object
from agentmem.formats.jsonl import read_jsonl
from agentmem.formats.locomo import read_locomo
from agentmem.formats.longmemeval import read_longmemeval
from agentmem.formats.memorybank import read_memorybank
from agentmem.formats.transcripts import (
    is_claude_code,
    is_codex,
    read_claude_code,
    read_codex,
    transcript_files,
)
from agentmem_stores import DataFormatError, InvalidInputError

__all__ = ["FORMATS", "detect", "read"]

_READERS: Mapping[str, Callable[[str | PathLike[str]], Iterator[Dialogue]]] = {
    "chatgpt": read_chatgpt,
    "claude": read_claude,
    "claude-code": read_claude_code,
    "codex": read_codex,
    "common": read_common,
    "jsonl": read_jsonl,
    "locomo": read_locomo,
    "longmemeval": read_longmemeval,
    "memorybank": read_memorybank,
    "openai": read_openai,
}

FORMATS = tuple(_READERS)

# A transcript may begin with a summary or another line that does not identify its format.
_LINES_TO_JUDGE = 20
_JSONL_FIELDS = {"session_id", "role", "content"}
_JSONL_LINE = re.compile(r'\s*\{\s*"(session_id|role|content|timestamp|speaker|user_id|metadata)"')


def read(path: str | PathLike[str], format: str | None = None) -> Iterator[Dialogue]:  # noqa: A002
    """Yield the dialogues of a file, each as soon as it has been read and validated.

    Args:
        path: the file.
        format: one of `FORMATS`; detected if not given.

    Raises:
        DataFormatError: the file cannot be read, or an entry does not have the format; the message
            names the entry and the field. Dialogues before that entry have been yielded by then.
        InvalidInputError: there is no such format.
    """
    name = format or detect(path)
    if name not in _READERS:
        raise InvalidInputError(f"format={name!r} must be one of {', '.join(FORMATS)}")
    return _READERS[name](path)


def detect(path: str | PathLike[str]) -> str:
    """Return the format of a file, one of `FORMATS`, judged by its first entry.

    Raises:
        DataFormatError: the file cannot be read, is not JSON, or has none of the formats.
    """
    if Path(path).is_dir():
        return _folder_format(Path(path))
    start = first_line(path).lstrip()
    name = None
    if start.startswith("["):
        name = _list_format(path)
    elif start.startswith("{"):
        name = _object_format(path)
    if name is None:
        what = "is in none of the formats" if start else "is empty"
        raise DataFormatError(
            f"{path}: {what}; expected LoCoMo, LongMemEval, MemoryBank, the common format, an "
            "export of ChatGPT or Claude, a transcript of Claude Code or Codex, messages of "
            "OpenAI, or JSON lines of {session_id, role, content}"
        )
    return name


def _list_format(path: str | PathLike[str]) -> str | None:
    first = next(read_list(path), None)
    keys = set(first.value) if first else set()
    if keys & {"conversation", "sample_id"}:
        return "locomo"
    if {"sessions", "id"} <= keys:
        return "common"
    for key, name in (("mapping", "chatgpt"), ("chat_messages", "claude"), ("role", "openai")):
        if key in keys:
            return name
    return "longmemeval" if keys & {"haystack_sessions", "question_id"} else None


def _object_format(path: str | PathLike[str]) -> str | None:
    object_error: DataFormatError | None = None
    try:
        first = next(read_object(path), None)
        if first is not None and "history" in first[1].value:
            return "memorybank"
    except DataFormatError as error:
        object_error = error
    try:
        line = next(read_lines(path))
    except DataFormatError as line_error:
        # Neither one object nor an object per line: report the error of the likelier format.
        if object_error is None or _JSONL_LINE.match(first_line(path)):
            raise line_error from None
        raise object_error from None
    return _line_format(line.value)


def _line_format(line: Mapping[str, Any]) -> str | None:
    if is_claude_code(line):
        return "claude-code"
    if is_codex(line):
        return "codex"
    if isinstance(line.get("messages"), list):
        return "openai"
    return "jsonl" if _JSONL_FIELDS & set(line) else None


def _folder_format(folder: Path) -> str:
    """Return the format of the transcripts in a folder, judged by the first that has one."""
    for file in transcript_files(folder):
        for line in islice(read_lines(file), _LINES_TO_JUDGE):
            name = _line_format(line.value)
            if name in ("claude-code", "codex"):
                return str(name)
    raise DataFormatError(f"{folder}: has no transcripts of Claude Code or Codex")

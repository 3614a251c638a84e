"""Printing: data goes to stdout, everything else to stderr, and no text can steer the terminal."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from agentmem import Memory

__all__ = [
    "console",
    "date",
    "line",
    "memory_json",
    "note",
    "plain",
    "print_error",
    "print_json",
    "short_id",
    "show",
]

# Whole escape sequences (7-bit and 8-bit), then the other characters a terminal acts on: control
# characters, and those that reverse the direction of the text after them.
_SEQUENCES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]?"
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

# Prefix of an id that is printed: 48 random bits, so two of a million memories share one with
# probability 0.002.
_ID_PREFIX = 12
_RANDOM_ID = re.compile("[0-9a-f]{32}")


def plain(text: str) -> str:
    """Return a text without terminal control; line feeds and tabs stay.

    >>> plain("\\x1b[31mred\\x1b[0m")
    'red'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", _SEQUENCES.sub("", text))


def line(text: str, width: int = 0) -> str:
    """Return a text on one line, cut to `width` characters if that is not 0.

    >>> line("one\\n two  three", 9)
    'one two…'
    """
    flat = " ".join(plain(text).split())
    return flat if not width or len(flat) <= width else f"{flat[: width - 1].rstrip()}…"


def console(*, stderr: bool = False) -> Console:
    """Return a console that interprets no markup and does not wrap piped output."""
    from rich.console import Console

    new = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not new.is_terminal:
        # A program reads this, so a line must stay a line.
        new.width = 10_000
    return new


def show(*parts: RenderableType) -> None:
    """Print parts one below the other on stdout, without trailing spaces."""
    out = console()
    with out.capture() as captured:
        for part in parts:
            out.print(part)
    for row in captured.get().splitlines():
        typer.echo(row.rstrip())


def note(text: str) -> None:
    """Print a message on stderr."""
    typer.echo(plain(text), err=True)


def print_error(text: str) -> None:
    """Print an error as one line on stderr."""
    note(f"agentmem: {line(text)}")


def print_json(data: Any) -> None:
    """Print data as ASCII JSON, which every terminal and locale can show."""
    typer.echo(json.dumps(data, indent=2))


def date(moment: datetime) -> str:
    """Return a time in UTC, to the minute."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def short_id(memory_id: str) -> str:
    """Return the prefix of a random id, which commands accept; other ids whole."""
    return memory_id[:_ID_PREFIX] if _RANDOM_ID.fullmatch(memory_id) else line(memory_id)


def memory_json(memory: Memory) -> dict[str, Any]:
    """Return a memory as JSON values."""
    from agentmem.maintenance.transfer import to_json

    owner = {"user_id": memory.scope.user_id, "agent_id": memory.scope.agent_id}
    return to_json(memory) | owner

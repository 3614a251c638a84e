"""What the commands print: data on stdout, everything else on stderr."""

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
    "complain",
    "console",
    "date",
    "line",
    "memory_json",
    "note",
    "plain",
    "print_json",
    "short_id",
    "show",
]

# Escape sequences (of 7 and of 8 bits) whole, then whatever else a terminal would obey: control
# characters, and those that reverse the direction of what follows.
_SEQUENCES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]?"
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_SHOWN_OF_ID = 12
_RANDOM = re.compile("[0-9a-f]{32}")


def plain(text: str) -> str:
    """Return a text without anything that a terminal would obey; line feeds and tabs stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", _SEQUENCES.sub("", text))


def line(text: str, width: int = 0) -> str:
    """Return a text on one line, cut to `width` characters where that is not 0."""
    flat = " ".join(plain(text).split())
    return flat if not width or len(flat) <= width else f"{flat[: width - 1].rstrip()}…"


def console(*, stderr: bool = False) -> Console:
    """A console that takes texts as they are and does not wrap what is piped."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        # A program reads this: a line of ours has to stay a line.
        made.width = 10_000
    return made


def show(*parts: RenderableType) -> None:
    """Print on stdout, one part below the other, without spaces at the end of lines."""
    out = console()
    with out.capture() as captured:
        for part in parts:
            out.print(part)
    for row in captured.get().splitlines():
        typer.echo(row.rstrip())


def note(text: str) -> None:
    """Say something to the person at the terminal that is no data."""
    typer.echo(plain(text), err=True)


def complain(text: str) -> None:
    """Say on one line of stderr what went wrong."""
    note(f"agentmem: {line(text)}")


def print_json(data: Any) -> None:
    """Print data as ASCII, which every terminal and every locale can take."""
    typer.echo(json.dumps(data, indent=2))


def date(moment: datetime) -> str:
    """Return a moment as people read it, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def short_id(memory_id: str) -> str:
    """Return as much of an id as tells it apart; commands take the beginning of an id."""
    return memory_id[:_SHOWN_OF_ID] if _RANDOM.fullmatch(memory_id) else line(memory_id)


def memory_json(memory: Memory) -> dict[str, Any]:
    """Everything of a memory, in what JSON can hold."""
    from agentmem.maintenance.transfer import to_json

    owner = {"user_id": memory.scope.user_id, "agent_id": memory.scope.agent_id}
    return to_json(memory) | owner

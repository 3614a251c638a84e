"""Options that several commands share, and opening the memory that they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem import Memory, MemoryController, Scope

__all__ = [
    "DEFAULT_STORE", "DEFAULT_USER", "Agent", "Json", "Kind", "Store", "Time", "User",
    "find_id", "granularity", "moment", "open_memory", "scope_of",
]  # fmt: skip

DEFAULT_STORE = Path("~/.agentmem")
DEFAULT_USER = "me"


def moment(text: str) -> datetime:
    """Read a time of ISO 8601; without a time zone it is taken as UTC.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time; write it as 2026-03-01 or 2026-03-01T09:30+01:00"
        ) from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def granularity(text: str) -> str:
    """Check the name of a granularity.

    Raises:
        typer.BadParameter: there is no such granularity.
    """
    from agentmem import Granularity

    names = [g.value for g in Granularity]
    if text not in names:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(names)}")
    return text


Store = Annotated[
    Path,
    typer.Option("--store", "-s", envvar="AGENTMEM_STORE", help="The folder memories live in."),
]
User = Annotated[
    str, typer.Option("--user", "-u", envvar="AGENTMEM_USER", help="Whose memories they are.")
]
Agent = Annotated[
    str | None,
    typer.Option(
        "--agent",
        envvar="AGENTMEM_AGENT",
        help="Keep to what this agent remembers of the user.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
Kind = Annotated[
    str | None,
    typer.Option(
        "--granularity",
        "-g",
        parser=granularity,
        metavar="turn|session|summary|keywords|topic|day|plan|fact",
        help="Which form of what was said.",
        show_default=False,
    ),
]
# What options of time have in common.
Time: dict[str, Any] = {"parser": moment, "metavar": "TIME", "show_default": False}


def scope_of(user: str, agent: str | None) -> Scope:
    """The owner that the options name."""
    from agentmem import Scope

    return Scope(user, agent)


@cache
def _embeddings() -> Embeddings:
    from agentmem.embedding.sentence_embeddings import default_embeddings

    return default_embeddings()


@contextmanager
def open_memory(
    store: Path, user: str, agent: str | None = None, *, create: bool = False, repair: bool = False
) -> Iterator[MemoryController]:
    """Open the memory that the options name, and close it again.

    Args:
        create: make a store where there is none, as befits commands that write.
        repair: open it although index files are damaged.

    Raises:
        StoreUnavailableError: there is no store, or it cannot be opened.
    """
    from agentmem import MemoryController, StoreUnavailableError
    from agentmem_stores import is_vacant

    scope, path = scope_of(user, agent), store.expanduser()
    if not create and is_vacant(path):
        raise StoreUnavailableError(
            f"there is no store at {path} yet; write something with `agentmem add`, "
            "or name another folder with --store"
        )
    with MemoryController.open(
        path, scope=scope, embeddings=_embeddings(), repair=repair
    ) as memory:
        yield memory


def find_id(memory: MemoryController, beginning: str) -> Memory:
    """The memory whose id is, or begins with, what was typed.

    Raises:
        MemoryNotFoundError: none has, or several have.
    """
    from agentmem import MemoryNotFoundError

    try:
        return memory.get(beginning)
    except MemoryNotFoundError:
        found = [m for m in memory.get_all(limit=None) if m.id.startswith(beginning)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise MemoryNotFoundError(
            f"{memory.scope} has no memory whose id begins with {beginning!r}; "
            "`agentmem list` shows the ids"
        )
    raise MemoryNotFoundError(
        f"{len(found)} ids of {memory.scope} begin with {beginning!r}; type more of it"
    )

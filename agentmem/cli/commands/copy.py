"""`copy`: from one live store to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from agentmem.cli.app import MOVE, app, examples

if TYPE_CHECKING:
    from agentmem import ChromaStore
    from agentmem_stores import EmbedderSpec

__all__ = ["copy"]

Place = Annotated[
    str,
    typer.Argument(
        metavar="STORE",
        help="A folder, or http(s)://HOST:PORT[/DATABASE[/TENANT]] of a Chroma server.",
    ),
]


@app.command(
    rich_help_panel=MOVE,
    epilog=examples(
        "agentmem copy ./memories http://localhost:8000",
        "agentmem copy http://localhost:8000 ./backup",
    ),
)
def copy(
    source: Place,
    target: Place,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="AGENTMEM_CHROMA_TOKEN",
            help="Sent to servers as x-chroma-token.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a store the same as another, both open: ids, strengths, associations, former versions.

    Every owner is copied. It may be interrupted and run again, also after more was written.
    """
    from agentmem.cli.render import note
    from agentmem_stores import StoreUnavailableError, copy_memories, is_vacant

    if not _is_server(source) and is_vacant(Path(source).expanduser()):
        raise StoreUnavailableError(f"there is no store at {source} to be copied; name another")
    with _opened(source, token) as one, _opened(target, token, one.embedder) as other:
        done = copy_memories(one, other)
    note(f"copied {done.written:,} memories of {done.scopes:,} owners to {target}")


def _is_server(place: str) -> bool:
    return urlsplit(place).scheme in ("http", "https")


def _opened(place: str, token: str | None, embedder: EmbedderSpec | None = None) -> ChromaStore:
    from agentmem import ChromaStore

    if not _is_server(place):
        return ChromaStore.open(place, embedder)
    parts = urlsplit(place)
    names = [name for name in parts.path.split("/") if name]
    return ChromaStore.connect(
        host=parts.hostname or "localhost",
        port=parts.port or (443 if parts.scheme == "https" else 8000),
        ssl=parts.scheme == "https",
        headers={"x-chroma-token": token} if token else None,
        database=names[0] if names else None,
        tenant=names[1] if len(names) > 1 else None,
        embedder=embedder,
    )

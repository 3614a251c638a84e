"""`export`, `import` and `copy`: move memories between stores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from agentmem.cli.options import EXPORT, OwnerOptions, examples, expand, with_groups
from agentmem.cli.terminal import note, plain

if TYPE_CHECKING:
    from agentmem import ChromaStore
    from agentmem_stores import EmbedderSpec

__all__ = ["app", "copy", "export", "import_"]

app = typer.Typer()


@app.command(rich_help_panel=EXPORT, epilog=examples("agentmem export backup.jsonl --user ada"))
@with_groups
def export(
    file: Annotated[Path, typer.Argument(help="Output file.", show_default=False)],
    owner: OwnerOptions,
) -> None:
    """Write all memories of a user to a JSON Lines file, one memory per line.

    Keeps ids, strengths, states, links and former versions. Vectors are computed again on import.
    """
    with owner.open() as memory:
        count = memory.export(file)
    typer.echo(f"wrote {count} records of {plain(str(owner.scope))} to {plain(str(file))}")


@app.command(
    "import", rich_help_panel=EXPORT, epilog=examples("agentmem import backup.jsonl --user ada")
)
@with_groups
def import_(
    file: Annotated[
        Path, typer.Argument(help="A file written by `agentmem export`.", show_default=False)
    ],
    owner: OwnerOptions,
) -> None:
    """Read a file written by `agentmem export` into the memories of a user.

    Memories with the same id are replaced, so a second import changes nothing. A file with an
    error is rejected as a whole.
    """
    with owner.open(create=True) as memory:
        count = memory.import_(file)
    typer.echo(f"read {count} records of {plain(str(file))} into {plain(str(owner.scope))}")


_LOCATION = "A folder, or http(s)://HOST:PORT[/DATABASE[/TENANT]] of a Chroma server."


@app.command(
    rich_help_panel=EXPORT,
    epilog=examples(
        "agentmem copy ./memories http://localhost:8000",
        "agentmem copy http://localhost:8000 ./backup",
    ),
)
def copy(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=_LOCATION)],
    target: Annotated[str, typer.Argument(metavar="TARGET", help=_LOCATION)],
    token: Annotated[
        str | None,
        typer.Option(
            envvar="AGENTMEM_CHROMA_TOKEN",
            help="Value of the x-chroma-token header sent to servers.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Copy all users of one store to another, with ids, strengths, associations and versions.

    Both stores stay usable. The copy can be interrupted and run again, also after new writes.
    """
    from agentmem_stores import StoreUnavailableError, copy_memories, is_vacant

    if not _is_server(source) and is_vacant(expand(Path(source))):
        raise StoreUnavailableError(f"no store at {source}")
    with _open(source, token) as reader, _open(target, token, reader.embedder) as writer:
        done = copy_memories(reader, writer)
    note(f"copied {done.written:,} memories of {done.scopes:,} owners to {target}")


def _is_server(location: str) -> bool:
    return urlsplit(location).scheme in ("http", "https")


def _open(location: str, token: str | None, embedder: EmbedderSpec | None = None) -> ChromaStore:
    from agentmem import ChromaStore

    if not _is_server(location):
        return ChromaStore.open(location, embedder)
    parts = urlsplit(location)
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

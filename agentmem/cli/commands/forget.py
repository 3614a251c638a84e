"""`forget` and `compact`: delete memories, and remove deleted bytes from the files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from agentmem.cli.options import (
    DEFAULT_STORE,
    DEFAULT_USER,
    MAINTAIN,
    K,
    OwnerOptions,
    Store,
    User,
    examples,
    find_memory,
    with_groups,
)
from agentmem.cli.terminal import line, note, plain, short_id

if TYPE_CHECKING:
    from agentmem import Client, Deletion, Memory, MemoryController

__all__ = ["app", "compact", "forget"]

app = typer.Typer()


@app.command(
    rich_help_panel=MAINTAIN,
    epilog=examples(
        "agentmem forget 3f2a9c1b7e04",
        "agentmem forget --session trip --yes",
        'agentmem forget --query "my old address" --k 3',
        "agentmem forget --all --user ada --purge",
    ),
)
@with_groups
def forget(
    owner: OwnerOptions,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Ids, or prefixes of ids.", show_default=False),
    ] = None,
    session: Annotated[
        str | None, typer.Option(help="Delete this whole conversation.", show_default=False)
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="Delete the results of this search.", show_default=False)
    ] = None,
    k: K = 5,
    everything: Annotated[
        bool, typer.Option("--all", help="Delete all memories of this user.")
    ] = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Compact the store's files afterwards.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete memories permanently, with their former versions and everything derived from them.

    Deletion is not fading: faded memories are archived by `agentmem sweep` and can come back.
    Deleted text stays in free pages of the files until these are rewritten. --purge does that at
    once, `agentmem compact` at any time. --k limits the results of --query.
    """
    if sum([bool(ids), session is not None, query is not None, everything]) != 1:
        raise typer.BadParameter("pass ids, --session, --query or --all (exactly one of them)")
    with owner.open() as memory:
        if everything:
            _confirm(f"Delete all memories of {memory.scope}?", yes)
            typer.echo(f"deleted {memory.delete_all()} records of {plain(str(memory.scope))}")
        elif session is not None:
            _confirm(f"Delete the conversation {session} of {memory.scope}?", yes)
            done = memory.delete_session(session)
            typer.echo(f"deleted {len(done.deleted)} records of {line(session)}{_details(done)}")
        elif query is not None:
            _delete(memory, _confirmed_results(memory, query, k, yes))
        else:
            # Every id is resolved before the first deletion, so that a typo deletes nothing.
            _delete(memory, [find_memory(memory, prefix) for prefix in ids or ()])
        if purge:
            _compact(memory)


def _confirm(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("stdin is not a terminal; pass --yes to confirm")
    typer.confirm(plain(question), abort=True)


def _confirmed_results(
    memory: MemoryController | Client, query: str, k: int, yes: bool
) -> list[Memory]:
    """Print what a search finds, and return it once the user has confirmed."""
    from agentmem.cli.render import print_memories

    results = memory.search(query, k=k, include_archived=True, reinforce=False)
    if not results:
        note(f"no memories of {memory.scope}")
        return []
    # Memories that say the same are one hit; all of them are meant.
    targets = [
        (each, hit.retention)
        for hit in results
        for each in (hit.memory, *(memory.get(i) for i in hit.duplicates))
    ]
    print_memories(targets)
    subject = "this memory" if len(targets) == 1 else f"these {len(targets)} memories"
    _confirm(f"Delete {subject}?", yes)
    return [target for target, _ in targets]


def _delete(memory: MemoryController | Client, targets: Sequence[Memory]) -> None:
    deleted: set[str] = set()
    for target in targets:
        if target.id in deleted:
            continue
        done = memory.delete(target.id)
        deleted.update(done.deleted)
        typer.echo(f"deleted {short_id(target.id)}  {line(target.text, 80)}{_details(done)}")


def _details(deletion: Deletion) -> str:
    """Return what else a deletion changed, in brackets."""
    counts = {
        "derived": len(deletion.derived),
        "rewritten": len(deletion.rewritten),
        "unlinked": len(deletion.unlinked),
    }
    parts = [f"{n} {name}" for name, n in counts.items() if n > 0]
    return f"  ({', '.join(parts)})" if parts else ""


@app.command(rich_help_panel=MAINTAIN, epilog=examples("agentmem compact --store ./memories"))
@with_groups
def compact(store: Store = DEFAULT_STORE, user: User = DEFAULT_USER) -> None:
    """Rewrite the store's files so that no deleted text or vector is left in them.

    This covers all users of the store and temporarily needs disk space for a second copy.
    """
    with OwnerOptions(store, user).open() as memory:
        _compact(memory)


def _compact(memory: MemoryController | Client) -> None:
    done = memory.compact()
    typer.echo(f"compacted the files: {done.before:,} bytes before, {done.after:,} now")

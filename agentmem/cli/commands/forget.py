"""`forget` and `compact`: what is to be gone, and gone from the files too."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from agentmem.cli.app import KEEP, app, examples
from agentmem.cli.options import (
    DEFAULT_STORE,
    DEFAULT_USER,
    Agent,
    Store,
    User,
    find_id,
    open_memory,
)
from agentmem.cli.render import line, note, plain, short_id

if TYPE_CHECKING:
    from agentmem import Memory, MemoryController
    from agentmem.controller.deletion import Deletion

__all__ = ["compact", "forget"]


@app.command(
    rich_help_panel=KEEP,
    epilog=examples(
        "agentmem forget 3f2a9c1b7e04",
        "agentmem forget --session trip --yes",
        'agentmem forget --query "my old address" --k 3',
        "agentmem forget --all --user ada --purge",
    ),
)
def forget(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Ids, or beginnings of ids.", show_default=False),
    ] = None,
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    session: Annotated[
        str | None, typer.Option(help="Forget this whole conversation.", show_default=False)
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="Forget what a search for this finds.", show_default=False)
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="With --query: how many.")] = 5,
    everything: Annotated[
        bool, typer.Option("--all", help="Forget everything of this user.")
    ] = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Leave no byte of it in the store's files.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete memories for good, with their former versions and what was derived from them.

    This is not fading: what fades is archived by `agentmem sweep` and can come back. Deleted text
    stays in free pages of the files until they are written anew, which --purge does at once and
    `agentmem compact` whenever you like.
    """
    if sum([bool(ids), session is not None, query is not None, everything]) != 1:
        raise typer.BadParameter("name ids, or a --session, or a --query, or --all")
    with open_memory(store, user, agent) as memory:
        if everything:
            _agree(f"Forget everything of {memory.scope}?", yes)
            typer.echo(f"forgot {memory.delete_all()} records of {plain(str(memory.scope))}")
        elif session is not None:
            _agree(f"Forget the conversation {session} of {memory.scope}?", yes)
            gone = memory.delete_session(session)
            typer.echo(f"forgot {len(gone.deleted)} records of {line(session)}{_besides(gone)}")
        elif query is not None:
            _forget(memory, _agreed(memory, query, k, yes))
        else:
            # All are found before the first is deleted, so that a typing error deletes nothing.
            _forget(memory, [find_id(memory, beginning) for beginning in ids or ()])
        if purge:
            _compact(memory)


def _agree(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here; add --yes to go ahead")
    typer.confirm(plain(question), abort=True)


def _agreed(memory: MemoryController, query: str, k: int, yes: bool) -> list[Memory]:
    """What a search finds, after it was shown and agreed to."""
    from agentmem.cli.tables import print_memories

    found = memory.search(query, k=k, include_archived=True, reinforce=False)
    if not found:
        note(f"nothing is remembered for {memory.scope}")
        return []
    print_memories([(hit.memory, hit.retention) for hit in found])
    _agree(f"Forget {'this memory' if len(found) == 1 else f'these {len(found)} memories'}?", yes)
    return [hit.memory for hit in found]


def _forget(memory: MemoryController, found: Sequence[Memory]) -> None:
    for one in found:
        gone = memory.delete(one.id)
        typer.echo(f"forgot {short_id(one.id)}  {line(one.text, 80)}{_besides(gone)}")


def _besides(gone: Deletion) -> str:
    """What else deleting did, in brackets."""
    counts = {
        "derived": len(gone.derived),
        "written anew": len(gone.rewritten),
        "unlinked": len(gone.unlinked),
    }
    told = [f"{n} {name}" for name, n in counts.items() if n > 0]
    return f"  ({', '.join(told)})" if told else ""


@app.command(rich_help_panel=KEEP, epilog=examples("agentmem compact --store ./memories"))
def compact(
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
) -> None:
    """Write the store's files anew, so that nothing of what was deleted is left in them.

    It is done for all users of the store, and needs room for a second copy meanwhile.
    """
    with open_memory(store, user) as memory:
        _compact(memory)


def _compact(memory: MemoryController) -> None:
    done = memory.compact()
    typer.echo(f"compacted the files: {done.before:,} bytes before, {done.after:,} now")

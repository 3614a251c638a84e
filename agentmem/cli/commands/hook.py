"""`hook` and `install`."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import typer

from agentmem.cli.options import SERVE, OwnerOptions, examples, store_folder, with_groups
from agentmem.cli.terminal import note, plain

__all__ = ["app", "hook", "install"]

app = typer.Typer()


@app.command(
    rich_help_panel=SERVE,
    epilog=examples(
        """echo '{"hook_event_name": "UserPromptSubmit", "prompt": "Where do I live?"}' """
        "| agentmem hook",
        "agentmem install claude-code --yes",
    ),
)
@with_groups
def hook(
    owner: OwnerOptions,
    event: Annotated[
        str | None,
        typer.Argument(help="The event as JSON. Default: read from stdin.", show_default=False),
    ] = None,
) -> None:
    """Answer a hook of a coding agent.

    At the start of a session and at a prompt it prints related memories, in the form that Claude
    Code expects. At the end of a session, and before the agent compacts its context, it stores the
    new messages of the transcript.
    """
    from agentmem.hooks.events import AnswerKind, parse_event
    from agentmem.hooks.store import recall_answer, store_event

    try:
        parsed = parse_event(sys.stdin.read() if event is None else event)
    except (ValueError, TypeError) as error:
        raise typer.BadParameter(f"the event cannot be read: {error}") from None
    if parsed.kind == AnswerKind.NOTHING:
        return
    with owner.open(create=True) as memory:
        if parsed.kind == AnswerKind.STORE:
            store_event(memory, parsed)
            return
        text = recall_answer(memory, parsed)
    if text:
        typer.echo(text)


@app.command(
    rich_help_panel=SERVE,
    epilog=examples(
        "agentmem install claude-code",
        "agentmem install cursor --yes",
        "agentmem install codex --remove --yes",
    ),
)
@with_groups
def install(
    client: Annotated[
        str,
        typer.Argument(help="claude-code, codex, cursor, vscode or claude-desktop."),
    ],
    owner: OwnerOptions,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the entries.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write the change.")] = False,
) -> None:
    """Connect an editor or assistant: show the change of its settings, and write it with --yes."""
    from agentmem.hooks.install import plan_changes

    options = ["--store", str(store_folder(owner.store)), "--user", owner.scope.user_id]
    if owner.agent is not None:
        options += ["--agent", owner.agent]
    changes = plan_changes(client, _command(), options, remove=remove)
    if not changes:
        note(f"nothing to change for {client}")
    for change in changes:
        typer.echo(plain(change.diff), nl=False)
        if yes:
            change.write()
            note(f"wrote {change.file}")
    if changes and not yes:
        note("nothing was written; add --yes to write it")


def _command() -> list[str]:
    """How clients start this program; they do not search the PATH of a shell."""
    executable = shutil.which("agentmem")
    return [executable] if executable else [sys.executable, "-m", "agentmem"]

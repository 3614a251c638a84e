"""`add` and `ingest`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentmem.cli.app import TALK, app, examples
from agentmem.cli.options import (
    DEFAULT_STORE,
    DEFAULT_USER,
    Agent,
    Json,
    Store,
    Time,
    User,
    open_memory,
    scope_of,
)
from agentmem.cli.render import console, line, memory_json, note, plain, print_json, short_id

if TYPE_CHECKING:
    from rich.progress import Progress

    from agentmem import MemoryController
    from agentmem.formats.dialogue import Dialogue
    from agentmem.ingest import IngestReport

__all__ = ["add", "ingest"]


@app.command(
    rich_help_panel=TALK,
    epilog=examples(
        'agentmem add "I adopted a beagle called Biscuit."',
        'agentmem add --time 2026-03-01 "I moved to Porto." "The flat has a view of the river."',
        "agentmem add --role assistant --session trip - < plan.txt",
    ),
)
def add(
    texts: Annotated[
        list[str], typer.Argument(metavar="TEXT...", help="What was said; - reads it from stdin.")
    ],
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    session: Annotated[
        str | None,
        typer.Option(help="Its conversation; a new one by default.", show_default=False),
    ] = None,
    role: Annotated[str, typer.Option(help="Who said it: user or assistant.")] = "user",
    speaker: Annotated[
        str | None, typer.Option(help="The speaker's name.", show_default=False)
    ] = None,
    time: Annotated[
        datetime | None,
        typer.Option("--time", "-t", help="When it was said; now by default.", **Time),
    ] = None,
    importance: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How much it matters: 1 is kept longest.")
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Remember one or more things, each TEXT as a message of its own."""
    said = [_read_stdin() if text == "-" else text for text in texts]
    messages = [{"role": role, "content": text, "speaker": speaker} for text in said]
    with open_memory(store, user, agent, create=True) as memory:
        written = memory.add(messages, session_id=session, timestamp=time, importance=importance)
    if as_json:
        print_json([memory_json(m) for m in written])
        return
    for m in written:
        typer.echo(f"{short_id(m.id)}  {line(m.text, 100)}")


def _read_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"stdin is not UTF-8: {error}") from None


@app.command(
    rich_help_panel=TALK,
    epilog=examples(
        "agentmem ingest locomo10.json --store study",
        "agentmem ingest chat.jsonl --user ada",
    ),
)
def ingest(
    file: Annotated[Path, typer.Argument(help="The conversations.", show_default=False)],
    store: Store = DEFAULT_STORE,
    user: User = DEFAULT_USER,
    agent: Agent = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="locomo|longmemeval|memorybank|jsonl",
            help="How FILE is written; found out by default.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read whole conversations into memory.

    LoCoMo, LongMemEval and MemoryBank name the owner of each conversation, who becomes its
    user. JSON lines of `{session_id, role, content, timestamp?}` go to --user.

    Running it again changes nothing, and after an interruption it goes on where it stopped.
    """
    from agentmem.formats.read import read

    # What the file is comes first, so that a wrong one makes no store.
    dialogues, reports = read(file, form), []
    with open_memory(store, user, agent, create=True) as memory:
        for dialogue in dialogues:
            report = _ingest(memory, dialogue, user, agent)
            reports.append(report)
            if not as_json:
                typer.echo(
                    f"{plain(str(report.scope))}: {report.written} turns written, "
                    f"{report.present} already there"
                )
    if as_json:
        print_json([_report_json(report) for report in reports])


def _ingest(
    memory: MemoryController, dialogue: Dialogue, user: str, agent: str | None
) -> IngestReport:
    from agentmem.ingest import ingest

    scope = scope_of(dialogue.owner or user, agent)
    with _bar() as bar:
        turns = sum(len(session.turns) for session in dialogue.sessions)
        task = bar.add_task(line(str(scope), 30), total=turns)
        try:
            return ingest(
                memory, dialogue, scope=scope, progress=lambda done: bar.advance(task, done)
            )
        except KeyboardInterrupt:
            bar.stop()
            note("interrupted; run the same command again to go on")
            raise


def _bar() -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    name = TextColumn("{task.description}", markup=False)
    columns = (name, BarColumn(), MofNCompleteColumn(), TextColumn("turns"), Remaining())
    screen = console(stderr=True)
    return Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)


def _report_json(report: IngestReport) -> dict[str, object]:
    return {
        "user_id": report.scope.user_id,
        "agent_id": report.scope.agent_id,
        "written": report.written,
        "present": report.present,
    }

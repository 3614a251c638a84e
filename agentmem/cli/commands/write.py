"""`add`, `edit` and `ingest`."""

from __future__ import annotations

import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentmem.cli.options import (
    MAINTAIN,
    TALK,
    Json,
    OwnerOptions,
    Time,
    examples,
    find_memory,
    with_groups,
)
from agentmem.cli.terminal import line, memory_json, plain, print_json, short_id

if TYPE_CHECKING:
    from agentmem.ingest import IngestReport

__all__ = ["add", "app", "edit", "ingest"]

app = typer.Typer()


@app.command(
    rich_help_panel=TALK,
    epilog=examples(
        'agentmem add "I adopted a beagle called Biscuit."',
        'agentmem add --time 2026-03-01 "I moved to Porto." "The flat has a view of the river."',
        "agentmem add --role assistant --session trip - < plan.txt",
    ),
)
@with_groups
def add(
    texts: Annotated[
        list[str], typer.Argument(metavar="TEXT...", help="Messages; - reads one from stdin.")
    ],
    owner: OwnerOptions,
    session: Annotated[
        str | None,
        typer.Option(help="Conversation they belong to. Default: a new one.", show_default=False),
    ] = None,
    role: Annotated[
        str,
        typer.Option(help="Role of the speaker: user, assistant, system, tool, document or x-…."),
    ] = "user",
    speaker: Annotated[
        str | None, typer.Option(help="Name of the speaker.", show_default=False)
    ] = None,
    time: Annotated[
        datetime | None,
        typer.Option("--time", "-t", help="When it was said. Default: now.", **Time),
    ] = None,
    importance: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How important it is; 1 lasts longest.")
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Add one or more messages to memory."""
    contents = [_read_stdin() if text == "-" else text for text in texts]
    messages = [{"role": role, "content": text, "speaker": speaker} for text in contents]
    with owner.open(create=True) as memory:
        # One message is a statement, also if it repeats the last one; a list may be a history.
        said = messages if len(messages) > 1 else messages[0]
        memories = memory.add(said, session_id=session, timestamp=time, importance=importance)
    if as_json:
        print_json([memory_json(m) for m in memories])
        return
    for m in memories:
        typer.echo(f"{short_id(m.id)}  {line(m.text, 100)}")


def _read_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"stdin is not UTF-8: {error}") from None


@app.command(
    rich_help_panel=MAINTAIN,
    epilog=examples(
        'agentmem edit 3f2a9c1b7e04 "I live in Porto."', "agentmem edit 3f2a9c1b7e04 -"
    ),
)
@with_groups
def edit(
    memory_id: Annotated[str, typer.Argument(metavar="ID", help="An id, or a prefix of one.")],
    text: Annotated[str, typer.Argument(help="The new text; - reads it from stdin.")],
    owner: OwnerOptions,
    time: Annotated[
        datetime | None,
        typer.Option("--time", "-t", help="Since when the new text holds. Default: now.", **Time),
    ] = None,
    as_json: Json = False,
) -> None:
    """Replace the text of a memory; `agentmem show` still prints the former version."""
    new_text = _read_stdin() if text == "-" else text
    with owner.open() as memory:
        target = find_memory(memory, memory_id)
        edited = memory.update(target.id, text=new_text, timestamp=time)
    if as_json:
        print_json(memory_json(edited))
    else:
        typer.echo(f"{short_id(edited.id)}  version {edited.version}  {line(edited.text, 80)}")


@app.command(
    rich_help_panel=TALK,
    epilog=examples(
        "agentmem ingest locomo10.json --store study",
        "agentmem ingest chat.jsonl --user ada",
        "agentmem ingest ~/.claude/projects --user ada",
    ),
)
@with_groups
def ingest(
    file: Annotated[
        Path, typer.Argument(help="File or folder with conversations.", show_default=False)
    ],
    owner: OwnerOptions,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Format of FILE: chatgpt, claude, claude-code, codex, openai, jsonl, locomo, "
            "longmemeval or memorybank. Default: detected.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add whole conversations to memory.

    LoCoMo, LongMemEval and MemoryBank name the owner of each conversation, who becomes its user.
    Everything else belongs to --user: exports of ChatGPT and Claude (conversations.json), folders
    of transcripts of Claude Code and Codex, OpenAI messages, and JSON Lines of
    `{session_id, role, content, timestamp?}`. Keys and passwords in transcripts are redacted.

    A second run changes nothing; after an interruption it resumes.
    """
    from agentmem import Scope
    from agentmem.cli.progress import ProgressBars
    from agentmem.formats.read import read
    from agentmem.ingest import IngestReport
    from agentmem.ingest import ingest as ingest_dialogue

    # The file is checked first, so that a wrong one creates no store.
    dialogues = read(file, form)
    reports: dict[Scope, IngestReport] = {}
    with owner.open(create=True) as memory, ProgressBars() as bars:
        for dialogue in dialogues:
            scope = Scope(dialogue.owner or owner.user, owner.agent)
            stage = line(str(scope), 30)
            bars.expect(stage, sum(len(session.turns) for session in dialogue.sessions))
            report = ingest_dialogue(
                memory, dialogue, scope=scope, progress=partial(bars.advance, stage)
            )
            before = reports.get(scope, IngestReport(scope, 0, 0))
            reports[scope] = IngestReport(
                scope, before.written + report.written, before.present + report.present
            )
    if as_json:
        print_json([_report_json(report) for report in reports.values()])
        return
    for report in reports.values():
        typer.echo(
            f"{plain(str(report.scope))}: {report.written} turns written, "
            f"{report.present} already present"
        )


def _report_json(report: IngestReport) -> dict[str, Any]:
    return {
        "user_id": report.scope.user_id,
        "agent_id": report.scope.agent_id,
        "written": report.written,
        "present": report.present,
    }

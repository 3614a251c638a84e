"""`add`, `edit` and `ingest`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from itertools import chain
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
    from agentmem import MemoryController
    from agentmem.client import Client
    from agentmem.formats.dialogue import Dialogue
    from agentmem.ingest import IngestReport

__all__ = ["add", "app", "edit", "ingest"]

app = typer.Typer()

Expires = Annotated[
    datetime | None,
    typer.Option("--expires", help="When it is deleted. Default: never.", **Time),
]


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
    expires: Expires = None,
    as_json: Json = False,
) -> None:
    """Add one or more messages to memory."""
    contents = [_read_stdin() if text == "-" else text for text in texts]
    messages = [{"role": role, "content": text, "speaker": speaker} for text in contents]
    with owner.open(create=True) as memory:
        # One message is a statement, also if it repeats the last one; a list may be a history.
        payload = messages if len(messages) > 1 else messages[0]
        memories = memory.add(
            payload,
            session_id=session,
            timestamp=time,
            importance=importance,
            expires_at=expires,
        )
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
        'agentmem edit 3f2a9c1b7e04 "I live in Porto."',
        "agentmem edit 3f2a9c1b7e04 -",
        "agentmem edit 3f2a9c1b7e04 --importance 1 --expires 2027-01-01",
    ),
)
@with_groups
def edit(
    memory_id: Annotated[str, typer.Argument(metavar="ID", help="An id, or a prefix of one.")],
    owner: OwnerOptions,
    text: Annotated[
        str | None,
        typer.Argument(help="The new text; - reads it from stdin.", show_default=False),
    ] = None,
    time: Annotated[
        datetime | None,
        typer.Option("--time", "-t", help="Since when the new text holds. Default: now.", **Time),
    ] = None,
    importance: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="How important it is; 1 lasts longest."),
    ] = None,
    expires: Expires = None,
    never_expires: Annotated[
        bool, typer.Option("--never-expires", help="Remove its expiry.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Replace the text of a memory, its importance, or when it expires.

    `agentmem show` still prints the former text.
    """
    new_text = _read_stdin() if text == "-" else text
    if new_text is None and importance is None and expires is None and not never_expires:
        raise typer.BadParameter("pass TEXT, --importance, --expires or --never-expires")
    with owner.open() as memory:
        target = find_memory(memory, memory_id)
        edited = memory.update(
            target.id,
            text=new_text,
            timestamp=time,
            importance=importance,
            expires_at=None if never_expires else expires or ...,
        )
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
        "agentmem ingest notes.md report.pdf",
    ),
)
@with_groups
def ingest(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Files or folders with conversations, or documents.",
            show_default=False,
        ),
    ],
    owner: OwnerOptions,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Format of FILE: chatgpt, claude, claude-code, codex, common, jsonl, locomo, "
            "longmemeval, memorybank or openai. Default: detected.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add whole conversations, or documents, to memory.

    LoCoMo, LongMemEval, MemoryBank and the format `common` (see `agentmem.formats.common`) name the
    owner of each conversation, who becomes its user.
    Everything else belongs to --user: exports of ChatGPT and Claude (conversations.json), folders
    of transcripts of Claude Code and Codex, OpenAI messages, JSON Lines of
    `{session_id, role, content, timestamp?}`, and documents: Markdown, text, HTML, PDF and DOCX.
    Keys and passwords in transcripts are redacted.

    A second run resumes an interrupted one. Otherwise it changes nothing, except that the chunks of
    a changed document are replaced.
    """
    from agentmem.documents.reading import SUFFIXES, read_file
    from agentmem.folders import expand_home
    from agentmem.formats.read import read

    # The files are checked first, so that a wrong one creates no store.
    documents = [f for f in files if form is None and f.suffix.lower() in SUFFIXES]
    for file in documents:
        read_file(expand_home(file))
    dialogues = chain.from_iterable([read(f, form) for f in files if f not in documents])
    with owner.open(create=True) as memory:
        reports = _ingest_dialogues(memory, dialogues, owner, quiet=as_json)
        reports += [_ingest_document(memory, file, quiet=as_json) for file in documents]
    if as_json:
        print_json(reports)


def _ingest_dialogues(
    memory: MemoryController | Client,
    dialogues: Iterable[Dialogue],
    owner: OwnerOptions,
    *,
    quiet: bool,
) -> list[dict[str, Any]]:
    from agentmem import Scope
    from agentmem.cli.progress import ProgressBars
    from agentmem.ingest import IngestReport
    from agentmem.ingest import ingest as ingest_dialogue

    reports: dict[Scope, IngestReport] = {}
    with ProgressBars() as bars:
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
    if not quiet:
        for report in reports.values():
            typer.echo(
                f"{plain(str(report.scope))}: {report.written} turns written, "
                f"{report.present} already present"
            )
    return [_report_json(report) for report in reports.values()]


def _ingest_document(
    memory: MemoryController | Client, file: Path, *, quiet: bool
) -> dict[str, Any]:
    document = memory.add_document(file)
    if not quiet:
        typer.echo(
            f"{line(document.title, 60)}: {len(document.chunks)} chunks, {document.added} new, "
            f"{document.removed} removed  (document {document.id})"
        )
    return {
        "document_id": document.id,
        "title": document.title,
        "source": document.source,
        "chunks": len(document.chunks),
        "added": document.added,
        "removed": document.removed,
    }


def _report_json(report: IngestReport) -> dict[str, Any]:
    return {
        "user_id": report.scope.user_id,
        "agent_id": report.scope.agent_id,
        "written": report.written,
        "present": report.present,
    }

"""`eval documents`, `recognition`, `personal`, `learning`, `order`, `proactive` and `decay`."""

from __future__ import annotations

from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from agentmem.cli.commands.evaluate import (
    Limit,
    VariantOptions,
    app,
    run_task,
    screen,
    write_json,
)
from agentmem.cli.options import (
    CacheOptions,
    DataFile,
    EmbeddingCache,
    JsonFile,
    OutputOptions,
    Seed,
    cached_embedder,
    with_groups,
)
from agentmem.cli.terminal import plain

__all__ = ["app"]


@app.command()
@with_groups
def documents(
    file: Annotated[
        Path | None,
        typer.Argument(help="QMSum's meetings. Default: generated haystacks.", show_default=False),
    ] = None,
    words: Annotated[
        list[int] | None,
        typer.Option(min=1000, help="Words of a haystack; repeat it.", show_default=False),
    ] = None,
    budget: Annotated[int, typer.Option(min=1, help="Tokens of the chunks.")] = 1500,
    seed: Seed = 0,
    cache: EmbeddingCache = None,
    json_file: JsonFile = None,
) -> None:
    """Documents: the share of the evidence among the chunks within a token budget.

    Beside the order of the memory: dense search, BM25, and their min-max hybrid, over the same
    chunks. On QMSum the evidence is the span of the meeting that a question is about.
    """
    from agentmem.cli.progress import ProgressBars
    from agentmem.evaluation.documents import haystacks, measure_documents, read_qmsum

    OutputOptions(json_file).check()
    texts = haystacks(words or [100_000], seed=seed) if file is None else read_qmsum(file)
    with ProgressBars() as bars:
        shares = measure_documents(texts, cached_embedder(cache), budget=budget, progress=bars)
    means = {name: sum(values) / len(values) for name, values in shares.items()}
    _print(means, "share of the evidence", json_file)
    if json_file is not None:
        write_json(means, json_file)


@app.command()
@with_groups
def recognition(
    file: DataFile,
    limit: Annotated[int, typer.Option(min=1, help="Turns of each kind per conversation.")] = 100,
    seed: Seed = 0,
    cache: EmbeddingCache = None,
    json_file: JsonFile = None,
) -> None:
    """Recognition: tell stored turns, paraphrases of them and new turns apart.

    Half of the turns of each conversation are written. AUROC of seen turns, and of paraphrases by
    rules and by hand, against unseen turns; calibration error; and after 0, 90 and 365 days how
    often a paraphrase leads to its turn, beside how often a search with its rarest words does.
    """
    from agentmem.cli.progress import ProgressBars
    from agentmem.evaluation.recognition import measure_recognition
    from agentmem.formats.read import read

    OutputOptions(json_file).check()
    with ProgressBars() as bars:
        scores = measure_recognition(
            read(file), cached_embedder(cache), seed=seed, limit=limit, progress=bars
        )
    results = scores.to_json()
    for delay, values in results.items():
        _print(values, f"after {delay} days", json_file)
    if json_file is not None:
        write_json(results, json_file)


@app.command()
@with_groups
def personal(
    cache: CacheOptions,
    output: OutputOptions,
    users: Annotated[int, typer.Option(min=1, help="Number of generated users.")] = 4,
    seed: Seed = 0,
) -> None:
    """Personal meanings of objects and routines: are all memories found that a command needs?

    "My lucky cup is the red one on the shelf", "when I say movie night, dim the lights": said once,
    some changed later, among statements of others. A joint command needs two memories.
    """
    from agentmem.evaluation.personal import PersonalTask

    run_task(PersonalTask(users=users, seed=seed), cache, output, VariantOptions())


@app.command()
@with_groups
def learning(
    cache: CacheOptions,
    output: OutputOptions,
    users: Annotated[int, typer.Option(min=1, help="Number of generated users.")] = 4,
    shots: Annotated[
        int, typer.Option(min=1, max=9, help="Examples of each intent; the rest are asked.")
    ] = 5,
    seed: Seed = 0,
    limit: Limit = None,
) -> None:
    """Learning from examples: utterances that a user labels are recalled to label new ones.

    accuracy is the share of new utterances that the recalled examples label rightly; knn@k that of
    the k nearest examples by bare embeddings. Ten utterances of each of 22 intents are in different
    words, and none is both an example and a question. --limit counts per user.
    """
    from agentmem.evaluation.learning import LearningTask

    task = LearningTask(users=users, shots=shots, seed=seed, limit=limit)
    run_task(task, cache, output, VariantOptions())


@app.command()
@with_groups
def order(
    cache: CacheOptions,
    output: OutputOptions,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="LoCoMo's or LongMemEval's file. Default: generated stories.", show_default=False
        ),
    ] = None,
    stories: Annotated[int, typer.Option(min=1, help="Number of generated stories.")] = 5,
    seed: Seed = 0,
    limit: Limit = None,
) -> None:
    """The order of events: asked which of two came first, by the timeline.

    first_right: the event that comes first is the right one. In a data set, an event of the session
    that mentions the right one is right. LoCoMo's questions for the times of two events make
    a question for their order; LongMemEval has questions such as "Which did I do first, A or B?".
    --limit stops after the conversation in which so many questions were asked.
    """
    from agentmem.evaluation.order import OrderQuestionTask, OrderTask
    from agentmem.evaluation.tasks import Task
    from agentmem.formats.read import read

    task: Task = OrderTask(stories=stories, seed=seed)
    if file is not None:
        task = OrderQuestionTask(partial(read, file), seed=seed, limit=limit)
    run_task(task, cache, output, VariantOptions())


@app.command()
@with_groups
def proactive(file: DataFile, cache: EmbeddingCache = None, json_file: JsonFile = None) -> None:
    """Proactive recall: is a right memory found for the last turns of MADial's conversations?

    The share of conversations with a right memory among the first 1, 3 and 10: recall of the last
    turns, search for the last turn alone, and dense search, BM25 and their min-max hybrid for
    either.
    """
    from rich.table import Table

    from agentmem.cli.progress import ProgressBars
    from agentmem.evaluation.proactive import CUTOFFS, measure_proactive

    OutputOptions(json_file).check()
    with ProgressBars() as bars:
        shares = measure_proactive(file, cached_embedder(cache), progress=bars)
    table = Table("right memory among the first", *map(str, CUTOFFS))
    for name, by_cutoff in shares.items():
        table.add_row(plain(name), *(f"{100 * by_cutoff[cutoff]:.1f}" for cutoff in CUTOFFS))
    screen(json_file).print(table)
    if json_file is not None:
        write_json(shares, json_file)


@app.command()
@with_groups
def decay(
    file: DataFile,
    cache: CacheOptions,
    days: Annotated[
        int, typer.Option(min=1, help="Days between a conversation's end and its questions.")
    ] = 365,
    conversations: Annotated[
        int | None,
        typer.Option(min=1, help="Use only the first conversations.", show_default=False),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Forgetting: a data set's questions, asked a year later, with a sweep every month.

    not_swept, swept and without_archive: the share of questions whose evidence is wholly among the
    first ten turns, where nothing is archived, after sweeping, and if no search looks into the
    archive. archive_used: the share of questions with an archived turn among the first ten.
    unneeded_archived and needed_archived: the share of turns that are archived, of those that no
    question needs and of the others.
    """
    from agentmem.cli.progress import ProgressBars
    from agentmem.evaluation.decay import measure_decay
    from agentmem.formats.read import read

    OutputOptions(json_file).check()
    with ProgressBars() as bars:
        shares = measure_decay(
            islice(read(file), conversations), cache.open(), days=days, progress=bars
        )
    _print(shares, "percent", json_file)
    if json_file is not None:
        write_json(shares, json_file)


def _print(values: dict[str, float], title: str, json_file: Path | None) -> None:
    from rich.table import Table

    table = Table("", title)
    for name, value in values.items():
        table.add_row(plain(name), f"{100 * value:.1f}" if value is not None else "")
    screen(json_file).print(table)

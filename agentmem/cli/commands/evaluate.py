"""`eval`: measuring the memory on data sets and on generated tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentmem.cli.app import app, examples
from agentmem.cli.measuring import (
    MEASURE,
    Ablate,
    Cache,
    Consolidate,
    Embeddings,
    File,
    Fresh,
    JsonFile,
    Judge,
    K,
    Limit,
    Model,
    Plot,
    Rerank,
    Seed,
)

if TYPE_CHECKING:
    from agentmem.evaluation.tasks import Task

__all__ = ["evaluation"]

evaluation = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    epilog=examples(
        "agentmem eval locomo locomo10.json --json scores.json --plot scores.png",
        "agentmem eval longmemeval longmemeval_s.json --limit 50 --model openai:gpt-5-mini",
        "agentmem eval needle --turns 2000",
        "agentmem eval updates --ablate",
        "agentmem eval time",
    ),
)
app.add_typer(evaluation, name="eval", rich_help_panel=MEASURE)


@evaluation.callback()
def about() -> None:
    """Measure how well memories are found.

    Shares are in percent, in tables and files alike; an AUROC is between 0 and 1. Every
    conversation gets a memory of its own, which is kept in a cache by content: the next run is
    quick, and one that was interrupted goes on where it stopped. Searches strengthen nothing.
    """


@evaluation.command()
def locomo(
    file: File,
    k: K = 10,
    limit: Limit = None,
    embeddings: Embeddings = None,
    ablate: Ablate = False,
    consolidate: Consolidate = False,
    model: Model = None,
    judge: Judge = None,
    rerank: Rerank = None,
    cache: Cache = None,
    fresh: Fresh = False,
    json: JsonFile = None,
    plot: Plot = None,
) -> None:
    """LoCoMo: ten long conversations between two people, and questions with their evidence.

    recall_all@k needs every piece of evidence among the first k, recall_any@k one of them. NDCG
    leaves the first two ranks undiscounted and divides rank i by log2 i, as LongMemEval does.
    The AUROC compares the confidence in questions about the conversation with that in the same
    questions put to the next one. Categories: 1 several pieces of evidence, 2 times, 3 world
    knowledge besides, 4 one piece of evidence, 5 asked of the wrong person.
    """
    task = _ranking("locomo", file, k, limit, model, judge)
    _evaluate(task, k, embeddings, ablate, cache, fresh, json, plot, rerank, consolidate)


@evaluation.command()
def longmemeval(
    file: File,
    k: K = 10,
    limit: Limit = None,
    embeddings: Embeddings = None,
    ablate: Ablate = False,
    consolidate: Consolidate = False,
    model: Model = None,
    judge: Judge = None,
    rerank: Rerank = None,
    cache: Cache = None,
    fresh: Fresh = False,
    json: JsonFile = None,
    plot: Plot = None,
) -> None:
    """LongMemEval: questions, each with a long history of chats with an assistant.

    Questions whose answer was never said (`_abs`) are left out. The metrics are those of
    `agentmem eval locomo`.
    """
    task = _ranking("longmemeval", file, k, limit, model, judge)
    _evaluate(task, k, embeddings, ablate, cache, fresh, json, plot, rerank, consolidate)


@evaluation.command()
def needle(
    turns: Annotated[int, typer.Option(min=1, help="The size of the haystack.")] = 2000,
    needles: Annotated[int, typer.Option(help="How many values are asked for at once.")] = 5,
    threads: Annotated[int, typer.Option(help="How many threads are followed at once.")] = 3,
    hops: Annotated[
        int, typer.Option(help="Threads of every length from 2 to this are followed.")
    ] = 10,
    questions: Annotated[
        int, typer.Option(help="Of each kind and length, as far as the haystack has room.")
    ] = 20,
    seed: Seed = 0,
    limit: Limit = None,
    embeddings: Embeddings = None,
    ablate: Ablate = False,
    consolidate: Consolidate = False,
    cache: Cache = None,
    fresh: Fresh = False,
    json: JsonFile = None,
    plot: Plot = None,
) -> None:
    """Needles and threads in a generated haystack of keys and values, all random UUIDs.

    After Needle Threading (arXiv 2411.05000). In a thread every value is the next key, and
    search follows it with `hops=`. A question asks for just as many memories as its answer
    takes; all_found is the share of questions that find all of these, share_found the mean
    share that is found.
    """
    from agentmem.evaluation.needle import NeedleTask, haystack

    made = haystack(
        turns=turns, needles=needles, threads=threads, hops=hops, questions=questions, seed=seed
    )
    task = NeedleTask(made, limit=limit)
    _evaluate(task, 10, embeddings, ablate, cache, fresh, json, plot, None, consolidate)


@evaluation.command()
def updates(
    users: Annotated[int, typer.Option(min=1, help="How many users are generated.")] = 18,
    sessions: Annotated[int, typer.Option(min=4, help="How many talks each of them has.")] = 30,
    seed: Seed = 0,
    k: K = 10,
    limit: Limit = None,
    embeddings: Embeddings = None,
    ablate: Ablate = False,
    consolidate: Consolidate = False,
    cache: Cache = None,
    fresh: Fresh = False,
    json: JsonFile = None,
    plot: Plot = None,
) -> None:
    """Generated users whose job, city, car and so on change, amid talk about other people's.

    newest_first: the turn with the newest value is found, before those with older ones.
    newest_at_1: it is the first of all. as_of_right: asked as of the middle between two
    changes, the value of that time is found before every other. A third of the users speak and
    are asked in known words, a third in held-out and a third in fresh ones, which nobody looked
    at while anything was tuned.
    """
    from agentmem.evaluation.updates import UpdatesTask

    task = UpdatesTask(users=users, sessions=sessions, seed=seed, limit=limit)
    _evaluate(task, k, embeddings, ablate, cache, fresh, json, plot, None, consolidate)


@evaluation.command()
def time(
    users: Annotated[int, typer.Option(min=1, help="How many users are generated.")] = 8,
    seed: Seed = 0,
    limit: Limit = None,
    embeddings: Embeddings = None,
    cache: Cache = None,
    fresh: Fresh = False,
    json: JsonFile = None,
    plot: Plot = None,
) -> None:
    """Generated users who tell of events out of order, in words such as "two weeks ago".

    first_right: asked which of two events came first, the timeline puts it first. Asked what
    happened in a month, between two days or since a day, window_recall is the share of what did
    that is found, and window_precision the share of what is found that did. --limit is of each
    kind and user.
    """
    from agentmem.evaluation.temporal import TimeTask

    task = TimeTask(users=users, seed=seed, limit=limit)
    _evaluate(task, 10, embeddings, False, cache, fresh, json, plot)


def _ranking(
    name: str, file: Path, k: int, limit: int | None, model: str | None, judge: str | None
) -> Task:
    from functools import partial

    from agentmem.evaluation.answers import Answerer
    from agentmem.evaluation.models import chat_model
    from agentmem.evaluation.ranking import RankingTask
    from agentmem.formats.read import read

    if judge and not model:
        raise typer.BadParameter("--judge judges the answers of --model; name a model too")
    answers = None
    if model:
        answers = Answerer(chat_model(model), chat_model(judge) if judge else None)
    return RankingTask(name, partial(read, file, name), k=k, limit=limit, answers=answers)


def _evaluate(
    task: Task,
    k: int,
    embeddings: str | None,
    ablate: bool,
    cache: Path | None,
    fresh: bool,
    json: Path | None,
    plot: Path | None,
    rerank: str | None = None,
    consolidate: bool = False,
) -> None:
    from agentmem import Reranker
    from agentmem.cli.eval_output import check_outputs, write
    from agentmem.cli.options import _embeddings
    from agentmem.cli.progress import Bars
    from agentmem.evaluation.ablation import parts
    from agentmem.evaluation.cache import IngestCache, default_cache
    from agentmem.evaluation.models import embeddings_of
    from agentmem.evaluation.report import report
    from agentmem.evaluation.run import run

    check_outputs(json, plot)
    embedder = embeddings_of(embeddings) if embeddings else _embeddings()
    kept = IngestCache((cache or default_cache()).expanduser(), embedder, fresh=fresh)
    with Bars() as bars:
        results = run(
            task,
            kept,
            k=k,
            ablate=parts() if ablate else (),
            consolidate=consolidate,
            refiners=[Reranker(rerank)] if rerank else (),
            progress=bars,
        )
    write(report(task, results, kept), json, plot)

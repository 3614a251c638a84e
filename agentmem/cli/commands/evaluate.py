"""`eval`: measure a memory on data sets and on generated tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentmem.cli.options import (
    STDOUT,
    CacheOptions,
    DataFile,
    Drills,
    EmbeddingCache,
    JsonFile,
    JsonGroup,
    K,
    OutputOptions,
    Seed,
    cached_embedder,
    examples,
    expand,
    with_groups,
)
from agentmem.cli.terminal import console, plain, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from agentmem.evaluation.abstention import Abstention
    from agentmem.evaluation.answers import Answerer
    from agentmem.evaluation.cross_validation import Example
    from agentmem.evaluation.recall_budget import BudgetScore
    from agentmem.evaluation.reflection import Reflection
    from agentmem.evaluation.retrieval import Comparison
    from agentmem.evaluation.tasks import Task

__all__ = ["Limit", "app", "load_examples", "run_task", "screen", "write_json"]


app = typer.Typer(
    cls=JsonGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    epilog=examples(
        "agentmem eval locomo locomo10.json --json scores.json --plot scores.png",
        "agentmem eval longmemeval longmemeval_s.json --limit 50 --model openai:gpt-5-mini",
        "agentmem eval retrieval locomo10.json longmemeval_s.json.gz",
        "agentmem eval recall locomo10.json --budget 400 --budget 1600 --plot recall.png",
        "agentmem eval needle --turns 2000",
        "agentmem eval updates --ablate",
        "agentmem eval time",
    ),
)

Limit = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Ask only the first questions, and ingest only the conversations they need.",
        show_default=False,
    ),
]


@app.callback()
def evaluation() -> None:
    """Measure how well memories are found.

    Tables and files give shares in percent; an AUROC is between 0 and 1. Every conversation gets a
    memory of its own, cached by content: the next run is fast, and an interrupted one resumes.
    Searches reinforce nothing.
    """


Ablate = Annotated[
    bool,
    typer.Option("--ablate", help="Also ask without each part of the search, one at a time."),
]


@dataclass(frozen=True)
class VariantOptions:
    """Options that ask everything again under other conditions."""

    ablate: Ablate = False
    consolidate: Annotated[
        bool, typer.Option("--consolidate", help="Also ask after consolidation, on a copy.")
    ] = False


AnswerModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="Let this model answer from the results, and score its answers by token F1 and "
        "exact match as SQuAD does. A model name for LangChain's init_chat_model.",
        show_default=False,
    ),
]
Judge = Annotated[
    str | None,
    typer.Option(help="Let this model judge the answers of --model.", show_default=False),
]


@dataclass(frozen=True)
class ModelOptions:
    """Options for models that answer, judge and rerank."""

    model: AnswerModel = None
    judge: Judge = None
    rerank: Annotated[
        str | None,
        typer.Option(
            help="Rerank the best 50 turns with this sentence-transformers cross-encoder (name or "
            "folder).",
            show_default=False,
        ),
    ] = None


@app.command()
@with_groups
def locomo(
    file: DataFile,
    cache: CacheOptions,
    variants: VariantOptions,
    models: ModelOptions,
    output: OutputOptions,
    k: K = 10,
    limit: Limit = None,
) -> None:
    """LoCoMo: ten long conversations between two people, and questions with evidence.

    recall_all@k is 1 if all evidence is among the first k, recall_any@k if any is. NDCG does not
    discount the first two ranks and divides rank i by log2 i, as in LongMemEval. The AUROC compares
    the confidence in questions about the conversation with that in the same questions asked of the
    next one. Categories: 1 several pieces of evidence, 2 times, 3 world knowledge, 4 one piece of
    evidence, 5 asked about the wrong person.
    """
    _rank("locomo", file, k, limit, models, cache, variants, output)


@app.command()
@with_groups
def longmemeval(
    file: DataFile,
    cache: CacheOptions,
    variants: VariantOptions,
    models: ModelOptions,
    output: OutputOptions,
    k: K = 10,
    limit: Limit = None,
) -> None:
    """LongMemEval: questions, each with a long history of chats with an assistant.

    Questions without an answer (`_abs`) are left out. The metrics are those of
    `agentmem eval locomo`.
    """
    _rank("longmemeval", file, k, limit, models, cache, variants, output)


@app.command()
def retrieval(
    files: Annotated[
        list[Path],
        typer.Argument(help="Data sets in any format that `import` reads; also gzipped."),
    ],
    cache: EmbeddingCache = None,
    limit: Limit = None,
    json_file: JsonFile = None,
    ablate: Ablate = False,
) -> None:
    """Compare the search with plain rankings on several data sets at once.

    The rows are agentmem, the cosine of the embeddings (dense), BM25, and the sum of both after
    min-max scaling (hybrid); with --ablate also the search without each of its parts. The interval
    is that of agentmem less the best plain ranking, 95 %, by paired bootstrap over questions. The
    AUROC compares the confidence in questions with an answer with that in questions of the same
    users that nothing answers.
    """
    from agentmem.cli.progress import ProgressBars
    from agentmem.evaluation.retrieval import JudgedQuestion, ask, by_category, compare
    from agentmem.evaluation.runner import without_parts
    from agentmem.formats.read import read

    embeddings = cached_embedder(cache)
    results: dict[str, Any] = {}
    for file in files:
        judged: list[JudgedQuestion] = []
        with ProgressBars() as bars:
            for dialogue in read(file):
                if limit is not None and sum(bool(one.scores) for one in judged) >= limit:
                    break
                bars.expect(f"conversations of {file.name}", 1)
                judged += ask(dialogue, embeddings, without_parts() if ablate else ())
                bars.advance(f"conversations of {file.name}", 1)
        everything = compare(judged)
        results[file.name] = {"all": everything, **by_category(judged)}
        for name, comparison in results[file.name].items():
            _print_comparison(f"{file.name}, {name}", comparison, screen(json_file))
    if json_file is not None:
        content = {
            name: {category: asdict(one) for category, one in by.items()}
            for name, by in results.items()
        }
        write_json(content, json_file)


def _print_comparison(title: str, comparison: Comparison, out: Console) -> None:
    from rich.table import Table

    from agentmem.evaluation.retrieval import METRICS

    table = Table("ranking", *METRICS, title=f"{title}: {comparison.n_questions} questions")
    for name, means in comparison.means.items():
        table.add_row(name, *(f"{100 * means.get(metric, 0.0):.1f}" for metric in METRICS))
    if comparison.gains:
        gains = (comparison.gains[metric] for metric in METRICS)
        table.add_row("95 % interval", *(f"{100 * a:+.1f} to {100 * b:+.1f}" for a, b in gains))
    out.print(table)
    if comparison.confidence_auroc is not None:
        out.print(f"AUROC of the confidence: {comparison.confidence_auroc:.3f}")


@app.command()
@with_groups
def recall(
    file: DataFile,
    cache: CacheOptions,
    output: OutputOptions,
    budget: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Tokens of a context; repeat it for several.", show_default=False),
    ] = None,
    limit: Limit = None,
    model: AnswerModel = None,
    judge: Judge = None,
) -> None:
    """Recall within a token budget, beside turns alone, dense search and BM25.

    all_evidence is the share of questions whose evidence turns are all in the context, turns the
    share of these turns, answer the share of the answer's words; a turn is in the context if one of
    its sentences is. turns, dense and bm25 show a fixed number of turns that takes as many tokens
    as recall does on average. Budgets are 200 to 3,200 tokens by default. The file is LoCoMo or
    LongMemEval. With --model, answers are also given from the full history and from no memory.
    """
    from agentmem.cli.progress import ProgressBars
    from agentmem.evaluation.plot import plot_recall
    from agentmem.evaluation.recall_budget import BUDGETS, measure_recall, recall_json
    from agentmem.formats.read import read

    output.check()
    answers = _answerer(model, judge)
    with ProgressBars() as bars:
        scores = measure_recall(
            read(file),
            cache.open(),
            budgets=budget or BUDGETS,
            limit=limit,
            answers=answers,
            progress=bars,
        )
    _print_recall(scores, screen(output.json))
    if output.json is not None:
        write_json(recall_json(scores), output.json)
    if output.plot is not None:
        typer.echo(plain(str(plot_recall(scores, expand(output.plot)))), err=output.json == STDOUT)


@app.command()
@with_groups
def needle(
    cache: CacheOptions,
    variants: VariantOptions,
    output: OutputOptions,
    turns: Annotated[int, typer.Option(min=1, help="Size of the haystack.")] = 2000,
    needles: Annotated[int, typer.Option(help="Values per question for several values.")] = 5,
    threads: Annotated[int, typer.Option(help="Threads per question for several threads.")] = 3,
    hops: Annotated[
        int, typer.Option(help="Length of the longest thread; there are threads from 2 up.")
    ] = 10,
    questions: Annotated[
        int, typer.Option(help="Questions per kind and length, if the haystack has room.")
    ] = 20,
    seed: Seed = 0,
    limit: Limit = None,
) -> None:
    """Needles and threads in a generated haystack of random keys and values.

    After Needle Threading (arXiv 2411.05000). In a thread every value is the next key; search
    follows it with `hops=`. A question asks for as many memories as its answer needs: all_found is
    the share of questions that find all of them, share_found the mean share that is found.
    """
    from agentmem.evaluation.needle import NeedleTask, haystack

    generated = haystack(
        turns=turns, needles=needles, threads=threads, hops=hops, questions=questions, seed=seed
    )
    run_task(NeedleTask(generated, limit=limit), cache, output, variants)


@app.command()
@with_groups
def updates(
    cache: CacheOptions,
    variants: VariantOptions,
    output: OutputOptions,
    users: Annotated[int, typer.Option(min=1, help="Number of generated users.")] = 18,
    sessions: Annotated[int, typer.Option(min=4, help="Conversations of each user.")] = 30,
    seed: Seed = 0,
    k: K = 10,
    limit: Limit = None,
) -> None:
    """Generated users whose job, city, car and so on change, among talk about other people.

    newest_first: the turn with the newest value ranks above all older ones. newest_at_1: it is the
    first hit. as_of_right: asked as of the middle between two changes, the value of that time ranks
    first. two_hops_right: asked for something of the user's manager, dentist or landlord, what is
    stated of the present one ranks above what is stated of former ones. A third of the users speak
    in known words, a third in held-out words and a third in fresh words, which were not looked at
    during tuning.
    """
    from agentmem.evaluation.updates import UpdatesTask

    task = UpdatesTask(users=users, sessions=sessions, seed=seed, limit=limit)
    run_task(task, cache, output, variants, k=k)


@app.command()
@with_groups
def time(
    cache: CacheOptions,
    output: OutputOptions,
    users: Annotated[int, typer.Option(min=1, help="Number of generated users.")] = 8,
    seed: Seed = 0,
    limit: Limit = None,
) -> None:
    """Generated users who mention events out of order, in words such as "two weeks ago".

    first_right: asked which of two events came first, the timeline puts it first. Asked for the
    events of a month, between two days or since a day, window_recall is the share that is found,
    and window_precision the share of the events found that are right. --limit counts per kind and
    user.
    """
    from agentmem.evaluation.temporal import TimeTask

    run_task(TimeTask(users=users, seed=seed, limit=limit), cache, output, VariantOptions())


@app.command()
@with_groups
def reflection(
    file: DataFile, cache: CacheOptions, drills: Drills = True, json_file: JsonFile = None
) -> None:
    """Learning from use: half of LoCoMo's questions are answered with citations.

    A random half of a conversation's questions cites the gold evidence among its first ten results;
    the other half is asked before and after (turn NDCG@10). The same with one random citation per
    question. Means over four seeded halves. Each conversation is judged by weights learned from all
    others, so the file needs at least two.
    """
    from agentmem.cli.progress import ProgressBars
    from agentmem.evaluation.reflection import measure_reflection, reflection_json

    OutputOptions(json_file).check()
    with ProgressBars() as bars:
        known = load_examples(file, cache, bars, drills=drills)
        results = measure_reflection(known, progress=bars)
    _print_reflection(results, screen(json_file))
    if json_file is not None:
        write_json(reflection_json(results), json_file)


@app.command()
@with_groups
def abstention(
    file: DataFile, cache: CacheOptions, output: OutputOptions, drills: Drills = True
) -> None:
    """Abstention: LoCoMo's questions, asked of the right and of a wrong conversation.

    AUROC: how often a question with an answer has the higher confidence. ECE: how far the
    confidence is from the share of questions with an answer, over tenths of the scale. Each
    conversation is judged by weights learned from all others, so the file needs at least three.
    """
    from agentmem.cli.progress import ProgressBars
    from agentmem.evaluation.abstention import measure_abstention
    from agentmem.evaluation.plot import plot_abstention

    output.check()
    with ProgressBars() as bars:
        known = load_examples(file, cache, bars, drills=drills)
        results = measure_abstention(known, progress=bars)
    _print_abstention(results, screen(output.json))
    if output.json is not None:
        write_json(results.to_json(), output.json)
    if output.plot is not None:
        typer.echo(
            plain(str(plot_abstention(results, expand(output.plot)))),
            err=output.json == STDOUT,
        )


@app.command(
    hidden=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def fit() -> None:
    """Moved to `python -m benchmarks fit`, in the source repository."""
    raise typer.BadParameter(
        "`agentmem eval fit` moved; run `python -m benchmarks fit` in the source repository"
    )


def _answerer(model: str | None, judge: str | None) -> Answerer | None:
    from agentmem.evaluation.answers import Answerer
    from agentmem.models.local_model import resolve_model

    if judge and not model:
        raise typer.BadParameter("--judge needs --model, whose answers it judges")
    if not model:
        return None
    judges = resolve_model(judge, temperature=0) if judge else None
    return Answerer(resolve_model(model, temperature=0), judges)


def _rank(
    name: str,
    file: Path,
    k: int,
    limit: int | None,
    models: ModelOptions,
    cache: CacheOptions,
    variants: VariantOptions,
    output: OutputOptions,
) -> None:
    from agentmem.evaluation.tasks import RankingTask
    from agentmem.formats.read import read

    answers = _answerer(models.model, models.judge)
    task = RankingTask(name, partial(read, file, name), k=k, limit=limit, answers=answers)
    run_task(task, cache, output, variants, k=k, rerank=models.rerank)


def run_task(
    task: Task,
    cache: CacheOptions,
    output: OutputOptions,
    variants: VariantOptions,
    *,
    k: int = 10,
    rerank: str | None = None,
) -> None:
    """Run a task, print its tables, and write what the options name."""
    from agentmem import Reranker
    from agentmem.cli.progress import ProgressBars
    from agentmem.evaluation.plot import plot_report
    from agentmem.evaluation.report import report, tables
    from agentmem.evaluation.runner import ablations, run

    output.check()
    conversations = cache.open()
    with ProgressBars() as bars:
        results = run(
            task,
            conversations,
            k=k,
            ablate=ablations() if variants.ablate else (),
            consolidate=variants.consolidate,
            refiners=[Reranker(rerank)] if rerank else (),
            progress=bars,
        )
    summary = report(task, results, conversations)
    out = screen(output.json)
    for table in tables(summary):
        out.print(table)
        out.print()
    if output.json is not None:
        write_json(summary.to_json(), output.json)
    if output.plot is not None:
        typer.echo(plain(str(plot_report(summary, expand(output.plot)))), err=output.json == STDOUT)


def load_examples(file: Path, cache: CacheOptions, progress: Any, *, drills: bool) -> list[Example]:
    """Ask every question of a file in LoCoMo's format, to learn weights from.

    Args:
        progress: see `agentmem.progress.Progress`.
        drills: also ask those of generated conversations.
    """
    from agentmem.evaluation.cross_validation import examples as ask_all
    from agentmem.formats.read import read

    return list(ask_all(read(file, "locomo"), cache.open(), progress, with_drills=drills))


def _print_recall(scores: Sequence[BudgetScore], out: Console) -> None:
    from rich.table import Table

    names = list(dict.fromkeys(name for score in scores for name in score.answers))
    columns = ("method", "budget", "tokens", "all_evidence", "turns", "answer", *names)
    n = scores[0].n_questions if scores else 0
    table = Table(*columns, title=f"{n} questions, percent", title_justify="left")
    for score in scores:
        shares = (score.evidence, score.turns, score.answer)
        table.add_row(
            score.method,
            "" if score.budget is None else str(score.budget),
            f"{score.tokens:.0f}",
            *(f"{100 * share:.1f}" for share in shares),
            *(f"{100 * score.answers[name]:.1f}" for name in names),
        )
    out.print(table)


def _print_reflection(results: Sequence[Reflection], out: Console) -> None:
    from rich.table import Table

    columns = ("conversation", "questions", "before", "cited", "gain", "at random", "trust")
    table = Table(*columns, title="Turn NDCG@10 of the other half, percent", title_justify="left")
    for row in results:
        table.add_row(
            row.dialogue,
            str(row.questions),
            f"{row.before:.1f}",
            f"{row.after:.1f}",
            f"{row.gain:+.2f}",
            f"{row.noise:+.2f}",
            f"{row.trust:.2f}",
        )
    n = max(len(results), 1)
    gain, noise = sum(r.gain for r in results) / n, sum(r.noise for r in results) / n
    table.add_row("mean", "", "", "", f"{gain:+.2f}", f"{noise:+.2f}", "")
    out.print(table)


def _print_abstention(results: Abstention, out: Console) -> None:
    from rich.table import Table

    table = Table("questions", "confidence", "with an answer", title_justify="left",
                  title=f"{results.own} own and {results.strange} strange questions")  # fmt: skip
    for row in results.bins:
        table.add_row(str(row.questions), f"{row.confidence:.2f}", f"{row.answered:.2f}")
    out.print(table)
    for threshold, (own, strange) in results.thresholds.items():
        out.print(
            f"abstain_below={threshold} leaves {own:.1%} of the own and {strange:.1%} of the "
            "strange questions unanswered"
        )
    out.print(f"AUROC {results.auroc:.3f}, ECE {results.ece:.3f}")


def screen(json_file: Path | None) -> Console:
    """Return where tables go: stderr if JSON goes to stdout."""
    return console(stderr=json_file == STDOUT)


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write results to a file, or to stdout.

    Raises:
        StoreUnavailableError: the file cannot be written.
    """
    from agentmem import StoreUnavailableError

    if path == STDOUT:
        print_json(content)
        return
    try:
        expand(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreUnavailableError(f"cannot write {path}: {error}") from error
    typer.echo(plain(str(path)))

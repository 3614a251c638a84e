"""`python -m benchmarks`: the commands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentmem.cli.app import CommandGroup
from agentmem.cli.commands.evaluate import load_examples, screen, write_json
from agentmem.cli.options import (
    CacheOptions,
    DataFile,
    Drills,
    JsonFile,
    OutputOptions,
    Seed,
    check_output,
    default_embedder,
    examples,
    with_groups,
)
from agentmem.cli.terminal import console, note
from agentmem.evaluation.recall_budget import recall_json
from benchmarks.measure import BENCHES

if TYPE_CHECKING:
    from rich.console import Console

    from agentmem.evaluation.recall_budget import BudgetScore
    from benchmarks.bench import BenchReport
    from benchmarks.corpus import Corpus
    from benchmarks.measure import BenchSettings

__all__ = ["app"]

app = typer.Typer(
    cls=CommandGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Measure what agentmem costs on top of Chroma, and fit the weights of its search.",
)


Conversations = Annotated[
    int | None,
    typer.Option(min=1, help="Use only the first conversations.", show_default=False),
]


Rounds = Annotated[int, typer.Option(min=1, help="Repetitions of each measurement.")]
StoreFolder = Annotated[
    Path | None,
    typer.Option(
        envvar="AGENTMEM_CACHE",
        help="Folder that caches stores. Default: the system's cache folder.",
        show_default=False,
    ),
]
CorpusFile = Annotated[
    Path | None,
    typer.Argument(
        help="Conversations in any format that `ingest` reads. Default: generated ones.",
        show_default=False,
    ),
]


def _read_corpus(file: Path | None, seed: int) -> Corpus:
    """Return the conversations of a file, or generated ones."""
    from agentmem.formats.read import read
    from benchmarks.corpus import Corpus, generated

    return Corpus.of(file.name, read(file)) if file else generated(seed)


def _create_folder(folder: Path | None) -> Path:
    """Return the folder that caches stores, created if it does not exist."""
    from agentmem.evaluation.cache import default_cache

    place = (folder or default_cache()).expanduser()
    place.mkdir(parents=True, exist_ok=True)
    return place


def _parse_sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part.replace("_", "")) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a list of numbers such as 2000,20000") from error


@dataclass(frozen=True)
class BenchOptions:
    """Options that say what is measured, and how often."""

    sizes: Annotated[
        str, typer.Option(help="Memories of one owner for which searches are measured.")
    ] = "2000,20000,200000"
    scopes: Annotated[int, typer.Option(min=1, help="Owners that share a store.")] = 1000
    turns: Annotated[int, typer.Option(min=1, help="Turns to ingest.")] = 300
    rounds: Rounds = 30
    only: Annotated[str, typer.Option(help=f"Which of {', '.join(BENCHES)} to run.")] = ",".join(
        BENCHES
    )
    folder: StoreFolder = None

    def settings(self, corpus: Corpus) -> BenchSettings:
        """Return the settings of a benchmark with a corpus; create the folder.

        Raises:
            InvalidInputError: there is no such benchmark.
        """
        from benchmarks.measure import BenchSettings

        return BenchSettings(
            corpus=corpus,
            embeddings=default_embedder(),
            folder=_create_folder(self.folder),
            sizes=_parse_sizes(self.sizes),
            scopes=self.scopes,
            turns=self.turns,
            rounds=self.rounds,
            only=tuple(part.strip() for part in self.only.split(",")),
            report_progress=note,
        )


@app.command(
    epilog=examples(
        "python -m benchmarks bench --sizes 2000,20000 --only search",
        "python -m benchmarks bench locomo10.json --json bench.json --plot bench.png",
        "python -m benchmarks bench --only ingest --stage",
    ),
)
@with_groups
def bench(
    options: BenchOptions,
    output: OutputOptions,
    file: CorpusFile = None,
    stage: Annotated[
        bool, typer.Option("--stage", help="Also break a search and an ingest down into stages.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """Measure what memory costs, as ratios to a floor taken alternately in the same run.

    The floor of a search is embedding the question and one query of bare Chroma for 30 turns and
    their documents; that of an ingest is embedding the same texts in the same batches and one bare
    upsert. Where only the store is measured, vectors are drawn around real ones instead of
    computed. Times are medians in milliseconds, on this machine at this moment.
    """
    from benchmarks.bench import bench as measure

    output.check()
    report = measure(options.settings(_read_corpus(file, seed)), staged=stage)
    _print_bench(report, screen(output.json))
    if output.json is not None:
        write_json(report.as_dict(), output.json)
    if output.plot is not None:
        from benchmarks.plot import plot_bench

        plot_bench(report, output.plot)


@app.command(
    epilog=examples(
        "python -m benchmarks scale locomo10.json",
        "python -m benchmarks scale locomo10.json --owners 10000 --memories 100",
    ),
)
def scale(
    file: CorpusFile = None,
    owners: Annotated[int, typer.Option(min=1, help="Owners of the store.")] = 1,
    memories: Annotated[int, typer.Option(min=1, help="Memories of each.")] = 1_000_000,
    beside: Annotated[
        int, typer.Option(min=1, help="Memories of the store that searches are compared with.")
    ] = 2000,
    rounds: Rounds = 30,
    compact: Annotated[
        bool, typer.Option("--compact/--no-compact", help="Compact a copy, as slow as building it.")
    ] = True,
    folder: StoreFolder = None,
    out: JsonFile = None,
    seed: Seed = 0,
) -> None:
    """Build a large store of drawn vectors, and measure opening, searching and writing it.

    Results appear as they are measured. The store stays in the folder; the disk needs room for
    three of them, each about 9 GB for a million memories.
    """
    from benchmarks.measure import BenchSettings
    from benchmarks.scale import measure_scale
    from benchmarks.stores import Shape

    check_output(out)
    settings = BenchSettings(
        corpus=_read_corpus(file, seed),
        embeddings=default_embedder(),
        folder=_create_folder(folder),
        sizes=(beside,),
        rounds=rounds,
        report_progress=note,
    )
    report = measure_scale(settings, Shape(owners, memories), compacts=compact)
    _print_bench(report, screen(out))
    if out is not None:
        write_json(report.as_dict(), out)


def _print_bench(report: BenchReport, out: Console) -> None:
    from rich.table import Table

    table = Table(
        "", "ratio", "at most", "", "measured", "floor", title=f"Measured with {report.corpus}"
    )
    for row in report.ratios:
        bound = "" if row.at_most is None else f"{row.at_most:.2f}"
        verdict = {None: "", True: "ok", False: "EXCEEDED"}[row.holds]
        name = f"{row.name} ({row.note})" if row.note else row.name
        figures = (f"{value:.1f} {row.unit}" for value in (row.measured, row.floor))
        table.add_row(name, f"{row.value:.2f}", bound, verdict, *figures)
    out.print(table)
    for name, figure in report.figures.items():
        out.print(f"{name}: {figure}")
    for name, stages in report.stages.items():
        parts = Table("stage", "ms", title=f"One {name}, under a profiler")
        for stage, ms in sorted(stages.items(), key=lambda pair: -pair[1]):
            parts.add_row(stage, f"{ms:.1f}")
        out.print(parts)


@app.command(epilog=examples("python -m benchmarks peers locomo10.json"))
def peers(file: DataFile, folder: StoreFolder = None, out: JsonFile = None) -> None:
    """Store a conversation in agentmem and in other memory systems, and ask its questions.

    Measures mem0 with `infer=False` on Chroma, LangGraph's InMemoryStore and MemPalace, each in an
    environment of its own that the first run installs, with the same embeddings. The conversation
    is the first of the file. Nothing is summarized by a model.
    """
    from rich.table import Table

    from agentmem.formats.read import read
    from benchmarks.peers import measure_peers

    check_output(out)
    dialogue = next(iter(read(file)))
    scores = measure_peers(
        dialogue, default_embedder(), _create_folder(folder), report_progress=note
    )
    table = Table("", "ms per turn stored", "ms per search", "turn recall_all@10", "NDCG@10")
    for score in scores:
        figures = (score.stored, score.searched, score.recall, score.ndcg)
        table.add_row(score.name, *(f"{figure:.1f}" for figure in figures))
    screen(out).print(table)
    if out is not None:
        write_json({"file": file.name, "systems": [asdict(score) for score in scores]}, out)


@app.command(
    epilog=examples(
        "python -m benchmarks crowd --port 8000",
        "python -m benchmarks crowd --clients 8 --seconds 60",
    ),
)
def crowd(
    host: Annotated[str, typer.Option(help="Host of the Chroma server.")] = "localhost",
    port: Annotated[int, typer.Option(help="Port of the Chroma server.")] = 8000,
    clients: Annotated[int, typer.Option(min=2, help="Number of client processes.")] = 4,
    seconds: Annotated[float, typer.Option(min=1, help="Duration.")] = 300.0,
) -> None:
    """Let several client processes write to and search the same memories on a Chroma server.

    Exits with 1 if a call failed or an acknowledged write is missing afterwards. Needs an empty
    database: start one with `chroma run --path FOLDER`.
    """
    from benchmarks.crowd import crowd as run

    result = run(host=host, port=port, clients=clients, seconds=seconds)
    for line in result.lines():
        note(line)
    if result.errors or result.lost:
        raise typer.Exit(1)


@app.command(epilog=examples("python -m benchmarks server --requests 20000"))
def server(
    searches: Annotated[int, typer.Option(min=4, help="Searches of each round.")] = 400,
    clients: Annotated[int, typer.Option(min=1, help="Clients at the same time.")] = 16,
    turns: Annotated[int, typer.Option(min=1, help="Turns of each client's owner.")] = 300,
    requests: Annotated[int, typer.Option(min=10, help="Requests for the growth.")] = 2000,
) -> None:
    """Measure what `agentmem serve` adds to the time of methods, and how fast clients start."""
    from agentmem.cli.progress import ProgressBars
    from benchmarks.server import measure_server

    with ProgressBars() as progress:
        figures = measure_server(
            searches=searches, clients=clients, turns=turns, requests=requests, progress=progress
        )
    for name, value in figures.items():
        typer.echo(f"{name}: {value:.3g}")


@app.command(
    epilog=examples("python -m benchmarks partitions --owners 1000000 --memories 100 --count 4096"),
)
def partitions(
    owners: Annotated[int, typer.Option(min=1, help="Number of owners.")] = 10_000,
    memories: Annotated[int, typer.Option(min=1, help="Mean number of memories per owner.")] = 100,
    count: Annotated[int, typer.Option(min=1, help="Number of partitions.")] = 32,
    dimension: Annotated[int, typer.Option(min=1, help="Dimension of the vectors.")] = 384,
    seed: Seed = 0,
) -> None:
    """Simulate how large the collections of a store become, and how much memory indexes take."""
    from benchmarks.partitions import simulate_partitions

    result = simulate_partitions(owners=owners, memories=memories, partitions=count, seed=seed)
    # A float32 vector, and HNSW's links: 2 x 16 of 4 bytes on the lowest level.
    each = 4 * dimension + 2 * 16 * 4
    typer.echo(f"{owners * memories:,} memories, {result.mean:,.0f} per partition on average")
    typer.echo(
        f"largest partition {result.largest:,}, {result.largest * each / 2**30:.2f} GiB of index"
    )
    typer.echo(f"all indexes {owners * memories * each / 2**30:,.1f} GiB")
    typer.echo(f"largest owner {result.largest_owner:,}")
    typer.echo(f"{100 * result.foreign:.1f}% of a median owner's partition belong to others")


@app.command(epilog=examples("python -m benchmarks fit locomo10.json --out weights.json"))
@with_groups
def fit(
    file: DataFile,
    cache: CacheOptions,
    drills: Drills = True,
    out: Annotated[
        Path | None,
        typer.Option(help="Output file for the weights. Default: only judge them."),
    ] = None,
) -> None:
    """Learn the weights of the search from conversations in LoCoMo's format.

    Nothing is random: the same file gives the same weights. Each conversation is judged by weights
    learned from all others; the weights written are learned from all. Those that ship with the
    package are `agentmem_retrievers/ranking/weights.json`.
    """
    from agentmem.cli.progress import ProgressBars
    from benchmarks.fit import fit_and_judge, to_json

    with ProgressBars() as bars:
        known = load_examples(file, cache, bars, drills=drills)
    scores = fit_and_judge(known)
    _print_fit(scores)
    if out is not None:
        out.write_text(to_json(known, file, scores["all"]), encoding="utf-8")


@app.command()
def fit_assistant(
    files: Annotated[list[Path], typer.Argument(help="Data sets in any format.")],
    cache: Annotated[Path, typer.Option(help="Folder that caches embeddings by content.")],
    limit: Annotated[int | None, typer.Option(help="Questions of each file.")] = None,
    out: Annotated[Path | None, typer.Option(help="Output file for the weights.")] = None,
) -> None:
    """Learn the weights for conversations of a user with an assistant, from several data sets.

    Each data set is judged by weights learned from the others. Conversations with names take part
    without them.
    """
    from agentmem.embedding.sentence_embeddings import default_embeddings
    from agentmem.evaluation.embedding_cache import CachedEmbeddings
    from agentmem_retrievers.ranking.scoring import shipped_content
    from benchmarks.fit_assistant import examples, leave_one_out, read_sets, with_assistant

    embeddings = CachedEmbeddings(default_embeddings(), cache / "embeddings.sqlite")
    sets = {
        name: list(examples(dialogues, embeddings)) for name, dialogues in read_sets(files, limit)
    }
    for name, scores in leave_one_out(sets).items() if len(sets) > 1 else ():
        recall, gain = 100 * scores["recall"], 100 * scores["ndcg"]
        typer.echo(f"{name}: recall_all@10 {recall:.1f}, NDCG@10 {gain:.1f}")
    if out is not None:
        out.write_text(with_assistant(shipped_content(), sets), encoding="utf-8")


@app.command()
def fit_confidence(
    files: Annotated[list[Path], typer.Argument(help="Data sets in any format.")],
    cache: Annotated[Path, typer.Option(help="Folder that caches embeddings by content.")],
    limit: Annotated[int | None, typer.Option(help="Questions of each file.")] = None,
    out: Annotated[Path | None, typer.Option(help="Output file for the weights.")] = None,
) -> None:
    """Learn the confidence for conversations of a user with an assistant.

    Prints, for each data set, the AUROC of its answerable questions against the unanswerable ones
    and against those whose evidence was removed, by weights learned from the other data sets.
    """
    from agentmem.embedding.sentence_embeddings import default_embeddings
    from agentmem.evaluation.embedding_cache import CachedEmbeddings
    from agentmem_retrievers.ranking.scoring import shipped_content
    from benchmarks import fit_confidence as fitting
    from benchmarks.fit_assistant import read_sets

    embeddings = CachedEmbeddings(default_embeddings(), cache / "embeddings.sqlite")
    sets = {
        name: list(fitting.searches(dialogues, embeddings))
        for name, dialogues in read_sets(files, limit)
    }
    for name, known in sets.items() if len(sets) > 1 else ():
        others = [other for key, other in sets.items() if key != name]
        for kind, value in fitting.judge_confidence(known, fitting.fit_confidence(others)).items():
            typer.echo(f"{name}, {kind}: " + ("-" if value is None else f"{value:.3f}"))
    if out is not None:
        content = shipped_content()
        fitted = fitting.fit_confidence(list(sets.values()))
        content = {**content, "assistant": {**content["assistant"], "confidence": fitted}}
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        out.write_text(text, encoding="utf-8")


@app.command(epilog=examples("python -m benchmarks fit-need locomo10.json --judge set.json"))
def fit_need(
    file: DataFile,
    judge: Annotated[
        list[Path] | None, typer.Option(help="Data sets that only judge the shipped weights.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Conversations of each data set.")] = None,
) -> None:
    """Fit the odds that a question will need a turn, by which turns fade.

    Prints the weights, and how well they tell the turns of conversations left out: the AUROC, and
    how much of the evidence is archived where half of the turns that no question needs are.
    """
    from agentmem.formats.read import read
    from agentmem.maintenance.eviction import NEED_WEIGHTS
    from benchmarks import fit_need as fitting

    known = list(fitting.known_turns(read(file)))
    intercept, *weights = fitting.fit_need(known).tolist()
    typer.echo(f"intercept: {intercept:.2f}")
    for name, weight in zip(NEED_WEIGHTS, weights, strict=True):
        typer.echo(f"{name}: {weight:.2f}")
    _print_need(f"{file.name}, left out", fitting.leave_one_out(known))
    for path in judge or ():
        others = list(fitting.known_turns(islice(read(path), limit)))
        _print_need(path.name, fitting.judge_need(others, [one.shipped for one in others]))


def _print_need(name: str, values: dict[str, float]) -> None:
    figures = ", ".join(f"{key} {100 * value:.1f} %" for key, value in values.items())
    typer.echo(f"{name}: {figures}")


@app.command(
    epilog=examples(
        "python -m benchmarks broad locomo10.json",
        "python -m benchmarks broad qmsum_val.json --conversations 8 --budget 1200",
    ),
)
@with_groups
def broad(
    file: DataFile,
    cache: CacheOptions,
    budget: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Token budgets. Default: 400 and 1,200.", show_default=False),
    ] = None,
    conversations: Conversations = None,
    json_file: JsonFile = None,
) -> None:
    """How much of the evidence of broad questions `recall` includes within a budget.

    Of LoCoMo, questions about a day and about a theme are generated from its annotations; other
    files are asked their own questions. Prints the share of the evidence turns and of the answer's
    words in the context, and how much they are above as many tokens of single turns.
    """
    from agentmem.cli.progress import ProgressBars
    from agentmem.formats.read import detect, read
    from benchmarks.broad import broad_questions, measure_broad

    OutputOptions(json_file).check()
    dialogues = broad_questions(file) if detect(file) == "locomo" else read(file)
    with ProgressBars() as bars:
        scores = measure_broad(
            islice(dialogues, conversations), cache.open(), budget or [400, 1200], bars
        )
    _print_broad(scores, screen(json_file))
    if json_file is not None:
        write_json({name: recall_json(rows) for name, rows in scores.items()}, json_file)


def _print_broad(scores: Mapping[str, Sequence[BudgetScore]], out: Console) -> None:
    from rich.table import Table

    table = Table("questions", "", "budget", "tokens", "evidence turns", "words", title="Percent")
    for name, rows in scores.items():
        turns = {row.budget: row for row in rows if row.method == "turns"}
        for row in rows:
            base = turns[row.budget]
            figures = (
                f"{100 * value:.1f} ({100 * (value - other):+.1f})"
                for value, other in ((row.turns, base.turns), (row.answer, base.answer))
            )
            label = f"{name} ({row.n_questions})"
            table.add_row(label, row.method, str(row.budget), f"{row.tokens:.0f}", *figures)
    out.print(table)


@app.command(
    epilog=examples("python -m benchmarks topics locomo10.json"),
)
@with_groups
def topics(
    file: DataFile,
    cache: CacheOptions,
    conversations: Conversations = None,
    json_file: JsonFile = None,
) -> None:
    """Topics by communities of the association graph, beside clusters of the same embeddings.

    Compares them with the sessions of a conversation, or with the evidence of a meeting's
    questions: normalized mutual information, and the share of turns that belong to the largest
    group of their cluster.
    """
    from rich.table import Table

    from agentmem.cli.progress import ProgressBars
    from agentmem.formats.read import read
    from benchmarks.topics import measure_topics

    OutputOptions(json_file).check()
    with ProgressBars() as bars:
        scores = measure_topics(islice(read(file), conversations), cache.open(), bars)
    table = Table("", "mutual information", "purity", "clusters")
    for method, row in scores.items():
        information, share, clusters = row.values()
        table.add_row(method, f"{information:.2f}", f"{100 * share:.0f} %", f"{clusters:.0f}")
    screen(json_file).print(table)
    if json_file is not None:
        write_json(scores, json_file)


@app.command()
def verbatim(
    files: Annotated[list[Path], typer.Argument(help="Data sets in any format.")],
    cache: Annotated[Path, typer.Option(help="Folder that caches embeddings by content.")],
    turns: Annotated[int, typer.Option(min=1, help="Turns to ask for.")] = 1000,
    seed: Seed = 0,
) -> None:
    """Ask for stored turns word for word; each has to come first.

    Exits with 1 and prints the turns if any does not.
    """
    from agentmem.embedding.sentence_embeddings import default_embeddings
    from agentmem.evaluation.embedding_cache import CachedEmbeddings
    from agentmem.formats.read import read
    from benchmarks.verbatim import not_first

    embeddings = CachedEmbeddings(default_embeddings(), cache / "embeddings.sqlite")
    dialogues = [dialogue for file in files for dialogue in read(file)]
    n_asked, missed = not_first(dialogues, embeddings, turns=turns, seed=seed)
    for text, first in missed:
        typer.echo(f"{text!r} finds {first!r}")
    typer.echo(f"{n_asked - len(missed)} of {n_asked} first")
    if missed:
        raise typer.Exit(1)


@app.command(
    epilog=examples(
        "python -m benchmarks facts locomo10.json memory_bank_en.json --draw 200",
        "python -m benchmarks facts locomo10.json --labels benchmarks/facts_labels.json",
    ),
)
def facts(
    files: Annotated[list[Path], typer.Argument(help="Data sets in any format.")],
    number: Annotated[int, typer.Option("--draw", min=1, help="Facts to draw.")] = 200,
    labels: Annotated[
        Path | None,
        typer.Option(help="Labels to compare with. Default: print the drawn facts for labeling."),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Measure the precision and the recall of the extracted facts against labels."""
    from benchmarks.facts import compare_with_labels, drawn_lines

    if labels is None:
        lines = drawn_lines(files, number, seed)
    else:
        lines = compare_with_labels(files, number, labels)
    for line in lines:
        typer.echo(line)


def _print_fit(scores: dict[str, dict[str, float]]) -> None:
    from rich.table import Table

    from benchmarks.fit import SUMMARY

    table = Table("left out", *SUMMARY, title="Leaving one conversation out, percent")
    for name, row in scores.items():
        table.add_row(name, *(f"{100 * row.get(column, 0.0):.1f}" for column in SUMMARY))
    console().print(table)


@app.command()
def trace(
    files: Annotated[bool, typer.Option("--files", help="Also list the calls per file.")] = False,
) -> None:
    """Count the project files and calls that one `add` and one warm `search` run through."""
    from benchmarks.trace import print_table

    print_table(files=files)


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")

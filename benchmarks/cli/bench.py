"""`bench`: what memory costs on top of the vector database under it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentmem.cli.app import examples
from agentmem.cli.measuring import MEASURE, JsonFile, Plot, Seed
from benchmarks.cli.app import app

if TYPE_CHECKING:
    from benchmarks.run import BenchReport

__all__ = ["bench"]


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part.replace("_", "")) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no list of numbers such as 2000,20000") from error


@app.command(
    rich_help_panel=MEASURE,
    epilog=examples(
        "python -m benchmarks bench --sizes 2000,20000 --only search",
        "python -m benchmarks bench locomo10.json --json bench.json --plot bench.png",
        "python -m benchmarks bench --only ingest --stage",
    ),
)
def bench(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Conversations, in any format that `ingest` reads; generated ones by default.",
            show_default=False,
        ),
    ] = None,
    sizes: Annotated[
        str, typer.Option(help="Memories of one owner at which searching is measured.")
    ] = "2000,20000,200000",
    scopes: Annotated[int, typer.Option(min=1, help="How many owners share a store.")] = 1000,
    turns: Annotated[int, typer.Option(min=1, help="How many turns are ingested.")] = 300,
    rounds: Annotated[int, typer.Option(min=1, help="How often each time is taken.")] = 30,
    only: Annotated[
        str, typer.Option(help="Which of search, scopes, ingest, add, opening.")
    ] = "search,scopes,ingest,add,opening",
    stage: Annotated[
        bool, typer.Option("--stage", help="Also break a search and an ingest down.")
    ] = False,
    seed: Seed = 0,
    folder: Annotated[
        Path | None,
        typer.Option(
            envvar="AGENTMEM_CACHE",
            help="Where stores are kept for the next run; by default the system's folder for "
            "caches.",
            show_default=False,
        ),
    ] = None,
    json: JsonFile = None,
    plot: Plot = None,
) -> None:
    """Measure what memory costs, as ratios to a floor taken alternately in the same run.

    For a search the floor is embedding the question and one query of bare Chroma for 30 turns
    and their documents; for ingesting it is embedding the same texts in the same batches and one
    bare upsert. Where only the store is measured, vectors are drawn around real ones instead of
    computed. Times in milliseconds are of this machine, at this moment, and medians.
    """
    from agentmem.cli.options import _embeddings
    from agentmem.cli.render import note
    from agentmem.evaluation.cache import default_cache
    from agentmem.formats.read import read
    from benchmarks.corpus import Corpus, generated
    from benchmarks.run import bench as measure
    from benchmarks.settings import BenchSettings

    if plot is not None:
        from agentmem.evaluation.plot import check_plot

        check_plot(plot)
    corpus = Corpus.of(file.name, read(file)) if file else generated(seed)
    place = (folder or default_cache()).expanduser()
    place.mkdir(parents=True, exist_ok=True)
    settings = BenchSettings(
        corpus=corpus,
        embeddings=_embeddings(),
        folder=place,
        sizes=_numbers(sizes),
        scopes=scopes,
        turns=turns,
        rounds=rounds,
        only=tuple(part.strip() for part in only.split(",")),
        tell=note,
    )
    _show(measure(settings, staged=stage), json, plot)


def _show(report: BenchReport, json: Path | None, plot: Path | None) -> None:
    from rich.table import Table

    from agentmem.cli.render import console

    table = Table(
        "", "ratio", "at most", "", "measured", "floor", title=f"Measured with {report.corpus}"
    )
    for row in report.ratios:
        bound = "" if row.at_most is None else f"{row.at_most:.2f}"
        verdict = {None: "", True: "holds", False: "DOES NOT HOLD"}[row.holds]
        name = f"{row.name} ({row.note})" if row.note else row.name
        figures = (f"{value:.1f} {row.unit}" for value in (row.measured, row.floor))
        table.add_row(name, f"{row.value:.2f}", bound, verdict, *figures)
    console().print(table)
    for name, taken in report.stages.items():
        parts = Table("stage", "ms", title=f"One {name}, under a profiler")
        for stage, ms in sorted(taken.items(), key=lambda pair: -pair[1]):
            parts.add_row(stage, f"{ms:.1f}")
        console().print(parts)
    if json is not None:
        from json import dumps

        json.write_text(dumps(report.as_dict(), indent=2) + "\n", encoding="utf-8")
    if plot is not None:
        from benchmarks.plot import plot_bench

        plot_bench(report, plot)

"""`eval reflection` and `eval abstention`: learning from use, and knowing what is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from agentmem.cli.commands.evaluate import evaluation
from agentmem.cli.measuring import Cache, Embeddings, File, Fresh, JsonFile, Plot
from benchmarks.cli.fit import known_examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentmem.evaluation.abstention import Abstention
    from agentmem.evaluation.reflection import Reflected

__all__ = ["abstention", "reflection"]


@evaluation.command()
def reflection(
    file: File,
    embeddings: Embeddings = None,
    cache: Cache = None,
    fresh: Fresh = False,
    json: JsonFile = None,
) -> None:
    """Learning from use: LoCoMo's questions, half of them answered with citations.

    A random half of a conversation's questions is answered by citing the gold evidence where it
    is among the first ten; the other half is asked before and after (turn NDCG@10). The same
    again with one of the ten cited at random. Means over four seeded halves; every conversation
    is judged by weights learned from all others, so the file needs at least two.
    """
    from agentmem.cli.eval_output import check_outputs, write_json
    from agentmem.cli.progress import Bars
    from agentmem.evaluation.reflection import reflect, reflection_json

    check_outputs(json, None)
    with Bars() as bars:
        known = known_examples(file, embeddings, cache, bars, fresh=fresh)
        found = reflect(known, progress=bars)
    _show(found)
    if json is not None:
        write_json(reflection_json(found), json)


def _show(found: Sequence[Reflected]) -> None:
    from rich.table import Table

    from agentmem.cli.render import console

    columns = ("conversation", "questions", "before", "cited", "gain", "at random", "trust")
    table = Table(*columns, title="Turn NDCG@10 of the other half, percent", title_justify="left")
    for row in found:
        numbers = (row.before, row.after, row.gain, row.noise)
        cells = [f"{numbers[0]:.1f}", f"{numbers[1]:.1f}", *(f"{n:+.2f}" for n in numbers[2:])]
        table.add_row(row.dialogue, str(row.questions), *cells, f"{row.trust:.2f}")
    n = max(len(found), 1)
    gain, noise = sum(r.gain for r in found) / n, sum(r.noise for r in found) / n
    table.add_row("mean", "", "", "", f"{gain:+.2f}", f"{noise:+.2f}", "")
    console().print(table)


@evaluation.command()
def abstention(
    file: File,
    embeddings: Embeddings = None,
    cache: Cache = None,
    fresh: Fresh = False,
    json: JsonFile = None,
    plot: Plot = None,
) -> None:
    """Knowing what was never said: LoCoMo's questions, asked of the right and a wrong conversation.

    AUROC: how often a question with an answer gets the higher confidence. ECE: how far the
    confidence is from the share of questions with an answer, over tenths of its scale. Every
    conversation is judged by weights learned from all others, so the file needs at least three.
    """
    from agentmem.cli.eval_output import check_outputs, write_json
    from agentmem.cli.progress import Bars
    from agentmem.cli.render import plain
    from agentmem.evaluation.abstention import abstain, abstention_json, plot_abstention

    check_outputs(json, plot)
    with Bars() as bars:
        known = known_examples(file, embeddings, cache, bars, fresh=fresh)
        found = abstain(known, progress=bars)
    _show_abstention(found)
    if json is not None:
        write_json(abstention_json(found), json)
    if plot is not None:
        typer.echo(plain(str(plot_abstention(found, plot.expanduser()))))


def _show_abstention(found: Abstention) -> None:
    from rich.table import Table

    from agentmem.cli.render import console

    shown = console()
    table = Table("questions", "confidence", "with an answer", title_justify="left",
                  title=f"{found.own} own and {found.strange} strange questions")  # fmt: skip
    for row in found.bins:
        table.add_row(str(row.questions), f"{row.confidence:.2f}", f"{row.answered:.2f}")
    shown.print(table)
    for threshold, (own, strange) in found.thresholds.items():
        shown.print(
            f"below {threshold} abstains from {own:.1%} of its own and {strange:.1%} of the strange"
        )
    shown.print(f"AUROC {found.auroc:.3f}, ECE {found.ece:.3f}")

"""`eval reflection`: whether citations help those who ask after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._eval import Cache, Embeddings, File, Fresh, JsonFile, evaluation
from ._fit import known_examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentmem.evaluation import Reflected

__all__ = ["reflection"]


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
    from agentmem.evaluation import reflect, reflection_json

    from ._bars import Bars
    from ._eval_output import check_outputs, write_json

    check_outputs(json, None)
    with Bars() as bars:
        known = known_examples(file, embeddings, cache, bars, fresh=fresh)
        found = reflect(known, progress=bars)
    _show(found)
    if json is not None:
        write_json(reflection_json(found), json)


def _show(found: Sequence[Reflected]) -> None:
    from rich.table import Table

    from ._output import console

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

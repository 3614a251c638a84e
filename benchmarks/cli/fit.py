"""`eval fit`: learning the weights of the search."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentmem.cli.measuring import Cache, Embeddings, File, Fresh
from benchmarks.cli.app import app

if TYPE_CHECKING:
    from agentmem.cli.progress import Bars
    from agentmem_retrievers import Weights
    from benchmarks.fitting.fit import Example

__all__ = ["fit", "known_examples"]

SHOWN = (
    "session recall_all@5",
    "session ndcg@10",
    "turn recall_all@10",
    "turn ndcg@10",
    "category 1 turn recall_all@10",
)


@app.command()
def fit(
    file: File,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the weights here; without it they are only judged."),
    ] = None,
    embeddings: Embeddings = None,
    cache: Cache = None,
    fresh: Fresh = False,
) -> None:
    """Learn the weights of the search from conversations in LoCoMo's format.

    Nothing is random: the same file gives the same weights. They are judged by learning from
    all conversations but one and asking that one, for each in turn; what is written is learned
    from all of them. Agentmem's own are `agentmem_retrievers/weights.json`.
    """
    from agentmem.cli.progress import Bars
    from benchmarks.fitting.fit import as_json, leave_one_out

    with Bars() as bars:
        known = known_examples(file, embeddings, cache, bars, fresh=fresh)
    judged = leave_one_out(known)
    _show(judged)
    if out is not None:
        content = as_json(_learned(known), _provenance(file, known, judged["all"]))
        out.write_text(content, encoding="utf-8")


def _learned(known: Sequence[Example]) -> Weights:
    """All weights: for embedders that tell words, and for those that tell none."""
    from agentmem.evaluation.reflection import learn_from_citations
    from benchmarks.fitting.fit import learn, with_confidence, without_words

    weights = with_confidence(learn_from_citations(known, learn(known)), known)
    plain = without_words(known)
    return replace(weights, without_words=with_confidence(learn(plain), plain))


def _provenance(
    file: Path, known: Sequence[Example], judged: Mapping[str, float]
) -> dict[str, object]:
    from benchmarks.fitting.fit import L2

    return {
        "learned from": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "conversations": len({example.dialogue for example in known if not example.drill}),
        "questions": sum(bool(e.turns) and not e.drill for e in known),
        "drills": sum(example.drill for example in known),
        "l2": L2,
        "command": f"agentmem eval fit {file.name} --out weights.json",
        "leaving one conversation out, percent": {
            name: round(100 * judged[name], 1) for name in SHOWN if name in judged
        },
    }


def known_examples(
    file: Path, embeddings: str | None, cache: Path | None, bars: Bars, *, fresh: bool
) -> list[Example]:
    """Ask everything in a file of LoCoMo's format, before anything is weighed."""
    from agentmem.cli.options import _embeddings
    from agentmem.evaluation.cache import IngestCache, default_cache
    from agentmem.evaluation.models import embeddings_of
    from agentmem.formats.read import read
    from benchmarks.fitting.fit import examples

    embedder = embeddings_of(embeddings) if embeddings else _embeddings()
    kept = IngestCache((cache or default_cache()).expanduser(), embedder, fresh=fresh)
    return list(examples(read(file, "locomo"), kept, bars))


def _show(judged: Mapping[str, Mapping[str, float]]) -> None:
    from rich.table import Table

    from agentmem.cli.render import console

    table = Table("left out", *SHOWN, title="Leaving one conversation out, percent")
    for name, scores in judged.items():
        table.add_row(name, *(f"{100 * scores.get(column, 0.0):.1f}" for column in SHOWN))
    console().print(table)

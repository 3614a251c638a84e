"""`partitions`: a store's layout, tried out on paper."""

from __future__ import annotations

from typing import Annotated

import typer

from agentmem.cli.app import examples
from agentmem.cli.measuring import MEASURE, Seed
from benchmarks.cli.app import app

__all__ = ["partitions"]


@app.command(
    rich_help_panel=MEASURE,
    epilog=examples("python -m benchmarks partitions --owners 1000000 --memories 100 --count 4096"),
)
def partitions(
    owners: Annotated[int, typer.Option(min=1, help="How many owners.")] = 10_000,
    memories: Annotated[int, typer.Option(min=1, help="Memories of one, on the average.")] = 100,
    count: Annotated[int, typer.Option(min=1, help="How many partitions.")] = 32,
    dimension: Annotated[int, typer.Option(min=1, help="Of the vectors.")] = 384,
    seed: Seed = 0,
) -> None:
    """Simulate how large the collections of a store become, and what memory their indexes take."""
    from benchmarks.partitions import spread

    found = spread(owners=owners, memories=memories, partitions=count, seed=seed)
    # A vector of single precision, and HNSW's links: 2 x 16 of 4 bytes on the lowest level.
    each = 4 * dimension + 2 * 16 * 4
    typer.echo(f"{owners * memories:,} memories, {found.mean:,.0f} in a partition on the average")
    typer.echo(
        f"largest partition {found.largest:,}, {found.largest * each / 2**30:.2f} GiB of index"
    )
    typer.echo(f"all indexes {owners * memories * each / 2**30:,.1f} GiB")
    typer.echo(f"largest owner {found.largest_owner:,}")
    typer.echo(f"beside a middling owner's, {100 * found.foreign:.1f}% of a partition are others'")

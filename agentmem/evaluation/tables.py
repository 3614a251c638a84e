"""An evaluation's report as tables for people."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from agentmem.evaluation.report import Report

__all__ = ["tables"]

_AT = re.compile(r"(.+)@(\d+)")


def tables(report: Report) -> Iterator[Table]:
    """Yield the tables of a report: overall, by category, the parts, and what it took."""
    yield _overall(report)
    if report.by_category:
        yield _by_category(report)
    if report.compared:
        yield _compared(report)
    yield _facts(report)


def _table(title: str, first: str) -> Table:
    # A title wider than its table would be broken into lines.
    table = Table(
        title=Text(title), title_justify="left", header_style="bold", min_width=len(title)
    )
    table.add_column(Text(first))
    return table


def _overall(report: Report) -> Table:
    """Metrics down; the ranks at which they are taken across, where they have any."""
    table = _table(f"{report.dataset}: {report.overall.n_questions} questions, in percent", "")
    rows: dict[str, dict[str, float]] = {}
    for name, value in report.overall.named().items():
        at = _AT.fullmatch(name)
        metric, rank = (at[1], f"@{at[2]}") if at else (name, "")
        rows.setdefault(metric, {})[rank] = value
    ranks = list(dict.fromkeys(rank for row in rows.values() for rank in row))
    for rank in ranks:
        table.add_column(Text(rank), justify="right")
    for metric, row in rows.items():
        table.add_row(Text(metric), *(_percent(row.get(rank)) for rank in ranks))
    return table


def _by_category(report: Report) -> Table:
    table = _table("By category", "category")
    table.add_column("questions", justify="right")
    shown = _columns(report)
    for name in shown:
        table.add_column(Text(name.replace(" ", "\n", 1)), justify="right")
    for category, found in report.by_category.items():
        named = found.named()
        cells = (_percent(named.get(name)) for name in shown)
        table.add_row(Text(category), str(found.n_questions), *cells)
    return table


def _columns(report: Report) -> list[str]:
    answers = [name for name in report.overall.named() if name.startswith("answers ")]
    return [*report.shown, *answers]


def _compared(report: Report) -> Table:
    table = _table("With one thing different, and the difference that makes", "")
    for name in report.shown:
        table.add_column(Text(name.replace(" ", "\n", 1)), justify="right")
    whole = report.overall.named()
    table.add_row("all as above", *(_percent(whole[name]) for name in report.shown))
    for different, found in report.compared.items():
        named, lost = found.named(), report.differences(found)
        cells = (f"{named[name]:.1f} ({lost[name]:+.1f})" for name in report.shown)
        table.add_row(Text(different), *cells)
    return table


def _facts(report: Report) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    if report.left_out:
        table.add_row("questions without evidence, left out", str(report.left_out))
    if report.confidence_auroc is not None:
        table.add_row("AUROC of the confidence", f"{report.confidence_auroc:.3f}")
    if report.latency_ms:
        p50, p95 = report.latency_ms["p50"], report.latency_ms["p95"]
        table.add_row("one search", f"{p50:.1f} ms (95 % below {p95:.1f} ms)")
    if report.ingest_s_per_1000_turns is not None:
        table.add_row("ingesting 1000 turns", f"{report.ingest_s_per_1000_turns:.1f} s")
    table.add_row("embedder", Text(report.versions["embedder"]))
    return table


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"

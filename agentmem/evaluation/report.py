"""The report of an evaluation: scores, JSON, and tables for the terminal."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from agentmem.evaluation.cache import INGEST_VERSION, IngestCache
from agentmem.evaluation.metrics import auroc, mean_by_name
from agentmem.evaluation.runner import Results, describe
from agentmem.evaluation.tasks import Outcome, Task

__all__ = ["Report", "Scores", "report", "scores", "tables"]

_PACKAGES = {
    "agentmem": "ebbinghaus-agentmem",
    "chromadb": "chromadb",
    "langchain-core": "langchain-core",
    "numpy": "numpy",
    "scikit-learn": "scikit-learn",
    "sentence-transformers": "sentence-transformers",
    "torch": "torch",
}

# A metric with a cutoff, such as recall_all@10.
_AT_CUTOFF = re.compile(r"(.+)@(\d+)")


@dataclass(frozen=True)
class Scores:
    """Means over some questions, in percent."""

    n_questions: int
    session: Mapping[str, float]
    turn: Mapping[str, float]
    answers: Mapping[str, float]

    def to_dict(self) -> dict[str, float]:
        """Return all scores by names such as `turn recall_all@10`."""
        kinds = {"session": self.session, "turn": self.turn, "answers": self.answers}
        return {f"{kind} {name}": v for kind, means in kinds.items() for name, v in means.items()}


@dataclass(frozen=True)
class Report:
    """The results of an evaluation.

    Attributes:
        left_out: number of questions without evidence.
        by_category: scores of the questions of each category.
        confidence_auroc: how often the confidence in a question about the conversation is higher
            than in one about another conversation, in [0, 1]; None without such questions.
        ablation: scores by ablation.
        consolidated: scores after consolidation; None if not requested.
        latency_ms: percentiles of one search for turns, including the question's embedding.
        ingest_s_per_1000_turns: measured when the conversations were ingested, which may have
            been in an earlier run.
        headline: names, as in `Scores.to_dict`, of the scores that a summary shows.
    """

    dataset: str
    overall: Scores
    left_out: int
    by_category: Mapping[str, Scores]
    confidence_auroc: float | None
    ablation: Mapping[str, Scores]
    consolidated: Scores | None
    latency_ms: Mapping[str, float]
    ingest_s_per_1000_turns: float | None
    versions: Mapping[str, str]
    headline: tuple[str, ...]

    @property
    def variants(self) -> dict[str, Scores]:
        """Scores of ablations and after consolidation, by a description of what is different."""
        variants = {describe(ablation): scores for ablation, scores in self.ablation.items()}
        if self.consolidated is not None:
            variants["after consolidate()"] = self.consolidated
        return variants

    def differences(self, other: Scores) -> dict[str, float]:
        """Return how much higher the headline metrics of other scores are, in points."""
        overall, named = self.overall.to_dict(), other.to_dict()
        return {name: named[name] - overall[name] for name in self.summary}

    @property
    def summary(self) -> tuple[str, ...]:
        """The headline metrics for which there are questions."""
        return tuple(name for name in self.headline if name in self.overall.to_dict())

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values; everything but the AUROC is in percent."""
        overall = asdict(self.overall)
        data: dict[str, Any] = _round_floats(
            {
                "dataset": self.dataset,
                "n_questions": overall.pop("n_questions"),
                "left_out": self.left_out,
                **overall,
                "by_category": {name: asdict(s) for name, s in self.by_category.items()},
                "confidence_auroc": self.confidence_auroc,
                "ablation": {part: self._variant(s) for part, s in self.ablation.items()},
                "consolidated": self.consolidated and self._variant(self.consolidated),
                "latency_ms": dict(self.latency_ms),
                "ingest_s_per_1000_turns": self.ingest_s_per_1000_turns,
                "versions": dict(self.versions),
            }
        )
        return data

    def _variant(self, other: Scores) -> dict[str, Any]:
        return asdict(other) | {"difference": self.differences(other)}


def scores(outcomes: Sequence[Outcome]) -> Scores:
    """Average the outcomes of some questions."""

    def means(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
        return {name: 100 * value for name, value in mean_by_name(rows).items()}

    return Scores(
        n_questions=len(outcomes),
        session=means(o.session for o in outcomes),
        turn=means(o.turn for o in outcomes),
        answers=means(o.answer for o in outcomes),
    )


def report(task: Task, results: Results, cache: IngestCache) -> Report:
    """Sum up the results of a task."""
    outcomes = results.outcomes
    confidences = [o.confidence for o in outcomes]
    return Report(
        dataset=task.name,
        overall=scores(outcomes),
        left_out=results.left_out,
        by_category=_by_category(outcomes),
        confidence_auroc=auroc(confidences, results.elsewhere),
        ablation={name: scores(rows) for name, rows in results.ablated.items()},
        consolidated=scores(results.consolidated) if results.consolidated else None,
        latency_ms=_latency([o.seconds for o in outcomes]),
        ingest_s_per_1000_turns=cache.seconds_per_1000_turns(),
        versions=_versions(cache),
        headline=task.headline,
    )


def _by_category(outcomes: Sequence[Outcome]) -> dict[str, Scores]:
    # All first categories before all second ones; numbers ascending, words in order of appearance.
    depth = max((len(o.categories) for o in outcomes), default=0)
    rows = [
        dict.fromkeys(o.categories[i] for o in outcomes if o.categories[i:]) for i in range(depth)
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    ordered = sorted(names, key=int) if all(name.isdigit() for name in names) else list(names)
    return {name: scores([o for o in outcomes if name in o.categories]) for name in ordered}


def _latency(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {}
    p50, p95 = np.percentile(seconds, [50, 95])
    return {"p50": 1000 * float(p50), "p95": 1000 * float(p95)}


def _versions(cache: IngestCache) -> dict[str, str]:
    from agentmem.embedding.embedder import Embedder

    versions = {"python": platform.python_version(), "ingest": str(INGEST_VERSION)}
    for name, distribution in _PACKAGES.items():
        try:
            versions[name] = version(distribution)
        except PackageNotFoundError:
            continue
    return versions | {"embedder": Embedder(cache.embeddings).spec.name}


def _round_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _round_floats(inner) for key, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def tables(report: Report) -> Iterator[Table]:
    """Yield the tables of a report: overall, by category, variants, and costs."""
    yield _overall_table(report)
    if report.by_category:
        yield _categories_table(report)
    if report.variants:
        yield _variants_table(report)
    yield _details_table(report)


def _table(title: str, first: str) -> Table:
    # Rich breaks a title that is wider than its table into lines.
    table = Table(
        title=Text(title), title_justify="left", header_style="bold", min_width=len(title)
    )
    table.add_column(Text(first))
    return table


def _overall_table(report: Report) -> Table:
    """One row per metric, one column per cutoff."""
    table = _table(f"{report.dataset}: {report.overall.n_questions} questions, in percent", "")
    rows: dict[str, dict[str, float]] = {}
    for name, value in report.overall.to_dict().items():
        at = _AT_CUTOFF.fullmatch(name)
        metric, rank = (at[1], f"@{at[2]}") if at else (name, "")
        rows.setdefault(metric, {})[rank] = value
    ranks = list(dict.fromkeys(rank for row in rows.values() for rank in row))
    for rank in ranks:
        table.add_column(Text(rank), justify="right")
    for metric, row in rows.items():
        table.add_row(Text(metric), *(_percent(row.get(rank)) for rank in ranks))
    return table


def _categories_table(report: Report) -> Table:
    table = _table("By category", "category")
    table.add_column("questions", justify="right")
    answers = [name for name in report.overall.to_dict() if name.startswith("answers ")]
    columns = [*report.summary, *answers]
    for name in columns:
        table.add_column(Text(name.replace(" ", "\n", 1)), justify="right")
    for category, row in report.by_category.items():
        named = row.to_dict()
        cells = (_percent(named.get(name)) for name in columns)
        table.add_row(Text(category), str(row.n_questions), *cells)
    return table


def _variants_table(report: Report) -> Table:
    table = _table("Variants, with the difference in points", "")
    for name in report.summary:
        table.add_column(Text(name.replace(" ", "\n", 1)), justify="right")
    overall = report.overall.to_dict()
    table.add_row("as above", *(_percent(overall[name]) for name in report.summary))
    for description, variant in report.variants.items():
        named, change = variant.to_dict(), report.differences(variant)
        cells = (f"{named[name]:.1f} ({change[name]:+.1f})" for name in report.summary)
        table.add_row(Text(description), *cells)
    return table


def _details_table(report: Report) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    if report.left_out:
        table.add_row("questions without evidence (left out)", str(report.left_out))
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

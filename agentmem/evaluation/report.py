"""What an evaluation found, in numbers that go into tables, files and pictures."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from agentmem.evaluation.ablation import difference
from agentmem.evaluation.cache import INGEST_VERSION, IngestCache
from agentmem.evaluation.metrics import auroc, mean_by_name
from agentmem.evaluation.run import Results
from agentmem.evaluation.tasks import Outcome, Task

__all__ = ["Report", "Scores", "report", "scores"]

_PACKAGES = {
    "agentmem": "ebbinghaus-agentmem",
    "chromadb": "chromadb",
    "langchain-core": "langchain-core",
    "numpy": "numpy",
    "scikit-learn": "scikit-learn",
    "sentence-transformers": "sentence-transformers",
    "torch": "torch",
}


@dataclass(frozen=True)
class Scores:
    """Means over some questions, in percent."""

    n_questions: int
    session: Mapping[str, float]
    turn: Mapping[str, float]
    answers: Mapping[str, float]

    def named(self) -> dict[str, float]:
        """Return all of them by names such as `turn recall_all@10`."""
        kinds = {"session": self.session, "turn": self.turn, "answers": self.answers}
        return {f"{kind} {name}": v for kind, means in kinds.items() for name, v in means.items()}


@dataclass(frozen=True)
class Report:
    """The outcome of an evaluation.

    Attributes:
        left_out: questions without evidence, which nobody can find.
        by_category: the scores of the questions of each category.
        confidence_auroc: how often the search is surer of a question about the conversation
            than of one about another, in [0, 1]; None where there is no other.
        ablation: the scores with one part switched, by the name that `parts` gives it.
        consolidated: the scores after consolidating; None where that was not wanted.
        latency_ms: of one search for turns, its question's embedding included.
        ingest_s_per_1000_turns: measured when it was ingested, maybe in an earlier run.
        headline: the names of the scores that a summary shows, as in `Scores.named`.
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
    def compared(self) -> dict[str, Scores]:
        """What the scores are compared with, by what is different there."""
        found = {difference(part): scores for part, scores in self.ablation.items()}
        if self.consolidated is not None:
            found["after consolidate()"] = self.consolidated
        return found

    def differences(self, other: Scores) -> dict[str, float]:
        """Return how the headline of other scores differs from the whole's, in points."""
        whole, named = self.overall.named(), other.named()
        return {name: named[name] - whole[name] for name in self.shown}

    @property
    def shown(self) -> tuple[str, ...]:
        """The headline, as far as there are questions for it."""
        return tuple(name for name in self.headline if name in self.overall.named())

    def to_json(self) -> dict[str, Any]:
        """Return everything in what JSON can hold; all shares but the AUROC are in percent."""
        overall = asdict(self.overall)
        shown: dict[str, Any] = _rounded(
            {
                "dataset": self.dataset,
                "n_questions": overall.pop("n_questions"),
                "left_out": self.left_out,
                **overall,
                "by_category": {name: asdict(s) for name, s in self.by_category.items()},
                "confidence_auroc": self.confidence_auroc,
                "ablation": {part: self._compared(s) for part, s in self.ablation.items()},
                "consolidated": self.consolidated and self._compared(self.consolidated),
                "latency_ms": dict(self.latency_ms),
                "ingest_s_per_1000_turns": self.ingest_s_per_1000_turns,
                "versions": dict(self.versions),
            }
        )
        return shown

    def _compared(self, other: Scores) -> dict[str, Any]:
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
    """Sum up what came of a task."""
    outcomes = results.outcomes
    own = [o.confidence for o in outcomes]
    return Report(
        dataset=task.name,
        overall=scores(outcomes),
        left_out=results.left_out,
        by_category=_by_category(outcomes),
        confidence_auroc=auroc(own, results.crossed),
        ablation={part: scores(found) for part, found in results.switched.items()},
        consolidated=scores(results.consolidated) if results.consolidated else None,
        latency_ms=_latency([o.seconds for o in outcomes]),
        ingest_s_per_1000_turns=cache.seconds_per_1000_turns(),
        versions=_versions(cache),
        headline=task.headline,
    )


def _by_category(outcomes: Sequence[Outcome]) -> dict[str, Scores]:
    # All first categories before all second ones; numbers in their order, words as they appear.
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

    found = {"python": platform.python_version(), "ingest": str(INGEST_VERSION)}
    for name, distribution in _PACKAGES.items():
        try:
            found[name] = version(distribution)
        except PackageNotFoundError:
            continue
    return found | {"embedder": Embedder(cache.embeddings).spec.name}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value

"""Compare the search with plain rankings of the same turns, on several data sets at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agentmem.evaluation.metrics import auroc, mean_by_name, ndcg, recall_all
from agentmem.evaluation.runner import describe, settings_of
from agentmem.evaluation.tasks import FixedClock, end_of, evidence, turn_names
from agentmem_retrievers.features.lexical import SESSION_B, SESSION_K1, TermStats, bm25
from agentmem_retrievers.text.tokenize import tokenize
from agentmem_stores import Granularity, Scope

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem.controller.controller import MemoryController
    from agentmem.formats.dialogue import Dialogue, DialogueQuestion
    from agentmem_retrievers import SearchResult

__all__ = [
    "BASELINES",
    "METRICS",
    "Comparison",
    "JudgedQuestion",
    "ask",
    "compare",
    "paired_interval",
]

Floats = NDArray[np.float64]

BASELINES = ("dense", "bm25", "hybrid")
METRICS = ("turn recall_all@10", "turn ndcg@10", "session recall_all@5", "session ndcg@10")
# Hits that sessions are collected from.
_HITS = 50
_RESAMPLES = 2000


@dataclass(frozen=True)
class JudgedQuestion:
    """What a question found.

    Attributes:
        scores: by ranking ("agentmem", one of `BASELINES`, or an ablation such as "without late"),
            the metrics; empty for a question that nothing in the conversation answers.
        confidence: of the search.
        answerable: whether the conversation answers the question.
    """

    category: str
    scores: Mapping[str, Mapping[str, float]]
    confidence: float
    answerable: bool


@dataclass(frozen=True)
class Comparison:
    """The means of some questions.

    Attributes:
        means: by ranking, the mean of each metric.
        gains: by metric, the 95 % interval of agentmem less the best baseline.
        confidence_auroc: of answerable questions against the others; None without both.
    """

    n_questions: int
    means: Mapping[str, Mapping[str, float]]
    gains: Mapping[str, tuple[float, float]]
    confidence_auroc: float | None


def ask(
    dialogue: Dialogue, embeddings: Embeddings, ablate: Sequence[str] = ()
) -> Iterator[JudgedQuestion]:
    """Store a conversation in memory and ask all its questions, at the times that they give.

    Questions whose id ends in `_abs` are answered by nothing in it; others without evidence are
    left out.

    Args:
        ablate: names from `runner.ablations`; each question is asked again with each.
    """
    from agentmem.controller.controller import MemoryController
    from agentmem.ingest import ingest
    from agentmem_stores import InMemoryStore

    clock, scope = FixedClock(end_of(dialogue)), Scope(dialogue.owner or "user")
    memory = MemoryController(InMemoryStore(), scope=scope, embeddings=embeddings, clock=clock)
    try:
        ingest(memory, dialogue, scope=scope)
        names = turn_names(dialogue)
        for question in dialogue.questions:
            clock.now = question.asked_at or end_of(dialogue)
            yield from _ask(memory, scope, dialogue, question, names, ablate)
    finally:
        memory.close()


def _ask(
    memory: MemoryController,
    scope: Scope,
    dialogue: Dialogue,
    question: DialogueQuestion,
    names: Mapping[tuple[str, int], str],
    ablate: Sequence[str],
) -> Iterator[JudgedQuestion]:
    relevant = evidence(dialogue, question)
    answerable = not question.id.endswith("_abs")
    if answerable and (relevant is None or not relevant.turns):
        return
    result = memory.search(question.text, k=_HITS, reinforce=False)
    scores = {}
    if answerable and relevant is not None:
        home = {name: session for (session, _), name in names.items()}
        rankings = {
            "agentmem": _turns(result, names),
            **_baselines(memory, scope, question.text, names),
            **_ablated(memory, question.text, names, ablate),
        }
        for name, turns in rankings.items():
            sessions = list(dict.fromkeys(home[turn] for turn in turns))
            scores[name] = {
                "turn recall_all@10": recall_all(turns, relevant.turns, 10),
                "turn ndcg@10": ndcg(turns, relevant.turns, 10),
                "session recall_all@5": recall_all(sessions, relevant.sessions, 5),
                "session ndcg@10": ndcg(sessions, relevant.sessions, 10),
            }
    yield JudgedQuestion(str(question.category), scores, result.confidence, answerable)


def _turns(result: SearchResult, names: Mapping[tuple[str, int], str]) -> list[str]:
    return [names[hit.memory.session_id, hit.memory.position] for hit in result]


def _ablated(
    memory: MemoryController,
    text: str,
    names: Mapping[tuple[str, int], str],
    ablate: Sequence[str],
) -> dict[str, list[str]]:
    """Rank turns with the settings of each ablation."""
    # The engine reads its settings at each search; another controller would need its own index.
    engine = memory.services.engine
    shipped, rankings = engine.settings, {}
    try:
        for ablation in ablate:
            engine.settings = settings_of(ablation)
            result = memory.search(text, k=_HITS, reinforce=False)
            rankings[describe(ablation)] = _turns(result, names)
    finally:
        engine.settings = shipped
    return rankings


def _baselines(
    memory: MemoryController, scope: Scope, text: str, names: Mapping[tuple[str, int], str]
) -> dict[str, list[str]]:
    """Rank all turns by cosine, by BM25, and by the sum of both after min-max scaling."""
    services = memory.services
    table = services.memories.index(scope).tables[Granularity.TURN]
    rows = np.array(sorted(table.row_of.values()), dtype=np.intp)
    turn_of = {
        table.row_of[turn.id]: names[turn.session_id, turn.position]
        for turn in services.store.scan(scope, Granularity.TURN)
    }
    dense = table.cosines(rows, services.embedder.query(text)).astype(np.float64)
    stats = TermStats(table.words, tokenize(text))
    lengths = stats.lengths(rows)
    lexical = bm25(
        stats.frequencies(rows), lengths, stats.mean_length, stats.idf, SESSION_K1, SESSION_B
    )
    scores = {"dense": dense, "bm25": lexical, "hybrid": _min_max(dense) + _min_max(lexical)}
    return {
        name: [turn_of[int(rows[i])] for i in np.argsort(-values, kind="stable")]
        for name, values in scores.items()
    }


def _min_max(values: Floats) -> Floats:
    return np.asarray((values - values.min()) / max(float(np.ptp(values)), 1e-9))


def compare(judged: Sequence[JudgedQuestion]) -> Comparison:
    """Average over questions, and compare agentmem with the best baseline for each metric."""
    scored = [one.scores for one in judged if one.scores]
    names = scored[0] if scored else ("agentmem", *BASELINES)
    means = {name: mean_by_name(s[name] for s in scored) for name in names}
    gains = {}
    for metric in METRICS if scored else ():
        best = max(BASELINES, key=lambda name: means[name].get(metric, 0.0))
        gain = np.array([s["agentmem"][metric] - s[best][metric] for s in scored])
        gains[metric] = paired_interval(gain)
    sure = [one.confidence for one in judged if one.answerable]
    unsure = [one.confidence for one in judged if not one.answerable]
    return Comparison(len(scored), means, gains, auroc(sure, unsure))


def paired_interval(gains: Floats, *, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of a mean gain, by bootstrap over questions.

    Args:
        gains: one for each question, shape (questions,).

    Example:
        >>> paired_interval(np.ones(5))
        (1.0, 1.0)
    """
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, len(gains), size=(_RESAMPLES, len(gains)))
    low, high = np.percentile(gains[samples].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def by_category(
    judged: Sequence[JudgedQuestion],
    summarize: Callable[[Sequence[JudgedQuestion]], Comparison] = compare,
) -> dict[str, Comparison]:
    """Return a comparison for each category that has questions with evidence."""
    categories = dict.fromkeys(one.category for one in judged if one.scores)
    return {c: summarize([one for one in judged if one.category == c]) for c in categories}

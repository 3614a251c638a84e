"""Fit the confidence for conversations with an assistant, and judge it on data sets left out.

Every question with evidence is asked twice: of the whole conversation, and of one without its
evidence and the replies to it, so that there are as many questions that nothing answers. Questions
that data sets themselves call unanswerable only judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from agentmem.evaluation.metrics import auroc
from agentmem.evaluation.tasks import FixedClock, end_of, evidence, turn_names
from agentmem_retrievers import Query, SearchEngine
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.ranking.pipeline import confidence
from agentmem_stores import Batch, Entry, Granularity, InMemoryStore, Scope

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem.embedding.embedder import Embedder
    from agentmem.formats.dialogue import Dialogue

__all__ = ["FEATURES", "Search", "fit_confidence", "judge_confidence", "searches"]

Floats = NDArray[np.float64]

# Each with a weight of at least 0, so that more evidence never makes a search less sure.
FEATURES = ("similar", "similar_mean", "passage", "names")
L2 = 3e-3


@dataclass(frozen=True)
class Search:
    """A question that was asked.

    Attributes:
        features: of its best turns, see `agentmem_retrievers.ranking.pipeline`.
        answerable: whether the conversation answers it.
        learnable: whether it may be learned from.
    """

    features: Mapping[str, float]
    answerable: bool
    learnable: bool


def searches(dialogues: Iterable[Dialogue], embeddings: Embeddings) -> Iterator[Search]:
    """Ask all questions of each conversation, with and without their evidence."""
    from agentmem.controller.controller import MemoryController
    from agentmem.ingest import ingest

    for dialogue in dialogues:
        clock, scope = FixedClock(end_of(dialogue)), Scope(dialogue.owner or "user")
        memory = MemoryController(InMemoryStore(), scope=scope, embeddings=embeddings, clock=clock)
        with memory:
            ingest(memory, dialogue, scope=scope)
            entries = list(memory.services.store.scan_entries(scope, Granularity.TURN))
            yield from _searches(dialogue, scope, entries, memory.services.embedder)


def _searches(
    dialogue: Dialogue, scope: Scope, entries: Sequence[Entry], embedder: Embedder
) -> Iterator[Search]:
    names = turn_names(dialogue)
    name_of = {e.memory.id: names[e.memory.session_id, e.memory.position] for e in entries}
    replies = {name: names.get((session, n + 1)) for (session, n), name in names.items()}
    for question in dialogue.questions:
        now = question.asked_at or end_of(dialogue)
        relevant = evidence(dialogue, question)
        if question.id.endswith("_abs"):
            features = _features(entries, scope, embedder, question.text, now)
            yield Search(features, answerable=False, learnable=False)
        elif relevant is not None and relevant.turns:
            features = _features(entries, scope, embedder, question.text, now)
            yield Search(features, answerable=True, learnable=True)
            removed = relevant.turns | {replies[name] for name in relevant.turns}
            rest = [entry for entry in entries if name_of[entry.memory.id] not in removed]
            if rest:
                features = _features(rest, scope, embedder, question.text, now)
                yield Search(features, answerable=False, learnable=True)


def _features(
    entries: Sequence[Entry], scope: Scope, embedder: Embedder, text: str, now: datetime
) -> Mapping[str, float]:
    with InMemoryStore(embedder.spec) as store:
        store.write(Batch(scope, put=list(entries)))
        engine = SearchEngine(IndexedStore(store, embedder.documents))
        query = Query(text, embedder.query, now, query_tokens=embedder.query_tokens)
        ranking = engine.ranking(scope, query)
        rows, features = ranking.first_stage(complete=True)
        turns = ranking.rank(rows, features)
        return ranking.confidence_features(turns, rows, features)


def fit_confidence(sets: Sequence[Sequence[Search]]) -> dict[str, float]:
    """Return the weights of a logistic model; data sets, and both classes of each, count alike."""
    used = [[one for one in known if one.learnable] for known in sets]
    columns = np.array([[one.features[n] for n in FEATURES] for known in used for one in known])
    signs = np.array([1.0 if one.answerable else -1.0 for known in used for one in known])
    share = np.concatenate([_class_shares(known) for known in used]) / len(used)
    mean, spread = columns.mean(axis=0), columns.std(axis=0) + 1e-9
    standard = np.c_[(columns - mean) / spread, np.ones(len(columns))]

    def loss(weights: Floats) -> tuple[float, Floats]:
        margins = signs * (standard @ weights)
        penalty = L2 * float(weights[:-1] @ weights[:-1])
        slope = -(share * signs / (1 + np.exp(margins))) @ standard
        slope[:-1] += 2 * L2 * weights[:-1]
        return float(share @ np.logaddexp(0, -margins)) + penalty, slope

    bounds = [*[(0.0, None)] * len(FEATURES), (None, None)]
    start = np.zeros(len(FEATURES) + 1)
    optimum = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = optimum[:-1] / spread
    named = {"bias": optimum[-1] - mean @ weights, **dict(zip(FEATURES, weights, strict=True))}
    return {name: float(f"{value:.4g}") for name, value in named.items()}


def _class_shares(known: Sequence[Search]) -> Floats:
    answerable = np.array([one.answerable for one in known])
    counts = max(int(answerable.sum()), 1), max(int((~answerable).sum()), 1)
    return np.asarray(np.where(answerable, 0.5 / counts[0], 0.5 / counts[1]), dtype=np.float64)


def judge_confidence(
    known: Sequence[Search], weights: Mapping[str, float]
) -> dict[str, float | None]:
    """Return the AUROC of answerable questions against those that nothing answers."""
    values = {True: list[float](), False: list[float]()}
    removed: list[float] = []
    for one in known:
        value = confidence(one.features, weights)
        if one.learnable and not one.answerable:
            removed.append(value)
        else:
            values[one.answerable].append(value)
    return {
        "unanswerable": auroc(values[True], values[False]),
        "evidence removed": auroc(values[True], removed),
    }

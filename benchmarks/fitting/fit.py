"""Learning the weights of the search from conversations with questions."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem.evaluation.cache import IngestCache, Ingested
from agentmem.evaluation.metrics import mean_by_name, ranking_scores
from agentmem.evaluation.needle import haystack
from agentmem.evaluation.ranking import evidence, turn_names
from agentmem.evaluation.tasks import Progress, end_of
from agentmem_retrievers import Query, SearchEngine, SearchSettings, Weights
from agentmem_retrievers.features.lexical import Features
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.table import Rows
from agentmem_retrievers.ranking.pipeline import TurnRanking
from agentmem_retrievers.ranking.scoring import Ranking, part_of
from agentmem_retrievers.ranking.sessions import session_features
from agentmem_stores import Granularity
from benchmarks.fitting.listwise import Group, fit_listwise

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue

__all__ = [
    "L2",
    "Example",
    "as_json",
    "confidences",
    "examples",
    "learn",
    "leave_one_out",
    "with_confidence",
    "without_words",
]

# Of the squared standardised weights; coarse on purpose, and not tuned to any conversation.
L2 = 3e-3
# How much a question counts that several memories answer, see `fit_listwise`: in the first round
# the first of them matters more, in what orders the best anew each as much as any other.
FIRST_GROWTH, GROWTH = 0.75, 1.0
_KS = (5, 10)


@dataclass(frozen=True)
class Example:
    """A question put to a conversation, before anything is weighed.

    Attributes:
        dialogue: whose memory is asked.
        rows, features: the candidates of the first round.
        turns: the rows that answer it; none where it was asked of a strange conversation.
        sessions: the numbers of the sessions that answer it.
        drill: made up to be learned from, never to be judged by.
    """

    dialogue: str
    category: str
    ranking: TurnRanking
    rows: Rows
    features: Features
    turns: frozenset[int]
    sessions: frozenset[int]
    drill: bool = False


def drills() -> Iterator[Dialogue]:
    """Make conversations that teach what people's own seldom do: that a key is the turn's own.

    What surrounds a turn tells more than the turn, but not where a number or an identifier is
    asked for.
    """
    yield haystack(turns=300, hops=5, questions=10, seed=7).dialogue()


def examples(
    dialogues: Iterable[Dialogue], cache: IngestCache, progress: Progress
) -> Iterator[Example]:
    """Ask every question of its own conversation and of the one before it; and the drills."""
    before: Dialogue | None = None
    for dialogue in dialogues:
        with cache.open(dialogue, progress) as found:
            yield from _asked(dialogue, dialogue, found, progress)
            if before is not None:
                yield from _asked(before, dialogue, found, progress)
        before = dialogue
    for drill in drills():
        with cache.open(drill, progress) as found:
            for example in _asked(drill, drill, found, progress):
                yield replace(example, drill=True)


def _asked(asked: Dialogue, of: Dialogue, found: Ingested, progress: Progress) -> Iterator[Example]:
    from agentmem.embedding.embedder import Embedder

    embedder = Embedder(found.embeddings)
    settings = SearchSettings(retention=0.0)
    engine = SearchEngine(IndexedStore(found.store, embedder.documents), settings=settings)
    index = engine.memories.index(found.scope)
    table = index.tables[Granularity.TURN]
    held = list(found.store.scan(found.scope, Granularity.TURN))
    names = turn_names(of)
    row_of = {names[m.session_id, m.position]: table.row_of[m.id] for m in held}
    progress.expect("asking", len(asked.questions))
    for question in asked.questions:
        wanted = evidence(asked, question)
        progress.advance("asking", 1)
        if wanted is None:
            continue
        query = Query(question.text, embedder.query, end_of(of), query_tokens=embedder.query_tokens)
        ranking = engine.ranking(found.scope, query)
        rows, features = ranking.first_stage()
        # Sessions are weighed when the store has long been closed.
        ranking.sources.all()
        turns = frozenset(row_of[n] for n in wanted.turns) if asked is of else frozenset[int]()
        sessions = frozenset(int(table.column("session")[row]) for row in turns)
        yield Example(of.owner, question.category, ranking, rows, features, turns, sessions)


def learn(known: Sequence[Example]) -> Weights:
    """Fit the two rounds and the ranking of sessions, in this order.

    Each stage sees the scores that the stages before it give with their fitted weights. Late
    interaction is weighed if there were words to compare. Of sessions what is weighed is their
    ranking with the router, see `SearchSettings.routed`.
    """
    own = [e for e in known if e.turns]
    off = [] if any(e.ranking.query_tokens for e in own) else ["late"]
    nothing = Weights(first={}, second={}, session={}, confidence={})
    own_turns = [(e.features, _right(e.rows, e.turns)) for e in own]
    first = _fit(own_turns, off, growth=FIRST_GROWTH)
    weights = replace(nothing, first=first)
    second = []
    for example in own:
        rows, features = _ranking(example, weights).shortlist(example.rows, example.features)
        second.append((features, _right(rows, example.turns)))
    weights = replace(weights, second=_fit(second, off, growth=GROWTH))
    sessions = [_sessions(e, weights) for e in own]
    return replace(weights, session=_fit(sessions, growth=GROWTH))


def without_words(known: Sequence[Example]) -> list[Example]:
    """The same examples as an embedder gives them that tells no words."""
    return [
        replace(
            example,
            ranking=replace(example.ranking, query_tokens=()),
            features={n: 0 * v if part_of(n) == "late" else v for n, v in example.features.items()},
        )
        for example in known
    ]


def with_confidence(weights: Weights, known: Sequence[Example]) -> Weights:
    """Fit the confidence: own questions against those put to a strange conversation."""
    return replace(weights, confidence=_fit_confidence(known, weights))


def confidences(known: Sequence[Example], weights: Weights) -> list[float]:
    """How sure the search is of each question, in [0, 1]."""
    return [_ranking(e, weights).confidence(_turns(e, weights)) for e in known]


def as_json(weights: Weights, provenance: Mapping[str, Any]) -> str:
    """What `agentmem_retrievers/weights.json` holds: where the weights come from, then they."""
    content = {"provenance": dict(provenance), **asdict(weights)}
    if weights.without_words is not None:
        stages = ("first", "second", "session", "confidence")
        content["without_words"] = {s: content["without_words"][s] for s in stages}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _ranking(example: Example, weights: Weights) -> TurnRanking:
    return replace(example.ranking, weights=weights)


def _right(rows: Rows, turns: frozenset[int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.isin(rows, list(turns))


def _turns(example: Example, weights: Weights) -> Ranking:
    return _ranking(example, weights).rank(example.rows, example.features)


def _sessions(
    example: Example, weights: Weights
) -> tuple[Features, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    ranking, turns = example.ranking, _turns(example, weights)
    numbers, features = session_features(ranking.index, turns.rows, turns.scores, ranking.sources)
    return features, _right(numbers, example.sessions)


def _fit(
    found: Sequence[tuple[Features, np.ndarray[tuple[int], np.dtype[np.bool_]]]],
    off: Collection[str] = (),
    *,
    growth: float,
) -> dict[str, float]:
    named = dict.fromkeys(name for features, _ in found for name in features)
    names = [name for name in named if part_of(name) not in off]
    groups: list[Group] = []
    for features, right in found:
        columns = [features.get(name, np.zeros(len(right))) for name in names]
        groups.append((np.stack(columns, axis=1), right))
    weights = fit_listwise(groups, l2=L2, growth=growth)
    return {name: float(f"{weight:.4g}") for name, weight in zip(names, weights, strict=True)}


def _fit_confidence(known: Sequence[Example], weights: Weights) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression

    known = [e for e in known if not e.drill]
    found = [_ranking(e, weights).confidence_features(_turns(e, weights)) for e in known]
    # Each question also as if it named nobody, as few questions to an assistant do.
    found += [{**features, "named": 0.0} for features in found]
    names = list(found[0])
    rows = np.array([[features[name] for name in names] for features in found])
    own = np.array([bool(e.turns) for e in known] * 2)
    model = LogisticRegression(fit_intercept=False, max_iter=5000).fit(rows, own)
    return {name: float(f"{w:.4g}") for name, w in zip(names, model.coef_[0], strict=True)}


def leave_one_out(known: Sequence[Example]) -> dict[str, Mapping[str, float]]:
    """Judge every conversation by weights learned from all others.

    Returns:
        Means in percent, by metric, for each conversation and for all questions (`all`).
    """
    outcomes: dict[str, list[dict[str, float]]] = {}
    for held_out in dict.fromkeys(e.dialogue for e in known if not e.drill):
        weights = learn([e for e in known if e.dialogue != held_out])
        judged = [_judged(e, weights) for e in known if e.dialogue == held_out and e.turns]
        outcomes[held_out] = judged
    outcomes["all"] = [judged for of in list(outcomes.values()) for judged in of]
    return {name: mean_by_name(judged) for name, judged in outcomes.items()}


def _judged(example: Example, weights: Weights) -> dict[str, float]:
    turns = _turns(example, weights)
    ranking = _ranking(example, weights)
    numbers, parts = ranking.session_scores(turns)
    scores = np.sum(list(parts.values()), axis=0)
    order = [str(numbers[i]) for i in np.argsort(-scores, kind="stable")]
    found = ranking_scores([str(row) for row in turns.rows], set(map(str, example.turns)), _KS)
    of_sessions = ranking_scores(order, set(map(str, example.sessions)), _KS)
    return {
        **{f"turn {name}": value for name, value in found.items()},
        **{f"session {name}": value for name, value in of_sessions.items()},
        f"category {example.category} turn recall_all@10": found["recall_all@10"],
    }

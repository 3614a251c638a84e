"""Learn ranking weights from conversations, so that another conversation can be judged by them.

The weights that ship with the package were learned from public conversations; judged by these, the
same conversations would look better than others. So `reflection` and `abstention` judge every
conversation by weights learned from all the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from agentmem.evaluation.cache import IngestCache, IngestedConversation
from agentmem.evaluation.needle import haystack
from agentmem.evaluation.tasks import end_of, evidence, turn_names
from agentmem.progress import Progress
from agentmem_retrievers import Query, SearchEngine, SearchSettings, Weights
from agentmem_retrievers.features.lexical import Features
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.table import Rows
from agentmem_retrievers.ranking.pipeline import TurnRanking
from agentmem_retrievers.ranking.scoring import Ranking, part_of
from agentmem_retrievers.ranking.sessions import session_features
from agentmem_stores import Granularity

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue

__all__ = [
    "L2", "Example", "Group", "confidences", "drills", "examples", "fit_above", "fit_listwise",
    "learn", "rank_turns", "with_confidence", "without_words",
]  # fmt: skip

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# One question: features of its candidates, shape (candidates, features), and which are relevant.
Group = tuple[Floats, Mask]

# Penalty on the squared standardized weights; coarse, and not tuned to any conversation.
L2 = 3e-3
# How much a question with several relevant memories counts, see `fit_listwise`: in the first stage
# the first of them matters most, in the second stage each as much as any other.
_FIRST_GROWTH, _GROWTH = 0.75, 1.0
# What a number or identifier of the question counts for a turn that contains it.
_LITERAL = 4.0
# Features for conversations with an assistant, and those whose weights are set, not learned; see
# `benchmarks.fit_assistant`.
_OF_ASSISTANTS = frozenset(
    [
        "exact.literal", "exact.verbatim", "late.passage", "late.passage_rare", "lexical.bm25",
        "manner.only_asks", "role.asks_back", "role.user", "role.user_by_default",
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Example:
    """A question asked of a conversation, before anything is weighted.

    Attributes:
        dialogue: the conversation that is searched.
        rows, features: the candidates of the first stage.
        turns: relevant rows; none if the question is about another conversation.
        sessions: numbers of the relevant sessions.
        drill: generated, to learn from and never to judge by.
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
    """Generate conversations that teach what real ones rarely do: a key belongs to its own turn.

    The neighbors of a turn usually say more about it than its own words, but not where a question
    asks for a number or an identifier.
    """
    yield haystack(turns=300, hops=5, questions=10, seed=7).dialogue()


def examples(
    dialogues: Iterable[Dialogue],
    cache: IngestCache,
    progress: Progress,
    *,
    with_drills: bool = True,
) -> Iterator[Example]:
    """Ask every question of its own conversation and of the next one.

    Args:
        with_drills: also ask the questions of `drills`.
    """
    previous: Dialogue | None = None
    for dialogue in dialogues:
        with cache.open(dialogue, progress) as conversation:
            yield from _examples(dialogue, conversation, progress)
            if previous is not None:
                yield from _examples(previous, conversation, progress)
        previous = dialogue
    for drill in drills() if with_drills else ():
        with cache.open(drill, progress) as conversation:
            for example in _examples(drill, conversation, progress):
                yield replace(example, drill=True)


def _examples(
    questions_of: Dialogue, conversation: IngestedConversation, progress: Progress
) -> Iterator[Example]:
    from agentmem.embedding.embedder import Embedder

    dialogue, scope = conversation.dialogue, conversation.scope
    embedder = Embedder(conversation.embeddings)
    settings = SearchSettings(retention=0.0)
    engine = SearchEngine(IndexedStore(conversation.store, embedder.documents), settings=settings)
    table = engine.memories.index(scope).tables[Granularity.TURN]
    names = turn_names(dialogue)
    row_of = {
        names[m.session_id, m.position]: table.row_of[m.id]
        for m in conversation.store.scan(scope, Granularity.TURN)
    }
    progress.expect("asking", len(questions_of.questions))
    for question in questions_of.questions:
        relevant = evidence(questions_of, question)
        progress.advance("asking", 1)
        if relevant is None:
            continue
        query = Query(
            question.text, embedder.query, end_of(dialogue), query_tokens=embedder.query_tokens
        )
        ranking = engine.ranking(scope, query)
        rows, features = ranking.first_stage(complete=True)
        # Sessions are weighted after the store is closed, so their candidates are read now.
        ranking.sources.all()
        own = questions_of is dialogue
        turns = frozenset(row_of[n] for n in relevant.turns) if own else frozenset[int]()
        sessions = frozenset(int(table.column("session")[row]) for row in turns)
        yield Example(dialogue.owner, question.category, ranking, rows, features, turns, sessions)


def learn(known: Sequence[Example]) -> Weights:
    """Fit the two stages and the ranking of sessions, in this order.

    Each stage sees the scores that the fitted stages before it give. Late interaction is fitted if
    there are word embeddings to compare. Sessions are fitted as the router ranks them, see
    `SearchSettings.routed`.
    """
    own = [e for e in known if e.turns]
    off = [] if any(e.ranking.query_tokens for e in own) else ["late"]
    weights = Weights(first={}, second={}, session={}, confidence={})
    first = [(e.features, np.isin(e.rows, list(e.turns))) for e in own]
    fitted = _fit(first, off, growth=_FIRST_GROWTH)
    weights = replace(weights, first={**fitted, "exact.literal": _LITERAL})
    second, sessions = [], []
    for example in own:
        ranking = replace(example.ranking, weights=weights)
        rows, features = ranking.shortlist(example.rows, example.features)
        second.append((features, np.isin(rows, list(example.turns))))
    weights = replace(weights, second=_fit(second, off, growth=_GROWTH))
    for example in own:
        ranking, turns = rank_turns(example, weights)
        numbers, features = session_features(
            ranking.index, turns.rows, turns.scores, ranking.sources
        )
        sessions.append((features, np.isin(numbers, list(example.sessions))))
    return replace(weights, session=_fit(sessions, growth=_GROWTH))


def without_words(known: Sequence[Example]) -> list[Example]:
    """Return the examples as an embedder without word embeddings gives them."""
    return [
        replace(
            example,
            ranking=replace(example.ranking, query_tokens=()),
            features={n: 0 * v if part_of(n) == "late" else v for n, v in example.features.items()},
        )
        for example in known
    ]


def with_confidence(weights: Weights, known: Sequence[Example]) -> Weights:
    """Fit the confidence: questions about the conversation against those about another."""
    from sklearn.linear_model import LogisticRegression

    known = [e for e in known if not e.drill]
    rankings = [rank_turns(e, weights) for e in known]
    features = [
        ranking.confidence_features(turns, e.rows, e.features)
        for e, (ranking, turns) in zip(known, rankings, strict=True)
    ]
    # Each question counts again as if it named nobody, as most questions to an assistant do not.
    features += [{**row, "named": 0.0} for row in features]
    names = list(features[0])
    columns = np.array([[row[name] for name in names] for row in features])
    own = np.array([bool(e.turns) for e in known] * 2)
    model = LogisticRegression(fit_intercept=False, max_iter=5000).fit(columns, own)
    return replace(weights, confidence=_by_name(names, model.coef_[0]))


def confidences(known: Sequence[Example], weights: Weights) -> list[float]:
    """Return the confidence of each search, in [0, 1]."""
    confidences = []
    for example in known:
        ranking, turns = rank_turns(example, weights)
        confidences.append(ranking.confidence(turns, example.rows, example.features))
    return confidences


def rank_turns(example: Example, weights: Weights) -> tuple[TurnRanking, Ranking]:
    """Rank the candidates of an example by some weights."""
    ranking = replace(example.ranking, weights=weights)
    return ranking, ranking.rank(example.rows, example.features)


def _fit(
    questions: Sequence[tuple[Features, Mask]], off: Collection[str] = (), *, growth: float
) -> dict[str, float]:
    present = dict.fromkeys(name for features, _ in questions for name in features)
    names = [n for n in present if part_of(n) not in off and n not in _OF_ASSISTANTS]
    groups: list[Group] = []
    for features, relevant in questions:
        columns = [features.get(name, np.zeros(len(relevant))) for name in names]
        groups.append((np.stack(columns, axis=1), relevant))
    return _by_name(names, fit_listwise(groups, l2=L2, growth=growth))


def _by_name(names: Sequence[str], weights: Iterable[float]) -> dict[str, float]:
    """Name fitted weights, rounded to four significant digits."""
    return {name: float(f"{weight:.4g}") for name, weight in zip(names, weights, strict=True)}


def fit_listwise(groups: Sequence[Group], *, l2: float, growth: float = 0.5) -> Floats:
    """Return the weights that best separate each relevant candidate from all irrelevant ones.

    The loss of a relevant candidate is the cross entropy of a softmax over it and the irrelevant
    ones (ListNet's top-one loss, Cao et al. 2007, eq. 4, for one relevant document), so relevant
    candidates do not compete with each other. A question with n of them counts n ** growth. Added
    to this is `l2` times the squared weights of the standardized features. The loss is convex, so
    the result does not depend on where the minimization starts. Questions without a relevant or
    without an irrelevant candidate are skipped.

    Args:
        growth: 0 if all questions count alike, 1 if all relevant candidates do.

    Returns:
        Shape (features,), for the features as given, not standardized.
    """
    groups = [(features, mask) for features, mask in groups if mask.any() and not mask.all()]
    features = np.concatenate([features for features, _ in groups])
    relevant = np.concatenate([mask for _, mask in groups])
    sizes = np.array([len(mask) for _, mask in groups])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    question = np.repeat(np.arange(len(sizes)), sizes)
    spread = features.std(axis=0) + 1e-9
    standard = (features - features.mean(axis=0)) / spread
    of, each = question[relevant], np.add.reduceat(relevant.astype(np.float64), starts)
    counts = each[of] ** (growth - 1) / len(sizes)

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = standard @ weights
        top = np.maximum.reduceat(scores, starts)
        raised = np.exp(scores - top[question]) * ~relevant
        wrong = np.add.reduceat(raised, starts)
        ahead = np.log(wrong + 1e-300)[of] + top[of] - scores[relevant]
        pull = counts / (1 + np.exp(-ahead))
        push = raised * (np.bincount(of, pull, minlength=len(sizes)) / (wrong + 1e-300))[question]
        push[relevant] -= pull
        value = float(counts @ np.logaddexp(0, ahead)) + l2 * float(weights @ weights)
        return value, push @ standard + 2 * l2 * weights

    result = minimize(loss, np.zeros(len(spread)), jac=True, method="L-BFGS-B")
    return np.asarray(result.x / spread, dtype=np.float64)


def fit_above(groups: Sequence[tuple[Floats, Floats, Mask]], *, l2: float) -> Floats:
    """Return the weights that best raise relevant candidates, given the scores of all.

    Args:
        groups: for each question the scores, shape (candidates,); features, shape (candidates,
            features); and which candidates are relevant, at least one.
        l2: penalty on the squared weights, against the entropy of all questions together.
    """
    offsets = np.concatenate([scores for scores, _, _ in groups])
    features = np.concatenate([columns for _, columns, _ in groups])
    target = np.concatenate([mask / mask.sum() for _, _, mask in groups])
    sizes = np.array([len(mask) for _, _, mask in groups])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = offsets + features @ weights
        top = np.maximum.reduceat(scores, starts)
        raised = np.exp(scores - np.repeat(top, sizes))
        total = np.add.reduceat(raised, starts)
        entropy = float((np.log(total) + top).sum() - target @ scores)
        slope = (raised / np.repeat(total, sizes) - target) @ features
        return entropy + l2 * float(weights @ weights), slope + 2 * l2 * weights

    result = minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B")
    return np.asarray(result.x, dtype=np.float64)

"""Learning from citations: do citations for some questions improve the ranking for others?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem.evaluation.cross_validation import Example, fit_above, learn, rank_turns
from agentmem.evaluation.metrics import ranking_scores
from agentmem.progress import NullProgress, Progress
from agentmem_retrievers import Weights
from agentmem_retrievers.index.citations import LEARNED, Citation, CitationIndex
from agentmem_stores import Granularity

__all__ = ["Reflection", "learn_from_citations", "measure_reflection", "reflection_json"]

# Random halves per conversation; the mean over them is reported.
_SPLITS = 4
# How many memories an answer sees, and may cite.
_TOP_K = 10
# Penalty on the squared weights of citations, see `fit_above`.
_L2 = 1.0


@dataclass(frozen=True)
class Reflection:
    """What citations do in a conversation: turn NDCG@10 in percent, mean over the splits.

    Attributes:
        questions: of the conversation; half of them are answered with citations.
        before: of the other half, without citations.
        after: of the other half, after the gold evidence among the results was cited.
        at_random: of the other half, after one random result per question was cited.
        trust: learned for the citations of gold evidence, in [0, 1].
    """

    dialogue: str
    questions: int
    before: float
    after: float
    at_random: float
    trust: float

    @property
    def gain(self) -> float:
        """Gain from citing gold evidence, in points."""
        return self.after - self.before

    @property
    def noise(self) -> float:
        """Gain from citing at random, in points."""
        return self.at_random - self.before


def measure_reflection(
    known: Sequence[Example], *, progress: Progress | None = None
) -> list[Reflection]:
    """Cite for a random half of each conversation's questions, and ask the other half.

    Each conversation is judged by weights learned from all others.
    """
    reporter = progress or NullProgress()
    dialogues = list(dict.fromkeys(e.dialogue for e in known if not e.drill))
    reporter.expect("reflecting", len(dialogues))
    results = []
    for left_out in dialogues:
        others = [e for e in known if e.dialogue != left_out]
        weights = learn_from_citations(others, learn(others))
        judged = [e for e in known if e.dialogue == left_out and e.turns]
        rows = [_split(judged, weights, seed) for seed in range(_SPLITS)]
        means: dict[str, Any] = {
            name: float(np.mean([getattr(row, name) for row in rows]))
            for name in ("before", "after", "at_random", "trust")
        }
        results.append(replace(rows[0], **means))
        reporter.advance("reflecting", 1)
    return results


def _split(judged: Sequence[Example], weights: Weights, seed: int) -> Reflection:
    order = np.random.default_rng(seed).permutation(len(judged))
    middle = len(judged) // 2
    cited, others = [judged[i] for i in order[:middle]], [judged[i] for i in order[middle:]]
    gold, random = CitationIndex(), CitationIndex()
    for citation in _citations(cited, weights):
        gold.add(citation)
    for citation in _citations(cited, weights, np.random.default_rng(seed)):
        random.add(citation)
    return Reflection(
        dialogue=judged[0].dialogue,
        questions=len(judged),
        before=_ndcg(others, weights, CitationIndex()),
        after=_ndcg(others, weights, gold),
        at_random=_ndcg(others, weights, random),
        trust=gold.trust(weights.learned),
    )


def _citations(
    questions: Sequence[Example], weights: Weights, random: np.random.Generator | None = None
) -> Iterator[Citation]:
    """Yield citations of the evidence among the results, or of one random result."""
    for example in questions:
        ranking, turns = rank_turns(_with_citations(example, CitationIndex()), weights)
        rows, ids = turns.rows[:_TOP_K], ranking.index.tables[Granularity.TURN].ids
        cited = [row for row in rows if row in example.turns]
        if random is not None:
            cited = [random.choice(rows)]
        if cited:
            scores = {ids[row]: float(s) for row, s in zip(rows, turns.scores, strict=False)}
            yield Citation(ranking.vector, scores, frozenset(ids[row] for row in cited))


def _with_citations(example: Example, citations: CitationIndex) -> Example:
    return replace(example, ranking=replace(example.ranking, citations=citations))


def _ndcg(questions: Sequence[Example], weights: Weights, citations: CitationIndex) -> float:
    values = []
    for example in questions:
        _, turns = rank_turns(_with_citations(example, citations), weights)
        scores = ranking_scores([str(r) for r in turns.rows], set(map(str, example.turns)), (10,))
        values.append(scores["ndcg@10"])
    return 100 * float(np.mean(values))


def learn_from_citations(known: Sequence[Example], weights: Weights) -> Weights:
    """Fit what earlier citations add to a score, from halves of each conversation's questions.

    The cited memories of each question should rank above the other results, given their scores
    and the citations of the other questions of the same half.
    """
    groups: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]] = []
    for dialogue in dict.fromkeys(e.dialogue for e in known if not e.drill):
        questions = [e for e in known if e.dialogue == dialogue and e.turns]
        for seed in range(_SPLITS):
            order = np.random.default_rng(seed).permutation(len(questions))
            half = [questions[i] for i in order[: len(questions) // 2]]
            citations = CitationIndex()
            for citation in _citations(half, weights):
                citations.add(citation)
            groups += citations.examples()
    fitted = fit_above(groups, l2=_L2)
    return replace(
        weights,
        learned={name: float(f"{w:.4g}") for name, w in zip(LEARNED, fitted, strict=True)},
    )


def reflection_json(results: Sequence[Reflection]) -> dict[str, Any]:
    """Return results as JSON values, rounded."""
    rows = [asdict(r) | {"gain": r.gain, "noise": r.noise} for r in results]
    return {
        "splits": _SPLITS,
        "shown": _TOP_K,
        "mean": {
            name: round(float(np.mean([row[name] for row in rows])), 2)
            for name in ("gain", "noise")
        },
        "conversations": [
            {k: round(v, 2) if isinstance(v, float) else v for k, v in row.items()} for row in rows
        ],
    }

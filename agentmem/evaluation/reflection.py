"""Learning from citations: does what was cited for some questions help to answer others?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem.evaluation.metrics import ranking_scores
from agentmem.evaluation.tasks import NullProgress, Progress
from agentmem_retrievers import Weights
from agentmem_retrievers.index.citations import LEARNED, Citation, CitationIndex
from agentmem_retrievers.ranking.pipeline import TurnRanking
from agentmem_retrievers.ranking.scoring import Ranking
from agentmem_stores import Granularity
from benchmarks.fitting.fit import Example, learn
from benchmarks.fitting.listwise import fit_above

__all__ = ["SPLITS", "Reflected", "learn_from_citations", "reflect", "reflection_json"]

SPLITS = 4
# How many memories an answer is shown.
SHOWN = 10
L2 = 1.0
_TURN = Granularity.TURN


@dataclass(frozen=True)
class Reflected:
    """What citations did to a conversation: turn NDCG@10 in percent, means over the splits.

    Attributes:
        questions: of the conversation; half of them are answered with citations.
        before: of the other half, before anything was cited.
        after: after the gold evidence was cited where it was shown.
        at_random: after one memory shown was cited at random each time.
        trust: how far the citations of the gold evidence were believed, in [0, 1].
    """

    dialogue: str
    questions: int
    before: float
    after: float
    at_random: float
    trust: float

    @property
    def gain(self) -> float:
        """What citing the gold evidence gained, in points."""
        return self.after - self.before

    @property
    def noise(self) -> float:
        """What citing at random gained, in points."""
        return self.at_random - self.before


def reflect(
    known: Sequence[Example], *, splits: int = SPLITS, progress: Progress | None = None
) -> list[Reflected]:
    """Answer a random half of each conversation's questions with citations, and ask the other.

    Every conversation is judged by weights that were learned from the others alone.
    """
    heard = progress or NullProgress()
    dialogues = list(dict.fromkeys(e.dialogue for e in known if not e.drill))
    heard.expect("reflecting", len(dialogues))
    found = []
    for held_out in dialogues:
        weights = learn([e for e in known if e.dialogue != held_out])
        weights = learn_from_citations([e for e in known if e.dialogue != held_out], weights)
        mine = [e for e in known if e.dialogue == held_out and e.turns]
        found.append(_mean([_split(mine, weights, seed) for seed in range(splits)]))
        heard.advance("reflecting", 1)
    return found


def _mean(splits: Sequence[Reflected]) -> Reflected:
    return replace(
        splits[0],
        before=float(np.mean([s.before for s in splits])),
        after=float(np.mean([s.after for s in splits])),
        at_random=float(np.mean([s.at_random for s in splits])),
        trust=float(np.mean([s.trust for s in splits])),
    )


def _split(mine: Sequence[Example], weights: Weights, seed: int) -> Reflected:
    order = np.random.default_rng(seed).permutation(len(mine))
    asked, others = (
        [mine[i] for i in part] for part in (order[: len(mine) // 2], order[len(mine) // 2 :])
    )
    gold = CitationIndex()
    for _, citation in _citations(asked, weights):
        gold.add(citation)
    random = CitationIndex()
    for _, citation in _citations(asked, weights, np.random.default_rng(seed)):
        random.add(citation)
    return Reflected(
        dialogue=mine[0].dialogue,
        questions=len(mine),
        before=_ndcg(others, weights, CitationIndex()),
        after=_ndcg(others, weights, gold),
        at_random=_ndcg(others, weights, random),
        trust=gold.trust(weights.learned),
    )


def _citations(
    asked: Sequence[Example], weights: Weights, chance: np.random.Generator | None = None
) -> Iterator[tuple[Example, Citation]]:
    """What answers would cite: the evidence among what is shown, or by chance one memory."""
    for example in asked:
        ranking, turns = _ranked(example, weights, CitationIndex())
        rows, ids = turns.rows[:SHOWN], ranking.index.tables[_TURN].ids
        cited = [row for row in rows if row in example.turns]
        if chance is not None:
            cited = [chance.choice(rows)]
        if cited:
            scores = {ids[row]: float(s) for row, s in zip(rows, turns.scores, strict=False)}
            yield example, Citation(ranking.vector, scores, frozenset(ids[row] for row in cited))


def _ranked(
    example: Example, weights: Weights, learning: CitationIndex
) -> tuple[TurnRanking, Ranking]:
    ranking = replace(example.ranking, weights=weights, citations=learning)
    return ranking, ranking.rank(example.rows, example.features)


def _ndcg(asked: Sequence[Example], weights: Weights, learning: CitationIndex) -> float:
    found = []
    for example in asked:
        _, turns = _ranked(example, weights, learning)
        scores = ranking_scores([str(r) for r in turns.rows], set(map(str, example.turns)), (10,))
        found.append(scores["ndcg@10"])
    return 100 * float(np.mean(found))


def learn_from_citations(known: Sequence[Example], weights: Weights) -> Weights:
    """Fit what a former citation adds to a score, from halves of the conversations' questions.

    The cited memories of each question should come above the others shown, given their scores
    and the citations of the other questions of the same half.
    """
    groups: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]] = []
    for dialogue in dict.fromkeys(e.dialogue for e in known if not e.drill):
        mine = [e for e in known if e.dialogue == dialogue and e.turns]
        for seed in range(SPLITS):
            order = np.random.default_rng(seed).permutation(len(mine))
            half = [mine[i] for i in order[: len(mine) // 2]]
            learning = CitationIndex()
            for _, citation in _citations(half, weights):
                learning.add(citation)
            groups += learning.examples()
    fitted = fit_above(groups, l2=L2)
    learned = {n: float(f"{w:.4g}") for n, w in zip(LEARNED, fitted, strict=True)}
    return replace(weights, learned=learned)


def reflection_json(found: Sequence[Reflected]) -> Mapping[str, Any]:
    """Everything in what JSON can hold, rounded."""
    rows = [asdict(r) | {"gain": r.gain, "noise": r.noise} for r in found]
    means = {name: float(np.mean([r[name] for r in rows])) for name in ("gain", "noise")}
    return {
        "splits": SPLITS,
        "shown": SHOWN,
        "mean": {name: round(value, 2) for name, value in means.items()},
        "conversations": [
            {k: round(v, 2) if isinstance(v, float) else v for k, v in row.items()} for row in rows
        ],
    }

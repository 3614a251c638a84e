"""Fit the odds that a question will need a turn, by which turns fade, and judge them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agentmem.evaluation.tasks import end_of, evidence, turn_names
from agentmem.maintenance.eviction import log_odds_of_need, need_features
from agentmem_retrievers.index.table import Table
from agentmem_stores import Granularity, Memory, Scope

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue

__all__ = ["KnownTurns", "fit_need", "judge_need", "known_turns", "leave_one_out"]

Floats = NDArray[np.float64]

# Of the turns that no question needs, so many are archived when the odds are judged.
_ARCHIVED = 0.5


@dataclass(frozen=True)
class KnownTurns:
    """The turns of a conversation, and how many of its questions need each.

    Attributes:
        features: `need_features`, shape (turns, features).
        needs: questions that need each turn, shape (turns,).
        shipped: the log odds by the weights of the package, shape (turns,).
    """

    features: Floats
    needs: NDArray[np.intp]
    shipped: Floats


def known_turns(dialogues: Iterable[Dialogue]) -> Iterator[KnownTurns]:
    """Yield the turns of each conversation; nothing is embedded."""
    for dialogue in dialogues:
        counts = Counter[str]()
        for question in dialogue.questions:
            relevant = evidence(dialogue, question)
            counts.update(relevant.turns if relevant else ())
        table, names = _table(dialogue), turn_names(dialogue)
        rows = np.arange(len(table.ids))
        needs = [counts[name] for name in names.values()]
        features = np.stack(list(need_features(table, rows).values()), axis=1)
        yield KnownTurns(features, np.array(needs), log_odds_of_need(table, rows))


def _table(dialogue: Dialogue) -> Table:
    table, end, scope = Table(1), end_of(dialogue), Scope(dialogue.owner or "user")
    for number, session in enumerate(dialogue.sessions):
        for position, turn in enumerate(session.turns):
            said_at = turn.said_at or session.started_at or end
            memory = Memory(
                f"{number}:{position}",
                scope,
                Granularity.TURN,
                turn.text,
                session.id,
                said_at,
                end,
                turn.role,
                turn.speaker,
                position,
            )
            table.put(memory, number, np.zeros(1, dtype=np.float32))
    return table


def fit_need(known: Sequence[KnownTurns]) -> Floats:
    """Return the intercept and the weights of a logistic regression.

    A turn that questions need counts as often as it is needed. What all turns have in common, such
    as that nobody replies as an assistant, gets no weight.
    """
    from sklearn.linear_model import LogisticRegression

    features = np.concatenate([one.features for one in known])
    needs = np.concatenate([one.needs for one in known])
    model = LogisticRegression(max_iter=1000)
    model.fit(features, needs > 0, sample_weight=np.maximum(needs, 1))
    return np.concatenate([model.intercept_, model.coef_[0]])


def leave_one_out(known: Sequence[KnownTurns]) -> dict[str, float]:
    """Judge the turns of each conversation by weights fitted to the others."""
    log_odds = []
    for place, one in enumerate(known):
        weights = fit_need([*known[:place], *known[place + 1 :]])
        log_odds.append(weights[0] + one.features @ weights[1:])
    return judge_need(known, log_odds)


def judge_need(known: Sequence[KnownTurns], log_odds: Sequence[Floats]) -> dict[str, float]:
    """Return how well log odds tell the turns that questions need.

    Returns:
        The AUROC, and how much of the evidence is archived where half of the turns that no
        question needs are, those with the lowest odds; a turn counts as often as it is needed.
    """
    from agentmem.evaluation.metrics import auroc

    needs, odds = np.concatenate([one.needs for one in known]), np.concatenate(log_odds)
    needed = odds[needs > 0]
    archived = needed < np.quantile(odds[needs == 0], _ARCHIVED)
    return {
        "AUROC": auroc(needed.tolist(), odds[needs == 0].tolist()) or 0.0,
        "evidence archived": float(np.average(archived, weights=needs[needs > 0])),
    }

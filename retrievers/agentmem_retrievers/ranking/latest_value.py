"""A search's last step: what is so now comes before what was, where a question asks for what is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from agentmem_retrievers.index.fact_index import SELF
from agentmem_retrievers.index.table import Rows
from agentmem_retrievers.ranking.recency import (
    NEAREST,
    PLAINLY,
    competing,
    likeliest,
    newest_first,
    telling,
)
from agentmem_retrievers.ranking.scoring import Ranking
from agentmem_retrievers.ranking.turns import TurnRanking
from agentmem_retrievers.text.intent import asked_for, asks_now, asks_of_user
from agentmem_stores import Entry, Granularity, Memory, MemoryStore, Scope, Vectors

__all__ = ["LatestValue"]

T = TypeVar("T")

# So far a question has to ask for something of the user.
_MEANT = 0.7


@dataclass(frozen=True)
class LatestValue:
    """Orders turns that tell what a question asks for by when they were said.

    Attributes:
        kinds: says what of people, by the names that facts give it, a question with an embedding
            may ask for, and how likely.
        own: says whether a text may be about whoever says it.
    """

    store: MemoryStore
    kinds: Callable[[Vectors], Mapping[str, float]]
    own: Callable[[str], bool]

    def first(self, scope: Scope, ranking: TurnRanking, ranked: Ranking) -> Ranking:
        """Let what is so now come first, where the question asks for what is."""
        ledger, question = ranking.index.facts, ranking.question
        then = ranking.shown[Granularity.TURN].as_of is not None
        if "currency" in ranking.settings.off or not asks_now(question, then=then):
            return ranked
        kinds = self.kinds(ranking.vector) if ledger.known() else {}
        of_user = asks_of_user(question, kinds, ledger)
        if of_user >= _MEANT:
            told = likeliest(kinds, _shown(ranking, ledger.telling(kinds)))
            if of_user == 1:
                told = self._competing(scope, ranking, told) or told
            ranked = newest_first(ranked, told, lift=True)
        for key in asked_for(question, kinds, ledger):
            known = _shown(ranking, ledger.turns(key))
            if key[0] != SELF:
                ranked = newest_first(ranked, telling(known, ranked), lift=False)
            elif of_user == 1 and key[1] not in kinds:
                told = [row for row, sure in known.items() if sure]
                ranked = newest_first(ranked, told, lift=True)
        return ranked

    def _competing(self, scope: Scope, ranking: TurnRanking, told: Sequence[int]) -> list[int]:
        """Rows of what the user said that may answer what is of no known kind.

        Args:
            told: what tells it by its kind. Nothing is returned if that can be believed.
        """
        near = ranking.channels.near(Granularity.TURN)
        if near is None:
            return []
        nearest = near.rows[:NEAREST]
        if told:
            # What is nearer than all that is believed.
            plain = np.flatnonzero(np.isin(nearest, told) | (near.similarities[:NEAREST] < PLAINLY))
            nearer = nearest[: plain[0]] if len(plain) else nearest
            if not self._own_entries(scope, ranking, nearer):
                return []
        found = competing(ranking.vector, self._own_entries(scope, ranking, nearest))
        table = ranking.index.tables[Granularity.TURN]
        return [table.row_of[entry.memory.id] for entry in found]

    def _own_entries(self, scope: Scope, ranking: TurnRanking, rows: Rows) -> list[Entry]:
        ids = [ranking.index.tables[Granularity.TURN].ids[row] for row in rows]
        entries = self.store.get(scope, Granularity.TURN, ids) if ids else []
        return [entry for entry in entries if self._is_own(entry.memory)]

    def _is_own(self, turn: Memory) -> bool:
        return turn.role == "user" and turn.speaker is None and self.own(turn.text)


def _shown(ranking: TurnRanking, of_turns: Mapping[str, T]) -> dict[int, T]:
    """What is known of turns, by their rows, of those that the question may find."""
    turns = ranking.index.tables[Granularity.TURN]
    held = {turns.row_of[i]: known for i, known in of_turns.items() if i in turns.row_of}
    rows = ranking.shown[Granularity.TURN].at(np.array(list(held), dtype=np.intp))
    return {row: known for (row, known), shown in zip(held.items(), rows, strict=True) if shown}

"""A search's last step: what is so now comes before what was, where a question asks for what is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from agentmem_stores import Granularity, Memory, MemoryStore, Scope, Vectors

from ._currency import (
    NEAREST,
    asked_for,
    asks_now,
    asks_of_user,
    competing,
    likeliest,
    newest_first,
    telling,
)
from ._fusion import Ranked
from ._ledger import SELF
from ._ranking import TurnRanking

__all__ = ["Present"]

T = TypeVar("T")


@dataclass(frozen=True)
class Present:
    """Orders turns that tell what a question asks for by when they were said.

    Attributes:
        kinds: says what of people, by the names that facts give it, a question with an embedding
            may ask for, and how likely.
        own: says whether a text may be about whoever says it.
    """

    store: MemoryStore
    kinds: Callable[[Vectors], Mapping[str, float]]
    own: Callable[[str], bool]

    def first(self, scope: Scope, ranking: TurnRanking, ranked: Ranked) -> Ranked:
        """Let what is so now come first, where the question asks for what is."""
        ledger, question = ranking.index.facts, ranking.question
        if "currency" in ranking.settings.off or not asks_now(question):
            return ranked
        kinds = self.kinds(ranking.vector) if ledger.known() else {}
        of_user = asks_of_user(question, kinds, ledger)
        if of_user:
            told = likeliest(kinds, _shown(ranking, ledger.telling(kinds)))
            told = told or self._competing(scope, ranking)
            ranked = newest_first(ranked, told, lift=True)
        for key in asked_for(question, kinds, ledger):
            known = _shown(ranking, ledger.turns(key))
            if key[0] != SELF:
                ranked = newest_first(ranked, telling(known, ranked), lift=False)
            elif of_user and key[1] not in kinds:
                told = [row for row, sure in known.items() if sure]
                ranked = newest_first(ranked, told, lift=True)
        return ranked

    def _competing(self, scope: Scope, ranking: TurnRanking) -> list[int]:
        """Rows of what the user said that may answer what is of no known kind."""
        near = ranking.channels.near(Granularity.TURN)
        if near is None:
            return []
        table = ranking.index.tables[Granularity.TURN]
        ids = [table.ids[row] for row in near.rows[:NEAREST]]
        entries = self.store.read(scope, Granularity.TURN, ids)
        found = competing(ranking.vector, [e for e in entries if self._is_own(e.memory)])
        return [table.row_of[entry.memory.id] for entry in found]

    def _is_own(self, turn: Memory) -> bool:
        return turn.role == "user" and turn.speaker is None and self.own(turn.text)


def _shown(ranking: TurnRanking, of_turns: Mapping[str, T]) -> dict[int, T]:
    """What is known of turns, by their rows, of those that the question may find."""
    turns = ranking.index.tables[Granularity.TURN]
    held = {turns.row_of[i]: known for i, known in of_turns.items() if i in turns.row_of}
    rows = ranking.shown[Granularity.TURN].at(np.array(list(held), dtype=np.intp))
    return {row: known for (row, known), shown in zip(held.items(), rows, strict=True) if shown}

"""How a timeline is drawn from turns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from agentmem.controller.events import Event, alternatives
from agentmem.controller.reads import Reads
from agentmem_retrievers.text.time_windows import windows_in
from agentmem_stores import Granularity, Scope

__all__ = ["Bounds", "Timeline"]

# So many of what a search finds are looked at for each event that is wanted.
_LOOKED_AT = 5
# Asks for whatever there was in a time: no search would know what to look for.
_ASKS_FOR_ALL = re.compile(
    r"^\W*what(?:'s| has| have)?\s+(?:else\s+)?(?:happened|been going on|was going on|happens|"
    r"(?:did|have) (?:i|we) (?:do|done))\b(?!\s+(?:with|to|at|when|after|before)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Bounds:
    """From when on, and until when; None for ever."""

    since: datetime | None = None
    until: datetime | None = None

    def hold(self, event: Event) -> bool:
        """Whether some of an event is in between."""
        last = event.until if event.dated else event.when
        begun = self.until is None or event.when < self.until
        lasted = self.since is None or last > self.since or event.when >= self.since
        return begun and lasted


@dataclass(frozen=True)
class Timeline:
    """Finds the turns that tell of something, and puts them where they belong in time."""

    memory: Reads
    scope: Scope

    def events(self, query: str | None, bounds: Bounds, k: int) -> list[Event]:
        """Return events in order; see `MemoryController.timeline`."""
        if query is None:
            found = [e for e in self._all() if bounds.hold(e)]
            return _in_order(found)[-k:]
        asked = alternatives(query)
        each = max(k // len(asked), 1) if len(asked) == 1 else 1
        chosen: dict[str, Event] = {}
        for text in asked:
            fitting = (e for e in self._found(text, k, bounds) if e.memory.id not in chosen)
            chosen |= {e.memory.id: e for e, _ in zip(fitting, range(each), strict=False)}
        return _in_order(list(chosen.values()))

    def _found(self, text: str, k: int, bounds: Bounds) -> Iterator[Event]:
        named = windows_in(text, self.memory.clock())
        wanted = [bounds, *(Bounds(w.start, w.end) for w in named[:1])]
        if named and _ASKS_FOR_ALL.match(text):
            found = self._all()
        else:
            hits = self.memory.search(text, k=k * _LOOKED_AT, scope=self.scope, reinforce=False)
            found = self._of([hit.memory.id for hit in hits])
        yield from (event for event in found if all(each.hold(event) for each in wanted))

    def _all(self) -> Iterator[Event]:
        table = self.memory._memories.index(self.scope).tables[Granularity.TURN]
        rows = np.flatnonzero(table.visible(None))
        return self._of([table.ids[row] for row in rows])

    def _of(self, ids: Sequence[str]) -> Iterator[Event]:
        table = self.memory._memories.index(self.scope).tables[Granularity.TURN]
        for entry in self.memory._store.read(self.scope, Granularity.TURN, ids):
            turn = entry.memory
            if not table.column("ends_asking")[table.row_of[turn.id]]:
                about = table.about(table.row_of[turn.id]) or (turn.said_at, turn.said_at)
                yield Event(*about, turn.text, turn)


def _in_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda e: (e.when, e.memory.said_at, e.memory.position))

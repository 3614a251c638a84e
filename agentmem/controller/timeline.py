"""The timeline: events in the order of the times that memories speak of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from agentmem.documents.documents import DOCUMENT
from agentmem_retrievers import SearchResult
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.text.dates import find_windows
from agentmem_stores import Granularity, Memory, Scope

__all__ = ["Bounds", "Event", "Timeline"]

# Hits examined for each event wanted: some are questions, others lie outside of the bounds.
_HITS_PER_EVENT = 5
# "What happened last week?" asks for all events of that time; it has no words to search for.
_WANTS_EVERYTHING = re.compile(
    r"^\W*what(?:'s| has| have)?\s+(?:else\s+)?(?:happened|been going on|was going on|happens|"
    r"(?:did|have) (?:i|we) (?:do|done))\b(?!\s+(?:with|to|at|when|after|before)\b)",
    re.IGNORECASE,
)
# "What came first," before the events that a question sets against each other.
_ORDER_PREFIX = re.compile(
    r"^\W*(?:(?:what|which|who)\b(?:\s+of\s+(?:these|those|the two|them))?[^,:]*?"
    r"\b(?:first|earlier|last|later|before the other)\b\s*[,:;-]?\s*)?",
    re.IGNORECASE,
)
_OR = re.compile(r"\s*,?\s+or\s+|\s*,\s*", re.IGNORECASE)
# Acknowledgments, greetings and thanks: nothing happened in them.
_SMALL_TALK = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|k|yes|yeah|yep|yup|no|nope|sure|fine|great|good|nice|cool|wow|awesome|perfect|"
    r"amazing|lovely|excellent|right|alright|all right|got it|i see|understood|of course|exactly|"
    r"absolutely|definitely|thanks?|thank you|thx|cheers|please|sorry|hi|hello|hey|bye|goodbye|"
    r"good (?:morning|afternoon|evening|night|day)|see you|see ya|later|welcome|you'?re welcome|"
    r"no problem|no worries|haha+|lol|hmm+|oh|ah|well|so|very|much|a lot|again|then|that|is|it|"
    r"sounds|the|for|your|help|tips|advice|suggestions?|there|everyone|all|tomorrow|soon|too|you|"
    r"makes sense|will do|let me know|take care|go on|continue|that's|thats)\W*)+$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        when: start of the time that the text names, UTC; where it names none, when it was said.
        until: end of that time, exclusive; the same as `when` where the text names none.
        text: the words that describe it.
        memory: the turn that mentions it.
    """

    when: datetime
    until: datetime
    text: str
    memory: Memory

    @property
    def dated(self) -> bool:
        """Whether the text itself names a time."""
        return self.until > self.when


@dataclass(frozen=True)
class Bounds:
    """The half-open interval [since, until); None is unbounded."""

    since: datetime | None = None
    until: datetime | None = None

    def overlap(self, event: Event) -> bool:
        """Whether a part of an event lies in the interval."""
        last = event.until if event.dated else event.when
        starts_before_end = self.until is None or event.when < self.until
        ends_after_start = self.since is None or last > self.since or event.when >= self.since
        return starts_before_end and ends_after_start


@dataclass(frozen=True)
class Timeline:
    """Finds the turns that tell of something, and orders them by the time of what they tell.

    Attributes:
        search: takes a query and how many hits are wanted.
    """

    memories: IndexedStore
    scope: Scope
    now: datetime
    search: Callable[[str, int], SearchResult]

    def events(self, query: str | None, bounds: Bounds, k: int) -> list[Event]:
        """Return events in order; see `MemoryController.timeline`."""
        if query is None:
            return self._latest(bounds, k)
        alternatives = _alternatives(query)
        each = k if len(alternatives) == 1 else 1
        chosen: dict[str, Event] = {}
        for text in alternatives:
            fitting = (e for e in self._about(text, k, bounds) if e.memory.id not in chosen)
            chosen |= {e.memory.id: e for e, _ in zip(fitting, range(each), strict=False)}
        return _in_order(list(chosen.values()))

    def _latest(self, bounds: Bounds, k: int) -> list[Event]:
        """Return the last k events, reading little more than their turns from the store."""
        with self.memories.reading(self.scope) as index:
            table = index.tables[Granularity.TURN]
            said_at, start, end = (table.column(c) for c in ("said_at", "about_start", "about_end"))
            when = np.where(np.isnan(start), said_at, start)
            wanted = table.visible(None) & ~table.column("is_document")
            if bounds.since is not None:
                wanted &= np.fmax(when, end) >= bounds.since.timestamp()
            if bounds.until is not None:
                wanted &= when < bounds.until.timestamp()
            order = np.lexsort((table.column("position"), said_at, when))
            ids = [table.ids[row] for row in order[wanted[order]].tolist()]
        chosen: list[Event] = []
        for last in range(len(ids), 0, -2 * k):
            events = self._of(ids[max(last - 2 * k, 0) : last])
            chosen += [event for event in events if bounds.overlap(event)]
            if len(chosen) >= k:
                break
        return _in_order(chosen)[-k:]

    def _about(self, text: str, k: int, bounds: Bounds) -> Iterator[Event]:
        windows = find_windows(text, self.now, day_first=self.scope.day_first)
        wanted = [bounds, *(Bounds(w.start, w.end) for w in windows[:1])]
        if windows and _WANTS_EVERYTHING.match(text):
            events = self._all()
        else:
            events = self._of([hit.memory.id for hit in self.search(text, k * _HITS_PER_EVENT)])
        yield from (event for event in events if all(each.overlap(event) for each in wanted))

    def _all(self) -> Iterator[Event]:
        with self.memories.reading(self.scope) as index:
            table = index.tables[Granularity.TURN]
            ids = [table.ids[row] for row in np.flatnonzero(table.visible(None)).tolist()]
        return self._of(ids)

    def _of(self, ids: Sequence[str]) -> Iterator[Event]:
        table = self.memories.index(self.scope).tables[Granularity.TURN]
        for turn in self.memories.store.get_memories(self.scope, Granularity.TURN, ids):
            row = table.row_of.get(turn.id)
            # Another thread may have deleted it meanwhile.
            if turn.role == DOCUMENT or row is None:
                continue
            if not (table.column("ends_with_question")[row] or _SMALL_TALK.match(turn.text)):
                when, until = table.about(row) or (turn.said_at, turn.said_at)
                yield Event(when, until, turn.text, turn)


def _alternatives(query: str) -> list[str]:
    """Return the events that a question sets against each other; the query itself if none.

    "What came first, the wedding or the move to Rome?" names two.
    """
    prefix = _ORDER_PREFIX.match(query)
    if not prefix or not prefix.group().strip() or " or " not in query:
        return [query]
    rest = query[prefix.end() :].strip(" ?.!")
    return [part for part in _OR.split(rest) if part] or [query]


def _in_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda e: (e.when, e.memory.said_at, e.memory.position))

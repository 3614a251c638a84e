"""Events mentioned out of order, in words such as "two weeks ago": what happened when?

After SORT (Pink et al., arXiv 2410.08133), which asks for the order of two events. Here the order
in which they are mentioned says nothing about it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import TYPE_CHECKING

from agentmem.evaluation.phrases import phrases
from agentmem.evaluation.tasks import MemoryUnderTest, Outcome
from agentmem_stores import InvalidInputError

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue

__all__ = ["History", "PastEvent", "TimeTask", "histories"]

_START = datetime(2024, 2, 5, 18, tzinfo=UTC)
# Conversations per user. Each mentions an event of up to eight weeks before it, so that events are
# mentioned out of order.
_SESSIONS = 12
_DAYS_APART = 9
# Pairs of events per user whose order is asked for.
_ORDERS = 12
# How each event is stated, and what a question calls it.
_EVENTS = (
    ("I sold the old boat", "selling the boat"),
    ("I planted an apple tree", "planting the apple tree"),
    ("I visited the museum of glass", "the visit to the museum of glass"),
    ("I ran a half marathon", "the half marathon"),
    ("I lost my passport", "losing my passport"),
    ("I baked a wedding cake for Nora", "baking the wedding cake"),
    ("I adopted a kitten", "adopting the kitten"),
    ("I broke my wrist", "breaking my wrist"),
    ("I painted the kitchen", "painting the kitchen"),
    ("I saw a total eclipse of the moon", "the eclipse"),
    ("I won a chess tournament", "winning the chess tournament"),
    ("I flew to Reykjavik", "the flight to Reykjavik"),
)
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class PastEvent:
    """An event on a day; `name` is what questions call it."""

    statement: str
    name: str
    day: datetime


@dataclass(frozen=True)
class History:
    """A user's conversation, and the events in it in the order in which they happened."""

    dialogue: Dialogue
    events: tuple[PastEvent, ...]
    seed: str


def histories(*, users: int = 8, seed: int = 0) -> Iterator[History]:
    """Generate users one by one; the result depends on the arguments only.

    Raises:
        InvalidInputError: there are no users.
    """
    if users < 1:
        raise InvalidInputError(f"users={users} must be >= 1")
    for number in range(users):
        yield _history(random.Random(f"{seed}:{number}"), f"user-{number + 1}", f"{seed}:{number}")


def _history(rng: random.Random, owner: str, seed: str) -> History:
    from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn

    events, sessions = [], []
    for number, (statement, name) in enumerate(rng.sample(_EVENTS, _SESSIONS)):
        start = _START + timedelta(days=number * _DAYS_APART)
        days = rng.choice([1, 2, 3, 4, 5, 6, *(7 * n for n in range(2, 9))])
        day = start - timedelta(days=days)
        events.append(PastEvent(statement, name, day.replace(hour=0)))
        lines = [f"{statement} {_when(rng, days, day)}.", *rng.sample(phrases().asides, 2)]
        rng.shuffle(lines)
        texts = [
            turn
            for line in lines
            for turn in (("user", line), ("assistant", rng.choice(phrases().replies)))
        ]
        turns = tuple(
            DialogueTurn(
                role=role, speaker=None, text=text,
                said_at=start + timedelta(minutes=minute), metadata={},
            )
            for minute, (role, text) in enumerate(texts)
        )  # fmt: skip
        sessions.append(DialogueSession(id=f"talk-{number + 1}", started_at=start, turns=turns))
    dialogue = Dialogue(owner=owner, sessions=tuple(sessions), questions=())
    return History(dialogue, tuple(sorted(events, key=lambda e: e.day)), seed)


def _when(rng: random.Random, days: int, day: datetime) -> str:
    """Return how people refer to a day `days` days ago."""
    dated = [f"on {day:%B} {day.day}", f"on {day.day} {day:%B} {day:%Y}"]
    if days == 1:
        return rng.choice(["yesterday", *dated])
    if days < 7:
        return rng.choice([f"{_WORDS[days - 2]} days ago", f"last {day:%A}", *dated])
    return rng.choice([f"{_WORDS[days // 7 - 2]} weeks ago", *dated])


@dataclass(frozen=True)
class TimeTask:
    """Ask `timeline` which of two events came first, and what happened in a period.

    `first_right`: the earlier of two events comes first. `window_recall`: share of the events of
    a period that are found. `window_precision`: share of the dated events found that are of the
    period.
    """

    users: int = 8
    seed: int = 0
    limit: int | None = None
    name: str = "time"
    unanswerable_elsewhere: bool = False
    headline: tuple[str, ...] = (
        "turn first_right", "turn window_recall", "turn window_precision",
    )  # fmt: skip

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield a conversation for each user."""
        for history in histories(users=self.users, seed=self.seed):
            yield history.dialogue

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return the number of questions; none is left out."""
        history = self._history(dialogue)
        return len(_orders(history)[: self.limit]) + len(_windows(history)[: self.limit]), 0

    def ask(
        self, memory: MemoryUnderTest, dialogue: Dialogue, *, answer: bool
    ) -> Iterator[Outcome]:
        """Ask for the order of events, then for the events of periods."""
        history = self._history(dialogue)
        memory.clock.now = memory.time_of(None)
        for first, second, text in _orders(history)[: self.limit]:
            events = [event.text for event in memory.memory.timeline(text, scope=memory.scope)]
            right = (
                len(events) == 2 and first.statement in events[0] and second.statement in events[1]
            )
            yield Outcome(("what came first",), {"first_right": float(right)}, text=text)
        for start, end, text in _windows(history)[: self.limit]:
            yield _ask_window(memory, history, start, end, text)

    def _history(self, dialogue: Dialogue) -> History:
        for history in histories(users=self.users, seed=self.seed):
            if history.dialogue.owner == dialogue.owner:
                return history
        raise InvalidInputError(f"{dialogue.owner!r} is not a user of this task")


def _orders(history: History) -> list[tuple[PastEvent, PastEvent, str]]:
    rng = random.Random(history.seed)
    pairs = [(a, b) for a, b in combinations(history.events, 2) if a.day < b.day]
    questions = []
    for first, second in rng.sample(pairs, _ORDERS):
        names = [first.name, second.name]
        rng.shuffle(names)
        questions.append((first, second, f"What came first, {names[0]} or {names[1]}?"))
    return questions


def _windows(history: History) -> list[tuple[datetime, datetime, str]]:
    """Return a month, a range of days and the time since a day, each with an event."""
    rng = random.Random(history.seed)
    month, day, since = rng.sample(history.events, 3)
    first = month.day.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    last = day.day + timedelta(days=12)
    return [
        (first, after, f"What happened in {first:%B} {first:%Y}?"),
        (
            day.day, last + timedelta(days=1),
            f"What happened between {day.day.day} {day.day:%B} and {last.day} {last:%B}?",
        ),
        (
            since.day, datetime.max.replace(tzinfo=UTC),
            f"What has happened since {since.day.day} {since.day:%B}?",
        ),
    ]  # fmt: skip


def _ask_window(
    memory: MemoryUnderTest, history: History, start: datetime, end: datetime, text: str
) -> Outcome:
    events = memory.memory.timeline(text, k=4 * _SESSIONS, scope=memory.scope)
    dated = [event.text for event in events if event.dated]
    relevant = [e.statement for e in history.events if start <= e.day < end]
    matched = [statement for statement in relevant if any(statement in text for text in dated)]
    right = [text for text in dated if any(statement in text for statement in relevant)]
    return Outcome(
        ("what happened then",),
        {
            "window_recall": len(matched) / max(len(relevant), 1),
            "window_precision": len(right) / max(len(dated), 1),
        },
        text=text,
    )

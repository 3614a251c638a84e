"""Events told out of order, each in words that depend on the day of telling: what came first?

After the task of SORT (Pink et al., arXiv 2410.08133): the order of two things that happened is
to be recalled. Here the order of telling says nothing about it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import TYPE_CHECKING

from agentmem.evaluation.phrases import phrases
from agentmem.evaluation.tasks import Asker, Outcome
from agentmem_stores import InvalidInputError

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue

__all__ = ["Happening", "Past", "TimeTask", "pasts"]

_BEGUN = datetime(2024, 2, 5, 18, tzinfo=UTC)
_TALKS = 12
_DAYS_APART = 9
_ORDERS = 12
# How each event is told, and what it is called when it is asked for.
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
class Happening:
    """Something that happened on a day; `name` is what it is asked for by."""

    told: str
    name: str
    day: datetime


@dataclass(frozen=True)
class Past:
    """A user's conversation, and what happened, in the order in which it did."""

    dialogue: Dialogue
    events: tuple[Happening, ...]
    seed: str


def pasts(*, users: int = 8, seed: int = 0) -> Iterator[Past]:
    """Make users one by one; the same arguments make the same.

    Raises:
        InvalidInputError: there are no users.
    """
    if users < 1:
        raise InvalidInputError(f"users={users} must be at least 1")
    for number in range(users):
        yield _past(random.Random(f"{seed}:{number}"), f"user-{number + 1}", f"{seed}:{number}")


def _past(rng: random.Random, owner: str, seed: str) -> Past:
    from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn

    events, sessions = [], []
    for number, (told, name) in enumerate(rng.sample(_EVENTS, _TALKS)):
        begun = _BEGUN + timedelta(days=number * _DAYS_APART)
        days = rng.choice([1, 2, 3, 4, 5, 6, *(7 * n for n in range(2, 9))])
        day = begun - timedelta(days=days)
        events.append(Happening(told, name, day.replace(hour=0)))
        lines = [f"{told} {_when(rng, days, day)}.", *rng.sample(phrases().asides, 2)]
        rng.shuffle(lines)
        texts = [
            said
            for line in lines
            for said in (("user", line), ("assistant", rng.choice(phrases().replies)))
        ]
        turns = tuple(
            DialogueTurn(
                role=role, speaker=None, text=text,
                said_at=begun + timedelta(minutes=minute), metadata={},
            )
            for minute, (role, text) in enumerate(texts)
        )  # fmt: skip
        sessions.append(DialogueSession(id=f"talk-{number + 1}", started_at=begun, turns=turns))
    dialogue = Dialogue(owner=owner, sessions=tuple(sessions), questions=())
    return Past(dialogue, tuple(sorted(events, key=lambda e: e.day)), seed)


def _when(rng: random.Random, days: int, day: datetime) -> str:
    """Say in words which day it was, as one would so many days later."""
    dated = [f"on {day:%B} {day.day}", f"on {day.day} {day:%B} {day:%Y}"]
    if days == 1:
        return rng.choice(["yesterday", *dated])
    if days < 7:
        return rng.choice([f"{_WORDS[days - 2]} days ago", f"last {day:%A}", *dated])
    return rng.choice([f"{_WORDS[days // 7 - 2]} weeks ago", *dated])


@dataclass(frozen=True)
class TimeTask:
    """Asks `timeline` which of two events came first, and what happened in a stretch of time.

    `first_right`: of two events, the earlier comes first. `window_recall`: of what happened in
    the time asked about, how much is found. `window_precision`: of the events that are found
    and name their time, how many happened then.
    """

    users: int = 8
    seed: int = 0
    limit: int | None = None
    name: str = "time"
    crossed: bool = False
    headline: tuple[str, ...] = (
        "turn first_right", "turn window_recall", "turn window_precision",
    )  # fmt: skip

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield a conversation for each user."""
        for past in pasts(users=self.users, seed=self.seed):
            yield past.dialogue

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return the number of questions; none is left out."""
        past = self._past(dialogue)
        return len(_orders(past)[: self.limit]) + len(_windows(past)[: self.limit]), 0

    def _past(self, dialogue: Dialogue) -> Past:
        for past in pasts(users=self.users, seed=self.seed):
            if past.dialogue.owner == dialogue.owner:
                return past
        raise InvalidInputError(f"{dialogue.owner!r} is none of this task's users")

    def ask(self, asker: Asker, dialogue: Dialogue, *, answer: bool) -> Iterator[Outcome]:
        """Ask for orders, then for times."""
        past = self._past(dialogue)
        asker.clock.now = asker.moment(None)
        for first, second, text in _orders(past)[: self.limit]:
            found = asker.memory.timeline(text, scope=asker.scope)
            told = [event.text for event in found]
            right = len(told) == 2 and first.told in told[0] and second.told in told[1]
            yield Outcome(("what came first",), {"first_right": float(right)}, text=text)
        for start, end, text in _windows(past)[: self.limit]:
            yield _asked_for(asker, past, start, end, text)


def _orders(past: Past) -> list[tuple[Happening, Happening, str]]:
    rng = random.Random(past.seed)
    pairs = [(a, b) for a, b in combinations(past.events, 2) if a.day < b.day]
    made = []
    for first, second in rng.sample(pairs, _ORDERS):
        names = [first.name, second.name]
        rng.shuffle(names)
        made.append((first, second, f"What came first, {names[0]} or {names[1]}?"))
    return made


def _windows(past: Past) -> list[tuple[datetime, datetime, str]]:
    """A month, a span of days and the time since a day, none of them without an event."""
    rng = random.Random(past.seed)
    month, day, since = rng.sample(past.events, 3)
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


def _asked_for(asker: Asker, past: Past, start: datetime, end: datetime, text: str) -> Outcome:
    found = asker.memory.timeline(text, k=4 * _TALKS, scope=asker.scope)
    dated = [event.text for event in found if event.dated]
    wanted = [e.told for e in past.events if start <= e.day < end]
    got = [told for told in wanted if any(told in text for text in dated)]
    right = [text for text in dated if any(told in text for told in wanted)]
    return Outcome(
        ("what happened then",),
        {
            "window_recall": len(got) / max(len(wanted), 1),
            "window_precision": len(right) / max(len(dated), 1),
        },
        text=text,
    )

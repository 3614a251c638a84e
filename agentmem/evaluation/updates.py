"""Users whose circumstances change: is the newest found first, and the old one in its time?"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from agentmem.evaluation.phrases import PHRASINGS, Attribute, phrases
from agentmem.evaluation.tasks import Asker, Outcome
from agentmem_stores import InvalidInputError

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue, DialogueSession

__all__ = ["Change", "Life", "UpdatesTask", "lives"]

_BEGUN = datetime(2024, 1, 1, 18, tzinfo=UTC)
_DAYS_APART = 10

Place = tuple[str, int]


@dataclass(frozen=True)
class Change:
    """A value that was told: in which session, at which position, and when."""

    value: str
    place: Place
    said_at: datetime


@dataclass(frozen=True)
class Life:
    """A user's conversation, and the values that each attribute took, oldest first."""

    dialogue: Dialogue
    phrasing: str
    changes: dict[str, tuple[Change, ...]]
    asked: dict[str, str]


def lives(*, users: int = 18, sessions: int = 30, seed: int = 0) -> Iterator[Life]:
    """Make users one by one; the same arguments make the same.

    Every attribute is told two to four times, in different sessions, in between what is told of
    other people in much the same words, and small talk.

    Raises:
        InvalidInputError: there are no users, or fewer than 4 sessions.
    """
    if users < 1 or sessions < 4:
        raise InvalidInputError(
            f"users={users} must be at least 1 and sessions={sessions} at least 4"
        )
    for number in range(users):
        rng = random.Random(f"{seed}:{number}")
        yield _life(rng, f"user-{number + 1}", PHRASINGS[number % len(PHRASINGS)], sessions)


def _life(rng: random.Random, owner: str, phrasing: str, sessions: int) -> Life:
    from agentmem.formats.dialogue import Dialogue

    attributes = phrases().attributes
    plan = {a.name: _plan(rng, a, sessions) for a in attributes}
    changes: dict[str, list[Change]] = {a.name: [] for a in attributes}
    made = []
    for day in range(sessions):
        told = [
            (a, plan[a.name][day], rng.choice(a.words[phrasing].told))
            for a in attributes
            if day in plan[a.name]
        ]
        session, placed = _session(rng, day, told)
        made.append(session)
        for name, change in placed.items():
            changes[name].append(change)
    asked = {a.name: rng.choice(a.words[phrasing].asked) for a in attributes}
    dialogue = Dialogue(owner=owner, sessions=tuple(made), questions=())
    return Life(dialogue, phrasing, {n: tuple(c) for n, c in changes.items()}, asked)


def _plan(rng: random.Random, attribute: Attribute, sessions: int) -> dict[int, str]:
    """The sessions in which an attribute is told, and its values: two to four different ones."""
    count = rng.randint(2, 4)
    days = sorted(rng.sample(range(sessions), count))
    return dict(zip(days, rng.sample(attribute.values, count), strict=True))


def _session(
    rng: random.Random, day: int, told: list[tuple[Attribute, str, str]]
) -> tuple[DialogueSession, dict[str, Change]]:
    from agentmem.formats.dialogue import DialogueSession, DialogueTurn

    known = phrases()
    lines = [(a.name, value, template.format(value)) for a, value, template in told]
    for attribute in rng.sample(known.attributes, 2):
        person, value = rng.choice(known.people), rng.choice(attribute.values)
        lines.append(("", "", _of_others(rng.choice(attribute.others), person, value)))
    lines += [("", "", text) for text in rng.sample(known.asides, 2)]
    rng.shuffle(lines)
    session_id, begun = f"talk-{day + 1}", _BEGUN + timedelta(days=day * _DAYS_APART)
    turns: list[DialogueTurn] = []
    placed: dict[str, Change] = {}
    for name, value, text in lines:
        said_at = begun + timedelta(minutes=len(turns))
        if name:
            placed[name] = Change(value, (session_id, len(turns)), said_at)
        for role, words in (("user", text), ("assistant", rng.choice(known.replies))):
            turns.append(
                DialogueTurn(role=role, speaker=None, text=words, said_at=said_at, metadata={})
            )
    return DialogueSession(id=session_id, started_at=begun, turns=tuple(turns)), placed


def _of_others(template: str, person: str, value: str) -> str:
    if not template.startswith("{}"):
        person = person[0].lower() + person[1:]
    return template.format(person, value)


@dataclass(frozen=True)
class UpdatesTask:
    """Asks for every attribute as it is now, and as it was between two changes.

    `newest_first`: the turn that told the newest value is found, before every turn that told an
    older one. `newest_at_1`: it comes first of all. `as_of_right`: asked as of the middle between
    two changes, the value of that time is found, before every other value of the attribute.
    """

    users: int = 18
    sessions: int = 30
    seed: int = 0
    limit: int | None = None
    name: str = "updates"
    crossed: bool = False
    headline: tuple[str, ...] = ("turn newest_first", "turn newest_at_1", "turn as_of_right")

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield a conversation for each user, as long as there is something to be asked."""
        left = self.limit
        for life in self._lives():
            if left is not None and left <= 0:
                return
            yield life.dialogue
            if left is not None:
                left -= len(_questions(life))

    def _lives(self) -> Iterator[Life]:
        return lives(users=self.users, sessions=self.sessions, seed=self.seed)

    def _asked(self, dialogue: Dialogue) -> tuple[Life, list[_Asked]]:
        left = self.limit
        for life in self._lives():
            questions = _questions(life)
            if life.dialogue.owner == dialogue.owner:
                return life, questions if left is None else questions[:left]
            left = None if left is None else left - len(questions)
        raise InvalidInputError(f"{dialogue.owner!r} is none of this task's users")

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return the number of questions; none is left out."""
        return len(self._asked(dialogue)[1]), 0

    def ask(self, asker: Asker, dialogue: Dialogue, *, answer: bool) -> Iterator[Outcome]:
        """Ask for each attribute, now and then."""
        life, questions = self._asked(dialogue)
        for question in questions:
            yield _ask(asker, life, question)


@dataclass(frozen=True)
class _Asked:
    """A question for an attribute; `as_of` None asks for the present."""

    attribute: str
    wanted: Change
    as_of: datetime | None


def _questions(life: Life) -> list[_Asked]:
    made = []
    for name, changes in life.changes.items():
        made.append(_Asked(name, changes[-1], None))
        for before, after in pairwise(changes):
            middle = before.said_at + (after.said_at - before.said_at) / 2
            made.append(_Asked(name, before, middle))
    return made


def _ask(asker: Asker, life: Life, question: _Asked) -> Outcome:
    text = life.asked[question.attribute]
    found, seconds = asker.search(text, asker.moment(None), as_of=question.as_of)
    places = [(hit.memory.session_id, hit.memory.position) for hit in found]
    values = {change.place for change in life.changes[question.attribute]}
    first = next((place for place in places if place in values), None)
    right = float(first == question.wanted.place)
    if question.as_of is None:
        at_1 = float(places[:1] == [question.wanted.place])
        turn = {"newest_first": right, "newest_at_1": at_1}
    else:
        turn = {"as_of_right": right}
    return Outcome(
        categories=(f"{life.phrasing} words".replace("_", "-"), question.attribute),
        turn=turn,
        confidence=found.confidence,
        seconds=seconds,
        text=text,
    )

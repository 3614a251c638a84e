"""Users whose circumstances change: does the newest value rank first, the old one as of then?"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from agentmem.evaluation.phrases import PHRASINGS, Attribute, phrases
from agentmem.evaluation.tasks import MemoryUnderTest, Outcome
from agentmem_stores import InvalidInputError

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue, DialogueSession

__all__ = ["Change", "GeneratedUser", "UpdatesTask", "generate_users"]

_START = datetime(2024, 1, 1, 18, tzinfo=UTC)
# Between two sessions: 30 of them cover ten months.
_DAYS_APART = 10

# A turn: its session and its position in it.
Place = tuple[str, int]


@dataclass(frozen=True)
class Change:
    """A new value of an attribute, and the turn that states it."""

    value: str
    place: Place
    said_at: datetime


@dataclass(frozen=True)
class GeneratedUser:
    """A user's conversation, and what was said in it.

    Attributes:
        phrasing: in which the user speaks and is asked, one of `PHRASINGS`.
        changes: the values of each attribute, oldest first.
        questions: one for each attribute.
        relations: whom the user has dealings with, and what is stated of them.
    """

    dialogue: Dialogue
    phrasing: str
    changes: dict[str, tuple[Change, ...]]
    questions: dict[str, str]
    relations: tuple[ChangingRelation, ...]


@dataclass(frozen=True)
class ChangingRelation:
    """A relation of the user that passes from one person to another.

    Attributes:
        name: "manager".
        question: asks for a detail of the person it is now: "Where does my manager live?"
        holders: the turns that say who it is, oldest first.
        details: for each of them, the turn that states the detail.
    """

    name: str
    question: str
    holders: tuple[Place, ...]
    details: tuple[Place, ...]


def generate_users(
    *, users: int = 18, sessions: int = 30, seed: int = 0
) -> Iterator[GeneratedUser]:
    """Generate users one by one; the result depends on the arguments only.

    Every attribute takes two to four values, stated in different sessions, between similar
    statements about other people, and small talk.

    Raises:
        InvalidInputError: there are no users, or fewer than 4 sessions.
    """
    if users < 1 or sessions < 4:
        raise InvalidInputError(f"users={users} must be >= 1, and sessions={sessions} >= 4")
    for number in range(users):
        rng = random.Random(f"{seed}:{number}")
        yield _generate_user(
            rng, f"user-{number + 1}", PHRASINGS[number % len(PHRASINGS)], sessions
        )


def _generate_user(rng: random.Random, owner: str, phrasing: str, sessions: int) -> GeneratedUser:
    from agentmem.formats.dialogue import Dialogue

    attributes = phrases().attributes
    plan = {a.name: _plan(rng, a, sessions) for a in attributes}
    changes: dict[str, list[Change]] = {a.name: [] for a in attributes}
    dialogue_sessions = []
    for day in range(sessions):
        statements = [
            (a, plan[a.name][day], rng.choice(a.phrasings[phrasing].statements))
            for a in attributes
            if day in plan[a.name]
        ]
        session, placed = _session(rng, day, statements)
        dialogue_sessions.append(session)
        for name, change in placed.items():
            changes[name].append(change)
    questions = {a.name: rng.choice(a.phrasings[phrasing].questions) for a in attributes}
    about_people, relations = _generate_relations(rng, sessions)
    dialogue = Dialogue(
        owner=owner,
        sessions=tuple(
            sorted([*dialogue_sessions, *about_people], key=lambda s: s.started_at or _START)
        ),
        questions=(),
    )
    changes_of = {name: tuple(of_name) for name, of_name in changes.items()}
    return GeneratedUser(dialogue, phrasing, changes_of, questions, relations)


def _plan(rng: random.Random, attribute: Attribute, sessions: int) -> dict[int, str]:
    """Return two to four different values by the session that states them."""
    count = rng.randint(2, 4)
    days = sorted(rng.sample(range(sessions), count))
    return dict(zip(days, rng.sample(attribute.values, count), strict=True))


def _session(
    rng: random.Random, day: int, statements: list[tuple[Attribute, str, str]]
) -> tuple[DialogueSession, dict[str, Change]]:
    """Return a session, and by attribute the changes that it states."""
    known = phrases()
    lines = [(a.name, value, template.format(value)) for a, value, template in statements]
    for attribute in rng.sample(known.attributes, 2):
        person, value = rng.choice(known.people), rng.choice(attribute.values)
        template = rng.choice(attribute.others)
        if not template.startswith("{}"):
            person = person[0].lower() + person[1:]
        lines.append(("", "", template.format(person, value)))
    lines += [("", "", text) for text in rng.sample(known.asides, 2)]
    rng.shuffle(lines)
    session_id, start = f"talk-{day + 1}", _START + timedelta(days=day * _DAYS_APART)
    session = _talk(rng, session_id, start, [text for _, _, text in lines])
    placed = {
        name: Change(value, (session_id, 2 * n), start + timedelta(minutes=2 * n))
        for n, (name, value, _) in enumerate(lines)
        if name
    }
    return session, placed


def _generate_relations(
    rng: random.Random, sessions: int
) -> tuple[list[DialogueSession], tuple[ChangingRelation, ...]]:
    """Return sessions about people, and the user's relations to them, each held by two or three."""
    known = phrases()
    names = rng.sample(known.names, len(known.names))
    lines: list[tuple[int, str]] = []
    stated: dict[str, tuple[str, list[str], list[str]]] = {}
    for relation in known.relations:
        detail, count = rng.choice(known.details), rng.randint(2, 3)
        people = [names.pop() for _ in range(count)]
        values = rng.sample(detail.values, count)
        later = rng.sample(relation.statements[1:], count - 1)
        holders = [
            t.format(p) for t, p in zip([relation.statements[0], *later], people, strict=True)
        ]
        details = [detail.statement.format(p, v) for p, v in zip(people, values, strict=True)]
        lines += zip(sorted(rng.sample(range(sessions), count)), holders, strict=True)
        lines += [(rng.randrange(sessions), text) for text in details]
        question = detail.question.format(f"my {relation.name}")
        stated[relation.name] = (question, holders, details)
    for name in names:
        detail = rng.choice(known.details)
        text = detail.statement.format(name, rng.choice(detail.values))
        lines.append((rng.randrange(sessions), text))
    place_of: dict[str, Place] = {}
    talks = []
    for day in sorted({day for day, _ in lines}):
        texts = [text for on, text in lines if on == day]
        rng.shuffle(texts)
        start = _START + timedelta(days=day * _DAYS_APART + _DAYS_APART // 2)
        talk = _talk(rng, f"people-{day + 1}", start, texts)
        place_of |= {text: (talk.id, 2 * n) for n, text in enumerate(texts)}
        talks.append(talk)
    relations = (
        ChangingRelation(
            name,
            question,
            tuple(place_of[text] for text in holders),
            tuple(place_of[text] for text in details),
        )
        for name, (question, holders, details) in stated.items()
    )
    return talks, tuple(relations)


def _talk(
    rng: random.Random, session_id: str, start: datetime, texts: Sequence[str]
) -> DialogueSession:
    """Return a session of the user's texts, each with a reply of the assistant."""
    from agentmem.formats.dialogue import DialogueSession, DialogueTurn

    turns: list[DialogueTurn] = []
    for text in texts:
        said_at = start + timedelta(minutes=len(turns))
        for role, words in (("user", text), ("assistant", rng.choice(phrases().replies))):
            turns.append(
                DialogueTurn(role=role, speaker=None, text=words, said_at=said_at, metadata={})
            )
    return DialogueSession(id=session_id, started_at=start, turns=tuple(turns))


@dataclass(frozen=True)
class _Question:
    """A question for an attribute; `as_of` None asks for the present."""

    attribute: str
    expected: Change
    as_of: datetime | None


_AnyQuestion = _Question | ChangingRelation


@dataclass(frozen=True)
class UpdatesTask:
    """Ask for every attribute as it is now, and as it was between two changes.

    `newest_first`: the turn with the newest value ranks above all turns with older ones.
    `newest_at_1`: it is the first hit. `as_of_right`: asked as of the middle between two changes,
    the value of that time ranks above all others of the attribute. `two_hops_right`: asked for
    something of whoever is the user's manager now, the turn that says who it is ranks above those
    that say who it was, and what is stated of this person above what is stated of former ones.
    """

    users: int = 18
    sessions: int = 30
    seed: int = 0
    limit: int | None = None
    name: str = "updates"
    unanswerable_elsewhere: bool = False
    headline: tuple[str, ...] = (
        "turn newest_first",
        "turn newest_at_1",
        "turn as_of_right",
        "turn two_hops_right",
    )

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield a conversation for each user until `limit` questions are asked."""
        for user, questions in self._users_and_questions():
            if questions:
                yield user.dialogue

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return the number of questions; none is left out."""
        return len(self._of(dialogue)[1]), 0

    def ask(
        self, memory: MemoryUnderTest, dialogue: Dialogue, *, answer: bool
    ) -> Iterator[Outcome]:
        """Ask for each attribute, now and as of the past."""
        user, questions = self._of(dialogue)
        for question in questions:
            if isinstance(question, ChangingRelation):
                yield _ask_two_hops(memory, question)
            else:
                yield _ask(memory, user, question)

    def _users_and_questions(self) -> Iterator[tuple[GeneratedUser, list[_AnyQuestion]]]:
        left = self.limit
        for user in generate_users(users=self.users, sessions=self.sessions, seed=self.seed):
            questions = _questions(user)[:left]
            yield user, questions
            left = None if left is None else left - len(questions)

    def _of(self, dialogue: Dialogue) -> tuple[GeneratedUser, list[_AnyQuestion]]:
        for user, questions in self._users_and_questions():
            if user.dialogue.owner == dialogue.owner:
                return user, questions
        raise InvalidInputError(f"{dialogue.owner!r} is not a user of this task")


def _questions(user: GeneratedUser) -> list[_AnyQuestion]:
    questions: list[_AnyQuestion] = []
    for name, changes in user.changes.items():
        questions.append(_Question(name, changes[-1], None))
        for before, after in pairwise(changes):
            middle = before.said_at + (after.said_at - before.said_at) / 2
            questions.append(_Question(name, before, middle))
    return [*questions, *user.relations]


def _ask(memory: MemoryUnderTest, user: GeneratedUser, question: _Question) -> Outcome:
    text = user.questions[question.attribute]
    result, seconds = memory.search(text, memory.time_of(None), as_of=question.as_of)
    hits = [(hit.memory.session_id, hit.memory.position) for hit in result]
    places = {change.place for change in user.changes[question.attribute]}
    first = next((place for place in hits if place in places), None)
    right = float(first == question.expected.place)
    if question.as_of is None:
        at_1 = float(hits[:1] == [question.expected.place])
        turn = {"newest_first": right, "newest_at_1": at_1}
    else:
        turn = {"as_of_right": right}
    return Outcome(
        categories=(f"{user.phrasing} words".replace("_", "-"), question.attribute),
        turn=turn,
        confidence=result.confidence,
        seconds=seconds,
        text=text,
    )


def _ask_two_hops(memory: MemoryUnderTest, relation: ChangingRelation) -> Outcome:
    result, seconds = memory.search(relation.question, memory.time_of(None))
    hits = [(hit.memory.session_id, hit.memory.position) for hit in result]
    right = all(
        next((place for place in hits if place in places), None) == places[-1]
        for places in (relation.holders, relation.details)
    )
    return Outcome(
        categories=("two hops",),
        turn={"two_hops_right": float(right)},
        confidence=result.confidence,
        seconds=seconds,
        text=relation.question,
    )

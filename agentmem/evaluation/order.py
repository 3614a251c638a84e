"""The order of events, after SORT (sequence order recall): which of two things came first?

Asked of the timeline: "What came first, A or B?" In generated stories, events without dates are
told one after another over several sessions, with small talk in between. LoCoMo's questions for the
times of two events make one question for their order, and LongMemEval has such questions.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import TYPE_CHECKING

from agentmem.evaluation.tasks import MemoryUnderTest, Outcome, turn_names
from agentmem_retrievers.text.dates import TimeSpan, find_time_spans
from agentmem_retrievers.text.tokenize import tokenize

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue, DialogueQuestion

__all__ = ["OrderQuestionTask", "OrderTask", "order_questions", "story"]

_START = datetime(2024, 1, 1, 9, tzinfo=UTC)
_PEOPLE = (
    "the baker",
    "the ferryman",
    "the teacher",
    "the clockmaker",
    "the gardener",
    "the judge",
)
_DEEDS = (
    ("found a map in the attic", "finding the map in the attic"),
    ("sold a horse at the market", "selling the horse at the market"),
    ("repaired the bridge", "repairing the bridge"),
    ("lost a ring in the river", "losing the ring in the river"),
    ("painted the church door", "painting the church door"),
    ("wrote a letter to the king", "writing the letter to the king"),
    ("planted an orchard", "planting the orchard"),
    ("missed the last boat", "missing the last boat"),
)
_BETWEEN = ("The wind turned at noon.", "Nobody slept that night.", "The bells rang twice.")


@dataclass(frozen=True)
class _Question:
    text: str
    first: str
    apart: int


def story(seed: int, events: int) -> tuple[Dialogue, list[_Question]]:
    """Generate a story of `events` events, and a question for each of as many pairs."""
    from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn

    rng = random.Random(f"story/{seed}")
    pairs = [(who, deed) for who in _PEOPLE for deed in _DEEDS]
    chosen = rng.sample(pairs, min(events, len(pairs)))
    texts: list[str] = []
    for who, (past, _) in chosen:
        texts.append(f"{who[0].upper()}{who[1:]} {past}.")
        if rng.random() < 0.4:
            texts.append(rng.choice(_BETWEEN))
    sessions = []
    for n, begin in enumerate(range(0, len(texts), 8)):
        turns = tuple(
            DialogueTurn("user", None, text, _START + timedelta(days=n, minutes=m), {})
            for m, text in enumerate(texts[begin : begin + 8])
        )
        sessions.append(DialogueSession(f"chapter-{n + 1}", turns[0].said_at, turns))
    questions = []
    for _ in chosen:
        one, other = sorted(rng.sample(range(len(chosen)), 2))
        named = [f"{chosen[i][0]} {chosen[i][1][1]}" for i in (one, other)]
        rng.shuffle(named)
        who, (past, _ing) = chosen[one]
        first = f"{who[0].upper()}{who[1:]} {past}."
        text = f"What came first, {named[0]} or {named[1]}?"
        questions.append(_Question(text, first, other - one))
    return Dialogue(owner=f"story-{seed}", sessions=tuple(sessions)), questions


@dataclass(frozen=True)
class OrderTask:
    """Ask which of two events came first; `first_right` counts the right first event."""

    stories: int = 5
    events: int = 24
    seed: int = 0
    name: str = "order"
    unanswerable_elsewhere: bool = False
    headline: tuple[str, ...] = ("turn first_right",)

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield the stories."""
        for n in range(self.stories):
            yield story(self.seed * 1000 + n, self.events)[0]

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return the number of questions; none is left out."""
        return len(self._questions(dialogue)), 0

    def ask(
        self, memory: MemoryUnderTest, dialogue: Dialogue, *, answer: bool
    ) -> Iterator[Outcome]:
        """Ask for the first of two events."""
        for question in self._questions(dialogue):
            memory.clock.now = memory.time_of(None)
            events = memory.memory.timeline(question.text, scope=memory.scope)
            right = bool(events) and events[0].text == question.first
            kind = "within a session" if question.apart < 5 else "across sessions"
            yield Outcome(
                categories=(kind,), turn={"first_right": float(right)}, text=question.text
            )

    def _questions(self, dialogue: Dialogue) -> list[_Question]:
        return story(int(dialogue.owner.removeprefix("story-")), self.events)[1]


# Per conversation: all pairs of dated events are quadratically many.
_MAX_PAIRS = 40
# A whole answer that is a date, a month or a year; "the week before ..." is left out.
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = re.compile(
    rf"(?:\d{{1,2}} )?(?:(?:{_MONTH}),? )?(?:\d{{1,2}},? )?\d{{4}}\.?", re.IGNORECASE
)
_WHEN = re.compile(r"When (?:did|was) ([^,?]+)\?")
_WHICH_FIRST = re.compile(r"(?:which|what|who)\b[^,]* first, (.+) or (.+)\?", re.IGNORECASE)


@dataclass(frozen=True)
class OrderQuestion:
    """A question for the order of two events.

    Attributes:
        session_id: the session in which the first of them is told.
        asked_at: UTC; None if the file has no time.
    """

    text: str
    session_id: str
    kind: str
    asked_at: datetime | None = None


def order_questions(dialogue: Dialogue, *, seed: int = 0) -> list[OrderQuestion]:
    """Return the questions for the order of events that a conversation of a data set allows.

    Pairs of LoCoMo's dated events, at most 40 for each conversation, and LongMemEval's questions
    of the form "Which ... first, A or B?".
    """
    events = [event for question in dialogue.questions if (event := _dated(question, dialogue))]
    rng = random.Random(f"{seed}/{dialogue.owner}")
    pairs = [
        (one, other)
        for one, other in combinations(sorted(events, key=lambda event: event[1].start), 2)
        if one[1].end <= other[1].start
    ]
    orders: dict[str, OrderQuestion] = {}
    for first, last in rng.sample(pairs, min(len(pairs), _MAX_PAIRS)):
        named = rng.sample((first[0], last[0]), 2)
        text = f"What came first, {named[0]} or {named[1]}?"
        orders[text] = OrderQuestion(text, first[2], "dated events")
    for question in dialogue.questions:
        session_id = _session_of(question, dialogue)
        if session_id is not None:
            orders[question.text] = OrderQuestion(
                question.text, session_id, "temporal questions", question.asked_at
            )
    return list(orders.values())


def _dated(question: DialogueQuestion, dialogue: Dialogue) -> tuple[str, TimeSpan, str] | None:
    """Return the event that a question asks the date of, its date, and the session that tells it.

    >>> bool(_WHEN.fullmatch("When did Ada move?")), bool(_DATE.fullmatch("7 May 2023"))
    (True, True)
    """
    match, answer = _WHEN.fullmatch(question.text.strip()), (question.answer or "").strip()
    if match is None or " or " in match[1] or not _DATE.fullmatch(answer):
        return None
    spans = list(find_time_spans(answer, _START))
    sessions = {session for session, _ in _evidence(question, dialogue)}
    if len(spans) != 1 or len(sessions) != 1:
        return None
    return match[1], spans[0], sessions.pop()


def _session_of(question: DialogueQuestion, dialogue: Dialogue) -> str | None:
    """Return the session that tells of the event which is the answer; None for other questions.

    Of the sessions with evidence, it is the one that has most words of the answer.
    """
    asks = _WHICH_FIRST.fullmatch(question.text.strip())
    if asks is None or question.answer is None or question.id.endswith("_abs"):
        return None
    wanted = set(tokenize(question.answer))
    shared: dict[str, int] = {}
    for session_id, text in _evidence(question, dialogue):
        common = len(wanted.intersection(tokenize(text)))
        shared[session_id] = max(shared.get(session_id, 0), common)
    ranked = sorted(shared, key=lambda session_id: -shared[session_id])
    if len(ranked) < 2 or shared[ranked[0]] == shared[ranked[1]]:
        return None
    return ranked[0]


def _evidence(question: DialogueQuestion, dialogue: Dialogue) -> Iterator[tuple[str, str]]:
    """Yield the sessions and the texts of the turns that hold a question's answer."""
    wanted, names = set(question.evidence_turns), turn_names(dialogue)
    for session in dialogue.sessions:
        for position, turn in enumerate(session.turns):
            if names[session.id, position] in wanted:
                yield session.id, turn.text


@dataclass(frozen=True)
class OrderQuestionTask:
    """Ask which of two events of a data set came first.

    `first_right` counts the questions whose first event is told in the session that tells of the
    right one: a timeline that takes another turn for it is wrong, whatever its time.
    """

    read: Callable[[], Iterable[Dialogue]]
    seed: int = 0
    limit: int | None = None
    name: str = "order"
    unanswerable_elsewhere: bool = False
    headline: tuple[str, ...] = ("turn first_right",)

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield the conversations that have such questions."""
        left = self.limit
        for dialogue in self.read():
            n_questions, _ = self.count(dialogue)
            if n_questions and (left is None or left > 0):
                yield dialogue
                left = None if left is None else left - n_questions

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return the number of questions; none is left out."""
        return len(order_questions(dialogue, seed=self.seed)), 0

    def ask(
        self, memory: MemoryUnderTest, dialogue: Dialogue, *, answer: bool
    ) -> Iterator[Outcome]:
        """Ask for the first of two events."""
        for question in order_questions(dialogue, seed=self.seed):
            memory.clock.now = memory.time_of(question.asked_at)
            events = memory.memory.timeline(question.text, scope=memory.scope)
            right = bool(events) and events[0].memory.session_id == question.session_id
            yield Outcome(
                categories=(question.kind,), turn={"first_right": float(right)}, text=question.text
            )

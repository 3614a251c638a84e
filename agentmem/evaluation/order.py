"""The order of events, after SORT (sequence order recall): which of two things was told first?

Generated stories: events without dates, told one after another over several sessions, with small
talk in between. Asked of the timeline: "What came first, A or B?"
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from agentmem.evaluation.tasks import MemoryUnderTest, Outcome

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue

__all__ = ["OrderTask", "story"]

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
    """Generate a story of so many events, and a question for each of as many pairs."""
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

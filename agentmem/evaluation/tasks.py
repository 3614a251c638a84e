"""Tasks: conversations, and the questions that are asked of the memory of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from agentmem.evaluation.answers import memory_lines
from agentmem.evaluation.metrics import cutoffs, ranking_scores
from agentmem_retrievers import SearchResult
from agentmem_stores import Granularity, Scope

if TYPE_CHECKING:
    from agentmem.controller.controller import MemoryController
    from agentmem.formats.dialogue import Dialogue, DialogueQuestion

__all__ = [
    "AnswerScorer", "Evidence", "FixedClock", "MemoryUnderTest", "Outcome", "RankingTask", "Task",
    "end_of", "evidence", "turn_names",
]  # fmt: skip

# The end of conversations without any time; every later date would do as well.
_NO_TIME = datetime(2024, 1, 1, tzinfo=UTC)
# Time after the last turn at which questions without a time are asked.
_DELAY = timedelta(days=1)
# A session may be stored as several passages, which are separate hits: for k sessions, so many
# times k passages are searched.
_PASSAGES = 5


def end_of(dialogue: Dialogue) -> datetime:
    """Return the time of the last turn of a conversation, UTC."""
    turns = (turn.said_at for session in dialogue.sessions for turn in session.turns)
    starts = (session.started_at for session in dialogue.sessions)
    return max((time for time in (*turns, *starts) if time is not None), default=_NO_TIME)


@dataclass
class FixedClock:
    """A clock that stands still until `now` is set."""

    now: datetime = _NO_TIME

    def __call__(self) -> datetime:
        """Return `now`."""
        return self.now


@dataclass(frozen=True)
class MemoryUnderTest:
    """The memory of one conversation, searched at times that the questions give.

    Searches do not reinforce, so no result depends on the questions before it.

    Attributes:
        end: of the conversation.
        k: how many memories a search returns.
    """

    memory: MemoryController
    clock: FixedClock
    scope: Scope
    end: datetime
    k: int

    def time_of(self, asked_at: datetime | None) -> datetime:
        """Return when a question is asked: at its own time, else a day after the last turn."""
        return asked_at or self.end + _DELAY

    def search(self, text: str, now: datetime, **options: Any) -> tuple[SearchResult, float]:
        """Return the result of a search, and the seconds it took.

        Args:
            now: what the memory's clock says.
            options: of `MemoryController.search`.
        """
        self.clock.now = now
        defaults: dict[str, Any] = {"k": self.k, "scope": self.scope, "reinforce": False}
        start = time.perf_counter()
        result = self.memory.search(text, **(defaults | options))
        return result, time.perf_counter() - start


@dataclass(frozen=True)
class Outcome:
    """How one question went.

    Attributes:
        categories: what the question counts under.
        turn, session, answer: metrics by name, in [0, 1].
        confidence: of the search.
        seconds: of the search for turns, including the embedding of the question.
        text: the question.
        delay: time between the last turn of the conversation and the question.
    """

    categories: tuple[str, ...]
    turn: Mapping[str, float]
    session: Mapping[str, float] = field(default_factory=dict)
    answer: Mapping[str, float] = field(default_factory=dict)
    confidence: float = 0.0
    seconds: float = 0.0
    text: str = ""
    delay: timedelta = _DELAY


class Task(Protocol):
    """Something to measure a memory on."""

    @property
    def name(self) -> str:
        """Name in the report."""

    @property
    def unanswerable_elsewhere(self) -> bool:
        """Whether the questions make sense in another conversation, but have no answer there.

        Then they measure the confidence.
        """

    @property
    def headline(self) -> tuple[str, ...]:
        """The metrics, such as `turn recall_all@10`, that a summary shows."""

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield the conversations one at a time, so that they need not fit into memory."""

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return how many questions of a conversation are asked, and how many are left out."""

    def ask(
        self, memory: MemoryUnderTest, dialogue: Dialogue, *, answer: bool
    ) -> Iterator[Outcome]:
        """Ask the questions of a conversation.

        Args:
            answer: also let the answering model answer, if there is one.
        """


class AnswerScorer(Protocol):
    """Answers a question from lines of memories, and scores the answer."""

    def __call__(
        self, question: DialogueQuestion, memories: str, today: datetime
    ) -> dict[str, float]:
        """Return metrics by name, in [0, 1]; empty if the data set has no answer."""


@dataclass(frozen=True)
class Evidence:
    """What answers a question: names of turns as in `turn_names`, and ids of sessions."""

    turns: frozenset[str]
    sessions: frozenset[str]


def turn_names(dialogue: Dialogue) -> dict[tuple[str, int], str]:
    """Return the name of every turn, as evidence names it, by its session and position."""
    return {
        (session.id, i): str(turn.metadata.get("dia_id") or f"{session.id}:{i}")
        for session in dialogue.sessions
        for i, turn in enumerate(session.turns)
    }


def evidence(dialogue: Dialogue, question: DialogueQuestion) -> Evidence | None:
    """Return the evidence of a question that the conversation contains; None without any.

    Data sets name a few turns that they do not contain. Nothing could find these, so they do not
    count. LongMemEval's questions without an answer (`_abs`) have no evidence.
    """
    if question.id.endswith("_abs"):
        return None
    names = turn_names(dialogue)
    turns = frozenset(names.values()).intersection(question.evidence_turns)
    of_turns = {session for (session, _), name in names.items() if name in turns}
    present = {session.id for session in dialogue.sessions}
    sessions = frozenset(of_turns | present.intersection(question.evidence_sessions))
    return Evidence(turns, sessions) if sessions else None


@dataclass(frozen=True)
class RankingTask:
    """A data set of conversations and questions with evidence, such as LoCoMo and LongMemEval.

    Args:
        read: yields the conversations; called once for every pass.
        k: how many memories a search returns.
        limit: ask only this many questions, the first of the data set; None for all.
        answers: answers from the results; None to judge only the results.
    """

    name: str
    read: Callable[[], Iterable[Dialogue]]
    k: int = 10
    limit: int | None = None
    answers: AnswerScorer | None = None
    unanswerable_elsewhere: bool = True

    @property
    def headline(self) -> tuple[str, ...]:
        """The metrics that a summary shows."""
        k, five = self.k, min(self.k, 5)
        names = [f"session recall_all@{five}", f"session ndcg@{k}", f"turn recall_all@{five}",
                 f"turn recall_all@{k}", f"turn ndcg@{k}"]  # fmt: skip
        return tuple(dict.fromkeys(names))

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield conversations until `limit` questions have been seen."""
        left = self.limit
        for dialogue in self.read():
            if left is None:
                yield dialogue
                continue
            questions = [q for q in dialogue.questions if evidence(dialogue, q)][:left]
            left -= len(questions)
            if questions:
                yield replace(dialogue, questions=tuple(questions))
            if not left:
                return

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return how many questions have evidence, and how many have none."""
        n = sum(evidence(dialogue, q) is not None for q in dialogue.questions)
        return n, len(dialogue.questions) - n

    def ask(
        self, memory: MemoryUnderTest, dialogue: Dialogue, *, answer: bool
    ) -> Iterator[Outcome]:
        """Search for the turns and the sessions that answer each question."""
        names = turn_names(dialogue)
        ks = cutoffs(self.k)
        for question in dialogue.questions:
            relevant = evidence(dialogue, question)
            if relevant is None:
                continue
            now = memory.time_of(question.asked_at)
            result, seconds = memory.search(question.text, now, k=self.k)
            turns = [names[hit.memory.session_id, hit.memory.position] for hit in result]
            passages, _ = memory.search(
                question.text, now, k=self.k * _PASSAGES, granularity=Granularity.SESSION
            )
            sessions = list(dict.fromkeys(hit.memory.session_id for hit in passages))
            category = question.category
            yield Outcome(
                categories=(str(category),) if category is not None else (),
                turn=ranking_scores(turns, relevant.turns, ks) if relevant.turns else {},
                session=ranking_scores(sessions, relevant.sessions, ks),
                answer=self._answer(question, result) if answer else {},
                confidence=result.confidence,
                seconds=seconds,
                text=question.text,
                delay=now - memory.end,
            )

    def _answer(self, question: DialogueQuestion, result: SearchResult) -> Mapping[str, float]:
        if self.answers is None:
            return {}
        return self.answers(question, memory_lines(result), result.asked_at)

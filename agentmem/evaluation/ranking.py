"""Questions whose evidence is known: is it found, and how high up?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from agentmem.evaluation.metrics import cutoffs, ranking_scores
from agentmem.evaluation.tasks import Asker, Outcome
from agentmem_retrievers import SearchResult
from agentmem_stores import Granularity

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue, DialogueQuestion

__all__ = ["Evidence", "RankingTask", "evidence", "turn_names"]

# A session may be written as several passages, which are found separately.
_PASSAGES = 5


class Answers(Protocol):
    """Answers a question from what was found, and marks the answer."""

    def __call__(self, question: DialogueQuestion, found: SearchResult) -> dict[str, float]:
        """Return metrics by name, in [0, 1]; empty where no right answer is known."""


@dataclass(frozen=True)
class Evidence:
    """What a question should find: names of turns as in `turn_names`, and ids of sessions."""

    turns: frozenset[str]
    sessions: frozenset[str]


def turn_names(dialogue: Dialogue) -> dict[tuple[str, int], str]:
    """Name every turn, by its session and its position in it, as the questions name evidence."""
    return {
        (session.id, i): str(turn.metadata.get("dia_id") or f"{session.id}:{i}")
        for session in dialogue.sessions
        for i, turn in enumerate(session.turns)
    }


def evidence(dialogue: Dialogue, question: DialogueQuestion) -> Evidence | None:
    """Return the evidence of a question as far as the conversation holds it; None without any.

    Turns that the data set names but does not hold cannot be found by anybody, so they are not
    asked for. LongMemEval's questions without an answer (`_abs`) have no evidence.
    """
    if question.id.endswith("_abs"):
        return None
    names = turn_names(dialogue)
    turns = frozenset(names.values()).intersection(question.evidence_turns)
    homes = {session for (session, _), name in names.items() if name in turns}
    held = {session.id for session in dialogue.sessions}
    sessions = frozenset(homes | held.intersection(question.evidence_sessions))
    return Evidence(turns, sessions) if sessions else None


@dataclass(frozen=True)
class RankingTask:
    """A data set of conversations with questions, such as LoCoMo and LongMemEval.

    Args:
        read: yields the conversations; called once for every pass.
        limit: ask only so many questions, the first of the data set; None for all.
        answers: answers from what is found; None to judge only what is found.
    """

    name: str
    read: Callable[[], Iterable[Dialogue]]
    k: int = 10
    limit: int | None = None
    answers: Answers | None = None
    crossed: bool = True

    @property
    def headline(self) -> tuple[str, ...]:
        """What a summary shows."""
        k, five = self.k, min(self.k, 5)
        shown = [f"session recall_all@{five}", f"session ndcg@{k}", f"turn recall_all@{five}",
                 f"turn recall_all@{k}", f"turn ndcg@{k}"]  # fmt: skip
        return tuple(dict.fromkeys(shown))

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield conversations until as many questions as wanted have been seen."""
        left = self.limit
        for dialogue in self.read():
            if left is None:
                yield dialogue
                continue
            kept = [q for q in dialogue.questions if evidence(dialogue, q)][:left]
            left -= len(kept)
            if kept:
                yield replace(dialogue, questions=tuple(kept))
            if not left:
                return

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return how many questions have evidence, and how many have none."""
        asked = sum(evidence(dialogue, q) is not None for q in dialogue.questions)
        return asked, len(dialogue.questions) - asked

    def ask(self, asker: Asker, dialogue: Dialogue, *, answer: bool) -> Iterator[Outcome]:
        """Ask for turns, then for sessions, each question on its own."""
        names = turn_names(dialogue)
        for question in dialogue.questions:
            wanted = evidence(dialogue, question)
            if wanted is not None:
                yield self._ask(asker, question, wanted, names, answer)

    def _ask(
        self,
        asker: Asker,
        question: DialogueQuestion,
        wanted: Evidence,
        names: dict[tuple[str, int], str],
        answer: bool,
    ) -> Outcome:
        ks = cutoffs(self.k)
        moment = asker.moment(question.asked_at)
        found, seconds = asker.search(question.text, moment, k=self.k)
        turns = [names[hit.memory.session_id, hit.memory.position] for hit in found]
        passages, _ = asker.search(
            question.text, moment, k=self.k * _PASSAGES, granularity=Granularity.SESSION
        )
        sessions = list(dict.fromkeys(hit.memory.session_id for hit in passages))
        answered = self.answers(question, found) if answer and self.answers else {}
        return Outcome(
            categories=(str(question.category),) if question.category is not None else (),
            turn=ranking_scores(turns, wanted.turns, ks) if wanted.turns else {},
            session=ranking_scores(sessions, wanted.sessions, ks),
            answer=answered,
            confidence=found.confidence,
            seconds=seconds,
            text=question.text,
            rest=moment - asker.end,
        )
